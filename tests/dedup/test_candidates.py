from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup.candidates import ANCHORS, candidate_pairs, gather
from pipeline.dedup.candidates import candidates_against as against_buckets
from pipeline.dedup.signatures import Bands


@st.composite
def sides(draw, most=12, bands=None):
    rows = draw(st.integers(0, most))
    bands = bands or draw(st.integers(1, 4))
    hashes = draw(st.lists(st.integers(-2, 3), min_size=rows * bands, max_size=rows * bands))
    usable = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    # A band's number is part of its hash.
    numbered = np.array(hashes, np.int64).reshape(rows, bands) + 10 * np.arange(bands)
    return Bands(numbered, np.array(usable, np.bool_))


def candidates_against(new, published, max_bucket, rank=None):
    """Compare two batches as `against_buckets` compares one with what an index found."""
    rows = np.flatnonzero(published.usable)
    hashes = published.hashes[rows].ravel().view(np.uint64)
    rank = np.arange(len(published.usable)) if rank is None else rank
    buckets = gather(hashes, np.repeat(rows, published.hashes.shape[1]), rank)
    return against_buckets(new, buckets, len(published.usable), max_bucket)


def as_set(pairs):
    assert pairs.shape == (len(pairs), 2)
    assert pairs.dtype == np.int64
    found = list(map(tuple, pairs.tolist()))
    assert found == sorted(set(found))
    return set(found)


@given(sides())
def test_pairs_are_those_that_share_a_bucket(side):
    pairs, capped = candidate_pairs(side, 100)
    rows = np.flatnonzero(side.usable).tolist()
    assert as_set(pairs) == {(i, j) for i, j in combinations(rows, 2) if (side.hashes[i] == side.hashes[j]).any()}
    assert capped == (0, 0)


@given(st.integers(1, 3).flatmap(lambda bands: st.tuples(sides(bands=bands), sides(bands=bands))))
def test_pairs_against_are_those_that_share_a_bucket(both):
    new, published = both
    pairs, capped = candidates_against(new, published, 100)
    assert as_set(pairs) == {
        (i, j)
        for i in np.flatnonzero(new.usable).tolist()
        for j in np.flatnonzero(published.usable).tolist()
        if (new.hashes[i] == published.hashes[j]).any()
    }
    assert capped == (0, 0)


@given(sides(most=40), st.integers(2, 30), st.randoms())
def test_row_order_does_not_matter(side, max_bucket, random):
    rank = np.arange(len(side.usable))
    order = list(range(len(rank)))
    random.shuffle(order)
    order = np.array(order, np.int64)
    pairs, capped = candidate_pairs(side, max_bucket, rank)
    moved, moved_capped = candidate_pairs(Bands(side.hashes[order], side.usable[order]), max_bucket, rank[order])
    assert {tuple(sorted((order[i], order[j]))) for i, j in moved.tolist()} == as_set(pairs)
    assert moved_capped == capped
    against, against_capped = candidates_against(side, side, max_bucket, rank)
    moved, moved_capped = candidates_against(
        side, Bands(side.hashes[order], side.usable[order]), max_bucket, rank[order]
    )
    assert {(i, order[j]) for i, j in moved.tolist()} == as_set(against)
    assert moved_capped == against_capped


def one_bucket(rows):
    return Bands(np.zeros((rows, 1), np.int64), np.ones(rows, np.bool_))


def test_a_large_bucket_is_bounded_and_counted():
    pairs, capped = candidate_pairs(one_bucket(50_000), 1_000)
    assert capped == (1, 50_000)
    assert len(pairs) < 50_000 * ANCHORS
    assert set(np.unique(pairs).tolist()) == set(range(50_000))
    pairs, capped = candidates_against(one_bucket(3), one_bucket(50_000), 1_000)
    assert capped == (1, 3)
    assert len(pairs) == 3 * ANCHORS


def test_a_bucket_at_the_limit_is_complete():
    pairs, capped = candidate_pairs(one_bucket(40), 40)
    assert len(pairs) == 40 * 39 // 2
    assert capped == (0, 0)
    pairs, capped = candidate_pairs(one_bucket(41), 40)
    assert len(pairs) == ANCHORS * (ANCHORS - 1) // 2 + (41 - ANCHORS) * ANCHORS
    assert capped == (1, 41)


def test_the_preferred_documents_are_the_anchors():
    rank = np.arange(100)[::-1].copy()
    pairs, _ = candidate_pairs(one_bucket(100), 50, rank)
    assert set(pairs[:, 1].tolist()) == set(range(100 - ANCHORS, 100))
    against, _ = candidates_against(one_bucket(1), one_bucket(100), 50, rank)
    assert set(against[:, 1].tolist()) == set(range(100 - ANCHORS, 100))


def test_capped_documents_are_counted_once():
    side = Bands(np.tile(np.arange(3), (30, 1)), np.ones(30, np.bool_))
    assert candidate_pairs(side, 20)[1] == (3, 30)
    assert candidates_against(side, side, 20)[1] == (3, 30)
