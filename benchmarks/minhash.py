"""Signatures: the kernel against datasketch's own bulk method, on the same texts in the same run.

    uv run python benchmarks/minhash.py [--documents 1000] [--repeats 5]

The texts are the docstrings and licence files of the installed packages, so nothing is downloaded; they are repeated with a
changed first word where there are too few. The kernel does the whole work, from text to signature. `bulk` is given the shingles ready made,
as the bytes that it is made for, and hashes and signs them. `bulk, ready hashes` signs 32-bit hashes that others made: the cost of the
signature alone, with the same result as ours, which is checked. `from text` is its users' usual way (words by regular expression,
shingles joined, SHA-1).
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
from pipeline.text.shingling import Shingling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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


def shingled(texts: list[str]) -> list[set[bytes]]:
    """Return the shingles of texts the way datasketch's users usually make them."""
    word = re.compile(r"\w+")
    found = []
    for text in texts:
        words = word.findall(text.lower())
        found.append({" ".join(words[i : i + SHINGLE_SIZE]).encode() for i in range(len(words) - SHINGLE_SIZE + 1)})
    return found


def bulk(elements: Sequence[Iterable[object]], **options: object) -> list[MinHash]:
    """Sign with datasketch's own bulk method."""
    return MinHash.bulk(elements, num_perm=PLAN.permutations, seed=SEED, scheme=SCHEME, **options)


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
        f"{'documents':>9} {'MB':>6} {'kernel: s':>9} {'documents/s':>11} {'MB/s':>6}   datasketch, times the kernel's time"
    )
    for growth in (1, 4, 16):
        part = texts[: growth * arguments.documents]
        array = pa.array(part, pa.large_string())
        size = sum(len(text.encode()) for text in part) / 1e6
        ours = median_seconds(lambda array=array: sign(array), arguments.repeats)
        line = f"{len(part):>9} {size:>6.1f} {ours:>9.3f} {len(part) / ours:>11,.0f} {size / ours:>6.0f}  "
        # The peer is slower by an order of magnitude: it is asked at two sizes, and fewer times.
        if growth < 16:
            line += "".join(
                f" {name} {seconds / ours:.0f}x" for name, seconds in theirs(part, array, arguments.repeats).items()
            )
        print(line, flush=True)


def sign(array: pa.Array) -> np.ndarray:
    """Sign with the kernel."""
    return signatures(array, PLAN.permutations, Shingling(SHINGLE_SIZE), SEED).values


def theirs(texts: list[str], array: pa.Array, repeats: int) -> dict[str, float]:
    """Return the median seconds of datasketch's ways."""
    hashes, offsets = shingle_sets(array, Shingling(SHINGLE_SIZE))
    ready = [(hashes[i:j] >> np.uint64(32)).astype(np.uint32) for i, j in pairwise(offsets)]
    if not all(
        (a == b.hashvalues).all() for a, b in zip(sign(array)[:200], bulk(ready[:200], hashfunc=same), strict=True)
    ):
        raise SystemExit("the signatures differ: the comparison would be of two different things")
    shingles = shingled(texts)
    return {
        "bulk": median_seconds(lambda: bulk(shingles), repeats),
        "bulk, ready hashes": median_seconds(lambda: bulk(ready, hashfunc=same), repeats),
        "from text": median_seconds(lambda: bulk(shingled(texts)), 1),
    }


def same(value: object) -> object:
    """Hash what is a hash already."""
    return value


if __name__ == "__main__":
    main()
