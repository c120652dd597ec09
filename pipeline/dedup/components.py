"""The choice of survivors, divided: linked documents are chosen among together, and those that no pair links apart from one another.

A choice needs all pairs of a component and nothing else, so components are dealt into parts, each is chosen in by itself, by a worker where
there are workers, and the answer is the one that all pairs together give. A component is never cut: one that is larger than a
part is a part. The driver holds the pairs and what was chosen; neighbours are listed one part at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.dedup.survivors import Survivors, choose_survivors, cluster_sizes
from pipeline.text.kernels import kernel

if TYPE_CHECKING:
    from pipeline.dedup.candidates import Pairs

EDGES_ON_DRIVER = 20_000_000
"""Verified pairs up to which the driver chooses among all at once; a part has as many. It takes about 130 bytes a pair."""


class Part(NamedTuple):
    """Whole components. Documents are called by their places in the order of preference."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]


class Gone(NamedTuple):
    """The documents of a part that go."""

    document: npt.NDArray[np.int64]
    survivor: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    pair: npt.NDArray[np.int64]
    """Place of the pair in the part."""


Elsewhere = Callable[[Iterable[Part]], Iterator[Gone]]
"""Has `choose_in_part` done for each part and gives the answers in the same order."""


def choose_divided(
    rank: npt.NDArray[np.int64], pairs: Pairs, similarity: npt.NDArray[np.float64], edges: int, elsewhere: Elsewhere
) -> Survivors:
    """Choose as `choose_survivors` does, in parts of at most so many pairs (or of one component)."""
    total = len(rank)
    survivor, best, pair = np.full(total, -1, np.int64), np.full(total, np.nan), np.full(total, -1, np.int64)
    rows = np.argsort(rank)
    label, _ = components(pairs, total)
    listed = list(_deal(label[pairs[:, 0]], edges))
    parts = (Part(rank[pairs[places, 0]], rank[pairs[places, 1]], similarity[places]) for places in listed)
    for places, gone in zip(listed, elsewhere(parts), strict=True):
        mine = rows[gone.document]
        survivor[mine], best[mine], pair[mine] = rows[gone.survivor], gone.similarity, places[gone.pair]
    return Survivors(survivor, best, cluster_sizes(survivor), pair)


def choose_in_part(part: Part) -> Gone:
    """Choose who stays in one part."""
    known, local = np.unique(np.concatenate([part.left, part.right]), return_inverse=True)
    chosen = choose_survivors(np.arange(len(known)), local.reshape(2, -1).T, part.similarity)
    gone = np.flatnonzero(chosen.survivor >= 0)
    return Gone(known[gone], known[chosen.survivor[gone]], chosen.similarity[gone], chosen.pair[gone])


def components(pairs: Pairs, documents: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each document the least one that pairs link it with, and its number of pairs."""
    return _components(np.ascontiguousarray(pairs), documents)


def _deal(labels: npt.NDArray[np.int64], edges: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the places of each part's pairs, rising, given each pair's component."""
    order = np.argsort(labels, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(labels[order])) + 1, len(order))
    start = 0
    while start < len(order):
        component = int(np.searchsorted(ends, start + edges, "right"))  # the first that no longer fits
        end = int(ends[component - 1]) if component and ends[component - 1] > start else int(ends[component])
        yield np.sort(order[start:end])
        start = end


@kernel
def _components(pairs: Pairs, documents: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Unite what pairs link (union-find with path halving)."""
    parent = np.arange(documents)
    degree = np.zeros(documents, np.int64)
    for p in range(len(pairs)):
        a, b = pairs[p]
        degree[a] += 1
        degree[b] += 1
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        parent[max(a, b)] = min(a, b)
    for document in range(documents):  # a parent is smaller than its children: it is final before they are
        parent[document] = parent[parent[document]]
    return parent, degree
