"""The exact comparison that decides: how far two texts' shingle sets overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.dedup.components import components
from pipeline.text.kernels import kernel
from pipeline.text.shingles import ShingleSets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.dedup.candidates import Pairs


class Overlap(NamedTuple):
    """How far the two sets of each pair overlap; 0 throughout where one is empty."""

    jaccard: npt.NDArray[np.float64]
    """Their common shingles among all of either."""
    first_in_second: npt.NDArray[np.float64]
    """Their common shingles among those of the first."""
    second_in_first: npt.NDArray[np.float64]
    """Their common shingles among those of the second."""


def overlap(a: ShingleSets, b: ShingleSets, pairs: Pairs) -> Overlap:
    """Return the overlap of each pair (set of `a`, set of `b`)."""
    common = _common(a.hashes, a.offsets, b.hashes, b.offsets, np.ascontiguousarray(pairs))
    first, second = np.diff(a.offsets)[pairs[:, 0]], np.diff(b.offsets)[pairs[:, 1]]
    return Overlap(*(common / np.maximum(size, 1) for size in (first + second - common, first, second)))


def frugal_order(pairs: Pairs, documents: int) -> npt.NDArray[np.int64]:
    """Return an order of pairs in which the documents of a block have few pairs in other blocks.

    Documents that are linked, directly or by others, come together; among them first the pairs of the one with the fewest pairs. So a page
    that ten thousand others are compared with is read again for each block, and the ten thousand once.
    """
    component, degree = components(pairs, documents)
    left, right = pairs[:, 0], pairs[:, 1]
    swap = degree[left] > degree[right]
    return np.lexsort((np.where(swap, left, right), np.where(swap, right, left), component[left]))


def blocks(
    pairs: Pairs,
    weights_a: npt.NDArray[np.int64],
    weights_b: npt.NDArray[np.int64],
    budget: int,
    *,
    same: bool,
) -> Iterator[slice]:
    """Cut pairs into blocks whose distinct documents weigh at most `budget` (or that hold one pair).

    Parameters
    ----------
    pairs
        Best in `frugal_order`, or sorted, so that a document's pairs meet in one block.
    weights_a, weights_b
        Weight of each document of either side, such as its length.
    budget
        In the unit of the weights.
    same
        Both sides are one set of documents.
    """
    start = 0
    for end in _cut(np.ascontiguousarray(pairs), weights_a, weights_b, budget, same).tolist():
        yield slice(start, end)
        start = end


@kernel
def _cut(
    pairs: Pairs, weights_a: npt.NDArray[np.int64], weights_b: npt.NDArray[np.int64], budget: int, same: bool
) -> npt.NDArray[np.int64]:
    """Return where each block ends."""
    seen_a = np.full(len(weights_a), -1, np.int64)
    seen_b = seen_a if same else np.full(len(weights_b), -1, np.int64)
    ends = np.empty(len(pairs), np.int64)
    block = 0
    start = 0
    weight = 0
    for i in range(len(pairs)):
        a, b = pairs[i]
        once = same and a == b
        new = (weights_a[a] if seen_a[a] != block else 0) + (weights_b[b] if seen_b[b] != block and not once else 0)
        if i > start and weight + new > budget:
            ends[block] = i
            block += 1
            start = i
            weight = 0
            new = weights_a[a] + (0 if once else weights_b[b])
        seen_a[a] = block
        seen_b[b] = block
        weight += new
    if len(pairs):
        ends[block] = len(pairs)
        block += 1
    return ends[:block]


@kernel
def _common(
    hashes_a: npt.NDArray[np.uint64],
    offsets_a: npt.NDArray[np.int64],
    hashes_b: npt.NDArray[np.uint64],
    offsets_b: npt.NDArray[np.int64],
    pairs: Pairs,
) -> npt.NDArray[np.int64]:
    """Count the common elements of the two sorted sets of each pair."""
    out = np.zeros(len(pairs), np.int64)
    for p in range(len(pairs)):
        i, end_i = offsets_a[pairs[p, 0]], offsets_a[pairs[p, 0] + 1]
        j, end_j = offsets_b[pairs[p, 1]], offsets_b[pairs[p, 1] + 1]
        common = 0
        while i < end_i and j < end_j:
            if hashes_a[i] == hashes_b[j]:
                common += 1
                i += 1
                j += 1
            elif hashes_a[i] < hashes_b[j]:
                i += 1
            else:
                j += 1
        out[p] = common
    return out
