from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from pipeline.dedup.candidates import Pairs
from pipeline.dedup.compare import Overlap, blocks, frugal_order, overlap
from pipeline.text.shingles import shingle_sets, shingles
from pipeline.text.shingling import Shingling

TEXT = st.lists(st.sampled_from(["a", "B", "c", "東"]), max_size=12).map(" ".join) | st.text(max_size=20)
TEXTS = st.lists(TEXT, min_size=1, max_size=8)


def reference(a, b, size):
    x, y = shingles(a, Shingling(size)), shingles(b, Shingling(size))
    return [len(x & y) / len(whole) if x and y else 0.0 for whole in (x | y, x, y)]


def in_blocks(a, b, pairs, size, budget):
    """Compare block by block, of which each holds texts of so many bytes."""
    found = Overlap(*np.full((3, len(pairs)), np.nan))
    lengths = [np.array([len(text.encode()) for text in side.to_pylist()], np.int64) for side in (a, b)]
    for block in blocks(pairs, *lengths, budget, same=a is b):
        rows, places = zip(*(np.unique(pairs[block, i], return_inverse=True) for i in range(2)), strict=True)
        sets = (shingle_sets(side.take(pa.array(of)), Shingling(size)) for side, of in zip((a, b), rows, strict=True))
        for whole, part in zip(found, overlap(*sets, np.column_stack(places)), strict=True):
            whole[block] = part
    return np.column_stack(found).tolist()


def all_pairs(first, second):
    return np.array([(i, j) for i in range(first) for j in range(second)], np.int64)


@given(TEXTS, TEXTS, st.integers(1, 4), st.integers(1, 200))
def test_equals_the_definition_whatever_the_blocks(first, second, size, block_bytes):
    a, b = pa.array(first, pa.string()), pa.array(second, pa.large_string())
    pairs = all_pairs(len(first), len(second))
    expected = [reference(first[i], second[j], size) for i, j in pairs.tolist()]
    assert in_blocks(a, b, pairs, size, block_bytes) == expected
    within = all_pairs(len(first), len(first))
    expected = [reference(first[i], first[j], size) for i, j in within.tolist()]
    assert in_blocks(a, a, within, size, block_bytes) == expected


def test_at_the_threshold_is_at_the_threshold():
    # 4 of 5 shingles in common: the quotient must be the very number that the configuration writes as 0.8.
    texts = pa.array(["a b c d e", "a b c d"])
    assert overlap(
        shingle_sets(texts, Shingling(1)), shingle_sets(texts, Shingling(1)), np.array([[0, 1]])
    ).jaccard.tolist() == [0.8]


def test_no_pairs():
    texts = pa.array(["a"])
    assert overlap(
        shingle_sets(texts, Shingling(5)), shingle_sets(texts, Shingling(5)), np.empty((0, 2), np.int64)
    ).jaccard.shape == (0,)


def test_texts_without_words_are_not_alike():
    texts = pa.array(["", "?!", None, "?!"], pa.string())
    assert not overlap(
        shingle_sets(texts, Shingling(5)), shingle_sets(texts, Shingling(5)), all_pairs(4, 4)
    ).jaccard.any()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20),
    st.lists(st.integers(0, 9), min_size=6, max_size=6),
    st.integers(1, 30),
    st.booleans(),
)
def test_blocks_cover_all_pairs_in_order_within_the_budget(pairs, weights, budget, same):
    array = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    weight = np.array(weights, np.int64)
    cuts = list(blocks(array, weight, weight, budget, same=same))
    assert [i for cut in cuts for i in range(cut.start, cut.stop)] == list(range(len(array)))
    for cut in cuts:
        part = array[cut]
        assert len(part)
        sides = [np.unique(part)] if same else [np.unique(part[:, 0]), np.unique(part[:, 1])]
        assert sum(int(weight[side].sum()) for side in sides) <= budget or len(part) == 1


@pytest.mark.parametrize("budget", [10, 1_000])
def test_a_tight_budget_makes_more_blocks(budget):
    pairs = all_pairs(10, 10)
    weight = np.full(10, 5, np.int64)
    count = len(list(blocks(pairs, weight, weight, budget, same=False)))
    assert count == (100 if budget == 10 else 1)


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=40))
def test_the_frugal_order_keeps_every_pair_and_takes_linked_documents_together(links: list[tuple[int, int]]) -> None:
    pairs = np.array(links, np.int64).reshape(-1, 2)
    order = frugal_order(pairs, 20)
    assert sorted(order.tolist()) == list(range(len(pairs)))
    graph = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(20, 20))
    _, component = connected_components(graph, directed=False)
    met = component[pairs[order, 0]]
    assert (np.diff(met) != 0).sum() == max(len(set(met.tolist())) - 1, 0), "each component is one run"


@pytest.mark.parametrize("hub", [0, 500, 999])
def test_a_page_that_all_others_are_compared_with_does_not_have_them_read_again(hub: int) -> None:
    hubs = (hub + np.arange(16)) % 1_000
    others = np.setdiff1d(np.arange(1_000), hubs)
    pairs = np.array([(min(h, o), max(h, o)) for h in hubs.tolist() for o in others.tolist()])
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    weights = np.ones(1_000, np.int64)

    def read(ordered: Pairs) -> int:
        return sum(len(np.unique(ordered[block])) for block in blocks(ordered, weights, weights, 100, same=True))

    assert read(pairs[frugal_order(pairs, 1_000)]) < 1_000 + 16 * 13
    assert read(pairs) > 4_000, "what it would be in the order of rows"
