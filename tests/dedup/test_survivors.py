from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.dedup.components import choose_divided, choose_in_part
from pipeline.dedup.survivors import choose_survivors, cluster_sizes, preference


@st.composite
def graphs(draw):
    total = draw(st.integers(1, 12))
    node = st.integers(0, total - 1)
    edges = draw(st.dictionaries(st.tuples(node, node), st.sampled_from([0.8, 0.85, 0.9, 1.0]), max_size=25))
    edges = {(min(e), max(e)): s for e, s in edges.items() if e[0] != e[1]}
    rank = np.array(draw(st.permutations(range(total))), np.int64)
    return rank, edges


def arrays(edges):
    return np.array(list(edges), np.int64).reshape(-1, 2), np.array(list(edges.values()), np.float64)


@given(graphs())
def test_laws(graph):
    rank, edges = graph
    pairs, values = arrays(edges)
    survivor, similarity, size, pair = choose_survivors(rank, pairs, values)
    partners = {i: {} for i in range(len(rank))}
    for (a, b), value in edges.items():
        partners[a][b] = partners[b][a] = value
    stays = {i for i in partners if survivor[i] < 0}
    for i, near in partners.items():
        staying = {j: s for j, s in near.items() if j in stays}
        if i in stays:
            assert not staying, "two survivors are a verified pair"
            assert np.isnan(similarity[i])
            assert pair[i] == -1
            # It stays because each of its partners went for someone preferred, or came after it.
            assert all(rank[j] > rank[i] or survivor[j] >= 0 for j in near)
        else:
            assert survivor[i] in staying, "removed without a survivor that stays"
            best = max(staying.values())
            assert similarity[i] == best == near[survivor[i]]
            assert sorted(pairs[pair[i]].tolist()) == sorted([i, survivor[i]])
            assert rank[survivor[i]] == min(rank[j] for j, s in staying.items() if s == best)
            assert any(rank[j] < rank[i] for j in staying)
    leader = np.where(survivor < 0, np.arange(len(rank)), survivor)
    assert size.tolist() == [int((leader == x).sum()) for x in leader]


@given(graphs(), st.randoms())
def test_neither_rows_nor_edges_have_an_order(graph, random):
    rank, edges = graph
    survivor, _, _, _ = choose_survivors(rank, *arrays(edges))
    order = list(range(len(rank)))
    random.shuffle(order)  # row i moves to order[i]
    moved = [
        ((order[a], order[b]) if random.random() < 0.5 else (order[b], order[a]), s) for (a, b), s in edges.items()
    ]
    moved += moved[:3]  # repeated edges change nothing
    random.shuffle(moved)
    pairs = np.array([pair for pair, _ in moved], np.int64).reshape(-1, 2)
    value = np.array([s for _, s in moved], np.float64)
    moved_rank = np.empty_like(rank)
    moved_rank[order] = rank
    again, _, _, _ = choose_survivors(moved_rank, pairs, value)
    assert [again[order[i]] for i in range(len(rank))] == [order[s] if s >= 0 else -1 for s in survivor]


def test_a_chain_is_cut():
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    survivor, _, size, _ = choose_survivors(np.arange(4), pairs, np.full(3, 0.9))
    assert survivor.tolist() == [-1, 0, -1, 2]
    assert size.tolist() == [2, 2, 2, 2]


def test_the_most_similar_survivor_speaks_for_a_document():
    survivor, similarity, _, _ = choose_survivors(np.arange(3), np.array([[0, 2], [1, 2]]), np.array([0.8, 0.95]))
    assert survivor.tolist() == [-1, -1, 1]
    assert similarity[2] == 0.95


def test_preference():
    rank = preference(np.array([1, 0, 0, 0, 0]), np.array([99, 5, 9, 9, 9]), pa.array(["a", "b", "d", "c", "é"]))
    assert np.argsort(rank).tolist() == [3, 2, 4, 1, 0]


def test_no_documents():
    survivor, similarity, size, _ = choose_survivors(np.empty(0, np.int64), np.empty((0, 2), np.int64), np.empty(0))
    assert survivor.shape == similarity.shape == size.shape == (0,)


def test_only_counted_rows_count():
    # Row 3 is a published document: it stands for two documents of the batch and is none itself.
    assert cluster_sizes(np.array([3, 3, -1, -1]), 3).tolist() == [2, 2, 1, 2]


def test_a_star_of_a_million_edges_is_quick():
    pairs = np.column_stack([np.zeros(1_000_000, np.int64), np.arange(1, 1_000_001)])
    survivor, _, size, _ = choose_survivors(np.arange(1_000_001), pairs, np.full(1_000_000, 0.9))
    assert (survivor[1:] == 0).all()
    assert size[0] == 1_000_001


def in_parts(rank, pairs, values, edges):
    seen = []

    def elsewhere(parts):
        for part in parts:
            seen.append(part)
            yield choose_in_part(part)

    return choose_divided(rank, pairs, values, edges, elsewhere), seen


@given(graphs(), st.integers(1, 8))
def test_parts_give_the_answer_of_the_whole(graph, edges):
    rank, of = graph
    pairs, values = arrays(of)
    divided, parts = in_parts(rank, pairs, values, edges)
    for part, whole in zip(divided, choose_survivors(rank, pairs, values), strict=True):
        np.testing.assert_array_equal(part, whole)
    assert sum(len(part.left) for part in parts) == len(pairs)
    for part in parts:  # a part has at most so many pairs, or is one component
        graph = coo_array((np.ones(len(part.left)), (part.left, part.right)), (len(rank), len(rank)))
        _, label = connected_components(graph, directed=False)
        assert len(part.left) <= edges or len(set(label[part.left])) == 1


def test_many_components_share_a_part_and_a_large_one_has_its_own():
    pairs = np.concatenate([[[0, i] for i in range(1, 11)], [[20 + 2 * i, 21 + 2 * i] for i in range(9)]])
    divided, parts = in_parts(np.arange(40), pairs, np.full(19, 0.9), 4)
    assert [len(part.left) for part in parts] == [10, 4, 4, 1]
    assert divided.survivor[:12].tolist() == [-1, *[0] * 10, -1]
    assert divided.cluster_size[:3].tolist() == [11, 11, 11]
