"""From candidates to verified pairs: read the texts of both, compare exactly, keep what reaches the threshold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.dedup.candidates import CappedBuckets, Pairs, candidate_pairs, candidates_against
from pipeline.dedup.compare import blocks, frugal_order, jaccard, jaccard_pairs
from pipeline.dedup.exact import exact_keys
from pipeline.dedup.gathered import gathered_sets
from pipeline.dedup.signatures import Bands

if TYPE_CHECKING:
    from pipeline.dedup.sides import DuplicatesInput, PublishedInput, Rules


MARGIN = 0.05
"""How far below the threshold a compared pair is still remembered, so that a person can look at both sides of it."""


class ClosePairs(NamedTuple):
    """Pairs that were compared and lie below the threshold, by less than `MARGIN`."""

    pairs: Pairs
    similarity: npt.NDArray[np.float64]


@dataclass(frozen=True)
class VerifiedPairs:
    """Pairs of documents that are near- or exact duplicates of each other, and how they were found."""

    pairs: Pairs
    """Shape ``(m, 2)``: rows."""
    similarity: npt.NDArray[np.float64]
    """Shape ``(m,)``."""
    exact: npt.NDArray[np.bool_]
    """Shape ``(m,)``: the compared texts have one normal form."""
    candidates: int = 0
    capped: CappedBuckets = field(default_factory=lambda: CappedBuckets(0, 0))
    close: ClosePairs = field(default_factory=lambda: ClosePairs(np.empty((0, 2), np.int64), np.empty(0, np.float64)))


def no_pairs() -> VerifiedPairs:
    """Return the result of nothing to compare."""
    return VerifiedPairs(np.empty((0, 2), np.int64), np.empty(0, np.float64), np.empty(0, np.bool_))


def verify_against(batch: DuplicatesInput, published: PublishedInput, rules: Rules) -> VerifiedPairs:
    """Return the verified pairs (row of the batch, row of the published side): redacted text with published text."""
    documents = len(published.releases)
    candidates, capped = candidates_against(batch.bands, published.buckets, documents, rules.max_bucket)
    # The published texts' lengths are not known; a candidate's own length stands for its partner's.
    weights = np.zeros(documents, np.int64)
    weights[candidates[:, 1]] = batch.characters[candidates[:, 0]]
    similarity, equal = np.empty(len(candidates), np.float64), np.empty(len(candidates), np.bool_)
    for block in blocks(candidates, batch.characters, weights, rules.block_characters, same=False):
        rows, left = np.unique(candidates[block, 0], return_inverse=True)
        published_rows, right = np.unique(candidates[block, 1], return_inverse=True)
        ours, theirs = published.redact(batch.texts(rows)), published.texts(published_rows)
        equal[block] = (exact_keys(ours)[left] == exact_keys(theirs)[right]).all(axis=1)
        similarity[block] = jaccard_pairs(ours, theirs, np.column_stack([left, right]), rules.shingle_size)
    similarity[equal] = 1.0  # also where redaction left no word
    keep = similarity >= rules.threshold
    close = _close(candidates, similarity, rules.threshold)
    return VerifiedPairs(candidates[keep], similarity[keep], equal[keep], len(candidates), capped, close)


def verify_within(
    batch: DuplicatesInput, rank: npt.NDArray[np.int64], taking_part: npt.NDArray[np.bool_], rules: Rules
) -> VerifiedPairs:
    """Return the verified pairs of rows of the batch among those `taking_part`: raw text with raw text.

    Rows with one normal form are not expected among them, so no pair is exact.
    """
    bands = Bands(batch.bands.hashes, batch.bands.usable & taking_part)
    candidates, capped = candidate_pairs(bands, rules.max_bucket, rank)
    similarity = np.empty(len(candidates), np.float64)
    rows, places = np.unique(candidates, return_inverse=True)
    # Linked documents one after the other: what was laid aside is looked at in few places at a time.
    order = frugal_order(candidates, len(rank))
    ordered = places.reshape(-1, 2)[order]
    with gathered_sets(batch.texts, rows, batch.characters[rows], rules.shingle_size, rules.block_characters) as sets:
        similarity[order] = jaccard(sets, sets, ordered)
    keep = similarity >= rules.threshold
    exact = np.zeros(int(keep.sum()), np.bool_)
    close = _close(candidates, similarity, rules.threshold)
    return VerifiedPairs(candidates[keep], similarity[keep], exact, len(candidates), capped, close)


def _close(candidates: Pairs, similarity: npt.NDArray[np.float64], threshold: float) -> ClosePairs:
    """Return the compared pairs just below the threshold."""
    close = (similarity < threshold) & (similarity >= threshold - MARGIN)
    return ClosePairs(candidates[close], similarity[close])
