"""From candidates to verified pairs: read the texts of both, compare exactly, keep what reaches the threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.candidates import CappedBuckets, Pairs, candidate_pairs, candidates_against
from pipeline.dedup.compare import blocks, frugal_order, overlap
from pipeline.dedup.gathered import Comparable, across, gathered, pieces_here
from pipeline.dedup.signatures import Bands

if TYPE_CHECKING:
    from pipeline.dedup.compare import Overlap
    from pipeline.dedup.sides import DuplicatesInput, Form, PublishedInput, Rules


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
    contained: npt.NDArray[np.float64]
    """Shape ``(m,)``: which share of the shingles of the document that would go the other one holds."""
    candidates: int = 0
    capped: CappedBuckets = field(default_factory=lambda: CappedBuckets(0, 0))
    close: ClosePairs = field(default_factory=lambda: ClosePairs(np.empty((0, 2), np.int64), np.empty(0, np.float64)))


def no_pairs() -> VerifiedPairs:
    """Return the result of nothing to compare."""
    return VerifiedPairs(
        np.empty((0, 2), np.int64), np.empty(0, np.float64), np.empty(0, np.bool_), np.empty(0, np.float64)
    )


def verify_against(batch: DuplicatesInput, published: PublishedInput, rules: Rules) -> VerifiedPairs:
    """Return the verified pairs (row of the batch, row of the published side): redacted text with published text.

    Where the published one was redacted in another way, what both ways leave alike is compared.
    """
    documents = len(published.releases)
    candidates, capped = candidates_against(
        batch.published_bands or batch.bands, published.buckets, documents, rules.max_bucket
    )
    similarity, contained = np.empty((2, len(candidates)), np.float64)
    equal = np.empty(len(candidates), np.bool_)
    foreign = published.foreign[candidates[:, 1]]
    forms: tuple[tuple[Form, npt.NDArray[np.bool_]], ...] = (("published", ~foreign), ("common", foreign))
    for form, chosen in forms:
        places = np.flatnonzero(chosen)
        for block, found, same in _compared_across(batch, published, candidates[places], rules, form):
            similarity[places[block]], contained[places[block]] = found.jaccard, found.first_in_second
            equal[places[block]] = same
    similarity[equal] = 1.0  # also where redaction left no word
    return _verified(candidates, similarity, equal, contained, capped, rules)


def _compared_across(
    batch: DuplicatesInput, published: PublishedInput, candidates: Pairs, rules: Rules, form: Form
) -> Iterator[tuple[slice, Overlap, npt.NDArray[np.bool_]]]:
    """Yield what pairs with published documents share in one form, block by block: their places, how much, and which are equal."""
    if not len(candidates):
        return
    # The published texts' lengths are not known; a candidate's own length stands for its partner's.
    weights = np.zeros(len(published.releases), np.int64)
    weights[candidates[:, 1]] = batch.characters[candidates[:, 0]]
    rows, left = np.unique(candidates[:, 0], return_inverse=True)
    with gathered(_pieces(batch, rows, rules, form, partial(published.redaction.as_compared, form=form))) as ours:
        for block in blocks(candidates, np.zeros_like(batch.characters), weights, rules.block_characters, same=False):
            published_rows, right = np.unique(candidates[block, 1], return_inverse=True)
            theirs = across(published.as_compared(published_rows, form), rules.shingling)
            same = (ours.keys[left[block]] == theirs.keys[right]).all(axis=1)
            yield block, overlap(ours.sets, theirs.sets, np.column_stack([left[block], right])), same


def verify_within(
    batch: DuplicatesInput, rank: npt.NDArray[np.int64], taking_part: npt.NDArray[np.bool_], rules: Rules
) -> VerifiedPairs:
    """Return the verified pairs of rows of the batch among those `taking_part`: raw text with raw text.

    Rows with one normal form are not expected among them, so no pair is exact.
    """
    bands = Bands(batch.bands.hashes, batch.bands.usable & taking_part)
    candidates, capped = candidate_pairs(bands, rules.max_bucket, rank)
    similarity, contained = np.empty((2, len(candidates)), np.float64)
    rows, places = np.unique(candidates, return_inverse=True)
    # Linked documents one after the other: what was laid aside is looked at in few places at a time.
    order = frugal_order(candidates, len(rank))
    ordered = places.reshape(-1, 2)[order]
    with gathered(_pieces(batch, rows, rules)) as ours:
        found = overlap(ours.sets, ours.sets, ordered)
    first_goes = rank[candidates[order, 0]] > rank[candidates[order, 1]]
    similarity[order] = found.jaccard
    contained[order] = np.where(first_goes, found.first_in_second, found.second_in_first)
    return _verified(candidates, similarity, np.zeros(len(candidates), np.bool_), contained, capped, rules)


def _pieces(
    batch: DuplicatesInput,
    rows: npt.NDArray[np.int64],
    rules: Rules,
    form: Form = "raw",
    redact: Callable[[pa.Array], pa.Array] | None = None,
) -> Iterator[Comparable]:
    """Return what is compared of some rows in a form, which `redact` makes of them, by workers where they are many and there are any."""
    elsewhere = batch.pieces(rows, form) if batch.pieces is not None else None
    if elsewhere is not None:
        return elsewhere
    return pieces_here(batch.texts, rows, batch.characters[rows], rules.shingling, rules.block_characters, redact)


def _verified(
    candidates: Pairs,
    similarity: npt.NDArray[np.float64],
    exact: npt.NDArray[np.bool_],
    contained: npt.NDArray[np.float64],
    capped: CappedBuckets,
    rules: Rules,
) -> VerifiedPairs:
    """Keep the pairs that reach the threshold or, if that is asked for, the least containment; remember those just below."""
    keep = similarity >= rules.threshold
    if rules.containment is not None:
        keep |= contained >= rules.containment
    close = ~keep & (similarity >= rules.threshold - MARGIN)
    return VerifiedPairs(
        candidates[keep],
        similarity[keep],
        exact[keep],
        contained[keep],
        len(candidates),
        capped,
        ClosePairs(candidates[close], similarity[close]),
    )
