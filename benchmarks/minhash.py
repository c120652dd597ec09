"""Signatures: the kernel against datasketch's own bulk method, on the same texts in the same run.

    uv run python benchmarks/minhash.py [--documents 1000] [--repeats 5]

The texts are the docstrings and licence files of the installed packages, so nothing is downloaded; they are repeated with a
changed first word where there are too few. Both sides sign the same 32-bit shingle hashes: `datasketch` is given them ready
made, so its column is the cost of the signature alone, while ours tokenises and shingles as well. The row `from text` lets
datasketch's users' usual way (words by regular expression, shingles joined, SHA-1) do the whole work.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sysconfig
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from datasketch import MinHash

from pipeline.dedup.plan import derive
from pipeline.text.minhash import SCHEME, signatures
from pipeline.text.shingles import shingle_sets

if TYPE_CHECKING:
    from collections.abc import Callable

SHINGLE_SIZE, SEED = 5, 1
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""', re.DOTALL)
PLAN = derive(threshold=0.8, recall=0.99)


def installed_texts(wanted: int, least: int = 500, most: int = 20_000) -> list[str]:
    """Return docstrings and licences of installed packages, `least` to `most` characters long, in a stable order."""
    texts: dict[str, None] = {}
    for path in sorted(Path(sysconfig.get_path("purelib")).glob("[!_]*/**/*")):
        if len(texts) >= wanted:
            break
        if path.suffix == ".py":
            found = _docstrings(path)
        elif path.name.upper().startswith(("LICENSE", "COPYING", "METADATA")) and path.is_file():
            found = [path.read_text(encoding="utf-8", errors="replace")]
        else:
            continue
        texts.update((text, None) for text in found if least <= len(text) <= most)
    base = list(texts)[:wanted]
    return [f"copy{n // len(base)} {base[n % len(base)]}" for n in range(wanted)]


def _docstrings(path: Path) -> list[str]:
    # Whatever stands between triple quotes: parsing thousands of modules would take longer than the benchmark.
    return _TRIPLE_QUOTED.findall(path.read_text(encoding="utf-8", errors="replace"))


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median of `repeats` timed calls, after one that is not timed."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def sign_from_text(texts: list[str]) -> list[MinHash]:
    """Sign texts the way datasketch is usually used."""
    word = re.compile(r"\w+")
    shingled = []
    for text in texts:
        words = word.findall(text.lower())
        shingled.append({" ".join(words[i : i + SHINGLE_SIZE]).encode() for i in range(len(words) - SHINGLE_SIZE + 1)})
    return MinHash.bulk(shingled, num_perm=PLAN.permutations, seed=SEED, scheme=SCHEME)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000, help="documents of the smallest size")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    texts = installed_texts(16 * arguments.documents)
    print(
        f"{PLAN.bands} bands of {PLAN.rows}, {SHINGLE_SIZE}-word shingles, medians of {arguments.repeats}, one process"
    )
    print(
        f"{'documents':>9} {'MB':>6} {'kernel s':>9} {'docs/s':>8} {'MB/s':>6} {'datasketch s':>12} {'ratio':>6} {'from text':>9}"
    )
    for growth in (1, 4, 16):
        part = texts[: growth * arguments.documents]
        array = pa.array(part, pa.large_string())
        size = sum(len(text.encode()) for text in part) / 1e6
        hashes, offsets = shingle_sets(array, SHINGLE_SIZE)
        elements = [(hashes[i:j] >> np.uint64(32)).astype(np.uint32) for i, j in pairwise(offsets)]

        def kernel(array: pa.Array = array) -> np.ndarray:
            return signatures(array, PLAN.permutations, SHINGLE_SIZE, SEED).values

        def bulk(elements: list[np.ndarray] = elements) -> list[MinHash]:
            return MinHash.bulk(
                elements, num_perm=PLAN.permutations, seed=SEED, scheme=SCHEME, hashfunc=lambda value: value
            )

        if not all((a == b.hashvalues).all() for a, b in zip(kernel()[:200], bulk(elements[:200]), strict=True)):
            raise SystemExit("the signatures differ: the comparison would be of two different things")
        ours = median_seconds(kernel, arguments.repeats)
        # The peer is slower by an order of magnitude: fewer repeats where they would take minutes.
        theirs = median_seconds(bulk, arguments.repeats if growth < 16 else min(arguments.repeats, 3))
        usual = f"{median_seconds(lambda part=part: sign_from_text(part), 1) / ours:8.0f}x" if growth == 1 else ""
        print(
            f"{len(part):>9} {size:>6.1f} {ours:>9.3f} {len(part) / ours:>8.0f} {size / ours:>6.0f} {theirs:>12.3f} "
            f"{theirs / ours:>5.0f}x {usual:>9}"
        )


if __name__ == "__main__":
    main()
