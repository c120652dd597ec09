"""Who stays: a greedy choice over verified pairs in order of preference.

Documents are visited in order of preference: published ones first, then by the rank of their source, the longer text first,
then by id. One that is still there when it is visited stays, and its partners go. So every removed document is a verified pair
with one that stays, no two that stay are a verified pair, and a chain a-b-c is cut: c stays if it is near b only. The result
depends on the documents and their pairs, not on their order. It is the maximal independent set that comes first in that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.text.kernels import kernel

if TYPE_CHECKING:
    from pipeline.dedup.candidates import Pairs


class Survivors(NamedTuple):
    """The outcome for `n` documents."""

    survivor: npt.NDArray[np.int64]
    """Row of the document that stays for it; -1 where the document itself stays."""
    similarity: npt.NDArray[np.float64]
    """With the survivor; NaN where the document itself stays."""
    cluster_size: npt.NDArray[np.int32]
    """Documents that its survivor, or it, stands for, the survivor included."""
    pair: npt.NDArray[np.int64]
    """Place in the given pairs of the one that removed the document; -1 where it stays."""


def preference(
    source_rank: npt.NDArray[np.int64], characters: npt.NDArray[np.int64], document_ids: pa.Array
) -> npt.NDArray[np.int64]:
    """Return each document's place in the order of preference, from 0 on; ids are unique, so it is the same for any row order."""
    table = pa.table({"source_rank": source_rank, "characters": characters, "document_id": document_ids})
    keys = [("source_rank", "ascending"), ("characters", "descending"), ("document_id", "ascending")]
    return places(pc.sort_indices(table, sort_keys=keys).to_numpy())


def places(order: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the inverse of a permutation: where each row stands in `order`."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def choose_survivors(rank: npt.NDArray[np.int64], pairs: Pairs, similarity: npt.NDArray[np.float64]) -> Survivors:
    """Choose who stays.

    A removed document's survivor is the one that stays and is most similar to it; among equals, the preferred one.

    Parameters
    ----------
    rank
        Each document's place in the order of preference, all different.
    pairs
        Verified pairs; their order, direction and repetition do not matter.
    similarity
        Of each pair.
    """
    total = len(rank)
    survivor, best, pair = np.full(total, -1, np.int64), np.full(total, np.nan), np.full(total, -1, np.int64)
    apart = pairs[:, 0] != pairs[:, 1]
    place = np.tile(np.flatnonzero(apart), 2)
    both = np.concatenate([pairs[apart], pairs[apart, ::-1]])
    both_similarity = np.concatenate([similarity[apart]] * 2)
    removed = _greedy(np.argsort(rank), *_adjacency(both, total))
    links = removed[both[:, 1]] & ~removed[both[:, 0]]  # from one that stays to one that goes
    (stays, goes), value = both[links].T, both_similarity[links]
    order = np.lexsort((rank[stays], -value, goes))
    gone, first = np.unique(goes[order], return_index=True)
    survivor[gone], best[gone], pair[gone] = stays[order][first], value[order][first], place[links][order][first]
    return Survivors(survivor, best, cluster_sizes(survivor), pair)


def cluster_sizes(survivor: npt.NDArray[np.int64], counted: int | None = None) -> npt.NDArray[np.int32]:
    """Return how many documents each one's survivor stands for; only the first `counted` rows count (default: all)."""
    leader = np.where(survivor < 0, np.arange(len(survivor)), survivor)
    return np.bincount(leader[:counted], minlength=len(survivor))[leader].astype(np.int32)


def _adjacency(edges: Pairs, total: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return directed edges as (start of each document's neighbours, neighbours)."""
    order = np.argsort(edges[:, 0], kind="stable")
    starts = np.zeros(total + 1, np.int64)
    np.cumsum(np.bincount(edges[:, 0], minlength=total), out=starts[1:])
    return starts, np.ascontiguousarray(edges[order, 1])


@kernel
def _greedy(
    order: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], neighbours: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Visit the documents in order; one that is still there removes its neighbours."""
    removed = np.zeros(len(order), np.bool_)
    for document in order:
        if removed[document]:
            continue
        for i in range(starts[document], starts[document + 1]):
            removed[neighbours[i]] = True
    return removed
