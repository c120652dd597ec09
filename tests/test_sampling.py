from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sampling import keyed_sample

IDS = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30)


@given(IDS, st.integers(0, 40), st.text(max_size=100), st.randoms())
def test_the_sample_does_not_depend_on_order(ids, size, key, random):
    rows = keyed_sample(ids, size, key)
    assert len(set(rows.tolist())) == len(rows) == min(size, len(ids))
    moved = list(ids)
    random.shuffle(moved)
    assert [moved[row] for row in keyed_sample(pa.array(moved, pa.string()), size, key)] == [ids[row] for row in rows]


@given(IDS, st.integers(1, 20), st.text(min_size=1, max_size=8))
def test_a_new_document_changes_it_by_one(ids, size, new):
    before = {ids[row] for row in keyed_sample(ids, size, "k")}
    more = [*ids, new] if new not in ids else ids
    after = {more[row] for row in keyed_sample(more, size, "k")}
    assert len(before - after) <= 1
    assert after - before <= {new}


def test_keys_draw_different_and_uniform_samples():
    ids = [f"d{i}" for i in range(1_000)]
    drawn = np.concatenate([keyed_sample(ids, 100, f"release {n}") for n in range(100)])
    counts = np.bincount(drawn, minlength=1_000)
    assert counts.sum() == 10_000
    # Binomial(100, 0.1): mean 10, standard deviation 3; six of them would be a one in 500 million event.
    assert counts.max() < 28
    assert abs(np.var(counts) - 9) < 2
