"""`make bench`: every benchmark but the long ones, or the named ones (`make bench ARGS="minhash pii"`), one after the other.

A long one comes alone, with its options: `make bench ARGS="dedup_peers --only ours"`. `make bench ARGS=--help` lists all.

Each compares ours with a peer or a plain reference in the same run and prints ratios of medians: absolute figures depend on the
machine, ratios hold.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    "ingest",
    "minhash",
    "language",
    "pii",
    "quality",
    "quality_stage",
    "bias",
    "archives",
    "extraction",
    "dedup_index",
    "dedup_boilerplate",
    "explain",
)
LONG = ("dedup_peers", "language_peers", "pii_peers", "quality_peers", "quality_model")
"""They take minutes to an hour, and fetch what they compare with."""


def first_sentence(name: str) -> str:
    """Return the first line of a benchmark's own docstring."""
    text = ast.get_docstring(ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0]


def show_list() -> None:
    print(__doc__)
    for title, names in (("All of these, when none is named", BENCHMARKS), ("Long ones, each alone", LONG)):
        print(f"{title}:")
        for name in names:
            print(f"  {name:18}{first_sentence(name)}")


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if wanted[0] in ("-h", "--help"):
        show_list()
        return 0
    if wanted[0] in LONG:
        command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{wanted[0]}", *wanted[1:]]
        return subprocess.run(command, check=False).returncode
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        print(f"there is no benchmark '{unknown[0]}'; there are {', '.join((*BENCHMARKS, *LONG))}")
        return 2
    failed = 0
    for name in wanted:
        print(f"== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}"], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
