"""`make bench`: every benchmark, or the named ones (`make bench ARGS="minhash pii"`), one after the other.

Each compares ours with a peer or a plain reference in the same run and prints ratios of medians: absolute figures depend on the
machine, ratios hold.
"""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "ingest",
    "minhash",
    "language",
    "pii",
    "quality",
    "archives",
    "extraction",
    "dedup_index",
    "dedup_boilerplate",
)


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        print(f"there is no benchmark '{unknown[0]}'; there are {', '.join(BENCHMARKS)}")
        return 2
    failed = 0
    for name in wanted:
        print(f"== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}"], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
