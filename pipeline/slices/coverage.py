"""A slice's figure in its first form: how much of the vocabulary of its items a batch brings.

Of each item the share of its distinct content words (words that are no function words) that the batch's kept documents hold; a
slice's figure is the mean over its items, in [0, 1]. It says whether a corpus can speak of what the slice asks about, not whether a
model would answer; and as it is a plain set union, it is the same for any partitioning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.settings import BenchmarkSlice
from pipeline.slices.benchmarks import load_items
from pipeline.text.function_words import ENGLISH as FUNCTION_WORDS
from pipeline.text.shingles import shingle_sets
from pipeline.text.shingling import Shingling


@dataclass(frozen=True)
class Vocabulary:
    """The content words of the slices' items."""

    hashes: npt.NDArray[np.uint64]
    """Rising, each once."""
    items: tuple[tuple[str, npt.NDArray[np.int64]], ...]
    """Slice of each item, and the places of its words in `hashes`."""

    def hits(self, texts: pa.Array) -> npt.NDArray[np.bool_]:
        """Return which of the words some texts hold; shards' answers are merged with ``|``."""
        found = np.zeros(len(self.hashes), bool)
        seen = np.unique(shingle_sets(texts, Shingling(1)).hashes)
        place = np.searchsorted(self.hashes, seen)
        place[place == len(self.hashes)] = 0
        if len(self.hashes):
            found[place[self.hashes[place] == seen]] = True
        return found

    def scores(self, hits: npt.NDArray[np.bool_]) -> dict[str, float]:
        """Return each slice's figure."""
        shares: dict[str, list[float]] = {}
        for name, places in self.items:
            if len(places):
                shares.setdefault(name, []).append(float(hits[places].mean()))
        return {name: float(np.mean(values)) for name, values in shares.items()}


@lru_cache(maxsize=4)
def vocabulary_of(slices: tuple[BenchmarkSlice, ...]) -> Vocabulary:
    """Return the vocabulary of some slices, built once a process."""
    items = load_items(slices)
    common = shingle_sets(pa.array(sorted(FUNCTION_WORDS), pa.string()), Shingling(1)).hashes
    sets = shingle_sets(pa.array([item.text for item in items], pa.string()), Shingling(1))
    hashes = np.setdiff1d(sets.hashes, common)
    places = []
    for number, item in enumerate(items):
        own = np.setdiff1d(sets.hashes[sets.offsets[number] : sets.offsets[number + 1]], common)
        places.append((item.slice, np.searchsorted(hashes, own).astype(np.int64)))
    return Vocabulary(hashes, tuple(places))


def weighted(scores: Mapping[str, float], slices: tuple[BenchmarkSlice, ...]) -> float:
    """Return the slices' figures by their weights, which sum to 1."""
    return float(sum(entry.weight * scores.get(entry.name, 0.0) for entry in slices))
