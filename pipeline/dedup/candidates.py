"""Candidate pairs: documents that share a bucket. A candidate is a reason to compare two texts and nothing more.

A bucket of `g` documents would give g(g-1)/2 pairs. Up to `max_bucket` it does; a larger one (a template, a notice that a
million pages carry) pairs each document with its first `ANCHORS` documents only, in order of preference, and is counted. The
documents that a cap may cost share other, smaller buckets if they are truly near each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pipeline.dedup.signatures import Bands

ANCHORS = 16
"""Documents of a capped bucket with which each of its documents is paired."""

Pairs = npt.NDArray[np.int64]
"""Shape ``(m, 2)``: rows of two documents, sorted, each pair once."""


class CappedBuckets(NamedTuple):
    """What was not compared pairwise."""

    buckets: int
    """Buckets above the limit, over all bands."""
    documents: int
    """Documents in at least one of them (of the batch, where it is compared with the published side)."""


class Buckets(NamedTuple):
    """The published side's buckets that a batch shares."""

    hashes: npt.NDArray[np.uint64]
    """Band hashes, ascending."""
    sizes: npt.NDArray[np.int64]
    """Published documents that have each."""
    starts: npt.NDArray[np.int64]
    """Place of the first of them in `rows`."""
    rows: npt.NDArray[np.int64]
    """Rows of the published side, the preferred ones of each bucket first; of one above the limit, the first `ANCHORS` suffice."""


def candidate_pairs(
    bands: Bands, max_bucket: int, rank: npt.NDArray[np.int64] | None = None
) -> tuple[Pairs, CappedBuckets]:
    """Return the pairs of rows that share a bucket, the smaller row first.

    Parameters
    ----------
    bands
        Of the batch.
    max_bucket
        Largest bucket whose documents are all paired.
    rank
        Preference of each row, least first; decides which documents of a capped bucket are the anchors. Default: row order.
    """
    rows = _in_order(bands.usable, rank)
    total = len(bands.usable)
    found = np.empty(0, np.int64)
    capped = np.zeros(total, np.bool_)
    buckets = 0
    for band in range(bands.hashes.shape[1]):
        column = bands.hashes[rows, band]
        by_hash = np.argsort(column, kind="stable")  # keeps the order of preference within a bucket
        starts, sizes = _runs(column[by_hash])
        shared = sizes > 1
        members, starts, sizes = rows[by_hash], starts[shared], sizes[shared]
        places = _ranges(starts, sizes)  # of every member that shares its bucket
        first, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
        over = size > max_bucket
        partners = places - first
        partners[over] = np.minimum(partners[over], ANCHORS)
        left, right = members[np.repeat(places, partners)], members[_ranges(first, partners)]
        found = _union(found, np.minimum(left, right) * total + np.maximum(left, right))
        capped[members[places[over]]] = True
        buckets += int(np.count_nonzero(sizes > max_bucket))
    return _decode(found, total), CappedBuckets(buckets, int(capped.sum()))


def candidates_against(new: Bands, published: Buckets, documents: int, max_bucket: int) -> tuple[Pairs, CappedBuckets]:
    """Return the pairs (row of the batch, row of the published side) that share a bucket.

    A document of the batch is paired with all published documents of its bucket up to `max_bucket`; beyond, with the first
    `ANCHORS`.

    Parameters
    ----------
    new
        Of the batch.
    published
        What the batch's hashes were found under.
    documents
        Number of rows of the published side.
    max_bucket
        Largest bucket whose documents are all paired.
    """
    rows = np.flatnonzero(new.usable)
    found = np.empty(0, np.int64)
    capped = np.zeros(len(new.usable), np.bool_)
    buckets = 0
    for band in range(new.hashes.shape[1]):
        column = new.hashes[rows, band].view(np.uint64)
        hits, place = _places(published.hashes, column)
        mine, partners = rows[hits], published.sizes[place]
        over = partners > max_bucket
        buckets += len(np.unique(place[over]))
        capped[mine[over]] = True
        partners[over] = np.minimum(partners[over], ANCHORS)
        left, right = np.repeat(mine, partners), published.rows[_ranges(published.starts[place], partners)]
        found = _union(found, left * documents + right)
    return _decode(found, documents), CappedBuckets(buckets, int(capped.sum()))


def gather(hashes: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64], rank: npt.NDArray[np.int64]) -> Buckets:
    """Return the buckets of a published side.

    Parameters
    ----------
    hashes, rows
        Each band hash with the row of its document, in any order.
    rank
        Place of each row in the order of preference.
    """
    order = np.lexsort((rank[rows], hashes))
    known, starts, sizes = np.unique(hashes[order], return_index=True, return_counts=True)
    return Buckets(known, sizes, starts, rows[order])


def _in_order(usable: npt.NDArray[np.bool_], rank: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    """Return the usable rows, the preferred ones first."""
    rows = np.flatnonzero(usable)
    return rows if rank is None else rows[np.argsort(rank[rows], kind="stable")]


def _runs(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return start and length of each run of equal values."""
    if not len(values):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    return starts, np.diff(starts, append=len(values))


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return ``start, start + 1, ... start + length - 1`` for each start, one after the other."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def _places(
    known: npt.NDArray[np.uint64], values: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return which of the values are among the known ones, which ascend, and their places there."""
    if not len(known):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    nearest = np.minimum(np.searchsorted(known, values), len(known) - 1)
    hits = np.flatnonzero(known[nearest] == values)
    return hits, nearest[hits]


def _union(found: npt.NDArray[np.int64], more: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sorted union of sorted unique keys and any keys.

    Not by `numpy.unique`: without an index it looks the values up in a hash table, whose time grew with the square of the keys of a
    crowded bucket (NumPy 2.4, 50,000 documents).
    """
    more.sort()
    both = np.concatenate([found, more])
    both.sort(kind="stable")  # two sorted runs: one merge
    return both[np.concatenate([[True], both[1:] != both[:-1]])] if len(both) else both


def _decode(keys: npt.NDArray[np.int64], total: int) -> Pairs:
    """Return the two rows of each key."""
    return np.column_stack(np.divmod(keys, max(total, 1)))
