"""Contamination: documents that share a shingle with a benchmark item.

A shingle has 13 words by default (Brown et al. 2020, GPT-3, appendix C). An item shorter than the shingle counts with all its words, from `MIN_WORDS` on; shorter ones cannot be told from chance. A shingle
that more than `MAX_ITEMS` items share is a template ("answer yes or no"), not an item, and is ignored: a public audit found 88 of 114
sources flagged by such false positives alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.settings import BenchmarkSlice
from pipeline.slices.benchmarks import Item, load_items
from pipeline.text.shingles import shingle_sets
from pipeline.text.shingling import Shingling
from pipeline.text.words import words

MIN_WORDS = 8
"""Fewest words of an item that can be looked for."""

MAX_ITEMS = 10
"""Items that may share a shingle before it counts as a template."""


class Hit(NamedTuple):
    """What of a document was found: the item it shares most shingles with, and how many."""

    item: str
    shingles: int


@dataclass(frozen=True)
class ItemIndex:
    """The shingles of benchmark items, by their length in words."""

    names: tuple[str, ...]
    by_size: dict[int, tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]]
    """Length in words -> rising shingle hashes, and beside each the item it belongs to (a hash stands once an item)."""
    too_short: int
    """Items of fewer than `MIN_WORDS` words, which are not looked for."""

    @classmethod
    def build(cls, items: Sequence[Item], shingle_size: int) -> ItemIndex:
        """Index items by shingles of `shingle_size` words."""
        sizes: dict[int, list[int]] = {}
        too_short = 0
        for number, item in enumerate(items):
            length = len(words(item.text))
            if length < min(MIN_WORDS, shingle_size):
                too_short += 1
                continue
            sizes.setdefault(min(length, shingle_size), []).append(number)
        by_size = {size: _index(items, numbers, size) for size, numbers in sizes.items()}
        return cls(tuple(item.name for item in items), by_size, too_short)

    def find(self, texts: pa.Array) -> list[Hit | None]:
        """Return for each text the item that it shares most shingles with (the first of equals), or None."""
        rows: list[npt.NDArray[np.int64]] = []
        found: list[npt.NDArray[np.int64]] = []
        for size, (hashes, items) in self.by_size.items():
            sets = shingle_sets(texts, Shingling(size))
            row_of = np.repeat(np.arange(len(texts)), np.diff(sets.offsets))
            start = np.searchsorted(hashes, sets.hashes, "left")
            count = np.searchsorted(hashes, sets.hashes, "right") - start
            hit = np.flatnonzero(count)
            for place in hit.tolist():  # few: only shingles that a benchmark item holds
                matched = items[start[place] : start[place] + count[place]]
                rows.append(np.full(len(matched), row_of[place]))
                found.append(matched)
        return _best(len(texts), rows, found, self.names)


@lru_cache(maxsize=4)
def index_of(slices: tuple[BenchmarkSlice, ...], shingle_size: int) -> ItemIndex:
    """Return the index of some slices, built once a process."""
    return ItemIndex.build(load_items(slices), shingle_size)


def _index(
    items: Sequence[Item], numbers: Sequence[int], size: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    sets = shingle_sets(pa.array([items[number].text for number in numbers], pa.string()), Shingling(size))
    owner = np.repeat(np.array(numbers, np.int64), np.diff(sets.offsets))
    order = np.lexsort((owner, sets.hashes))
    hashes, owner = sets.hashes[order], owner[order]
    _, place, shared = np.unique(hashes, return_inverse=True, return_counts=True)
    specific = shared[place] <= MAX_ITEMS
    return hashes[specific], owner[specific]


def _best(
    length: int, rows: list[npt.NDArray[np.int64]], found: list[npt.NDArray[np.int64]], names: Sequence[str]
) -> list[Hit | None]:
    best: list[Hit | None] = [None] * length
    if not rows:
        return best
    pairs, counts = np.unique(
        np.column_stack([np.concatenate(rows), np.concatenate(found)]), axis=0, return_counts=True
    )
    for (row, item), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        known = best[row]
        if known is None or count > known.shingles:
            best[row] = Hit(names[item], count)
    return best
