from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from pipeline.bias.retention import adjusted, compare


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@st.composite
def stratum(draw: st.DrawFn) -> tuple[int, int, int, int]:
    size = draw(st.integers(1, 60))
    n, m = draw(st.integers(0, size)), draw(st.integers(0, size))
    return n, draw(st.integers(max(0, n + m - size), min(n, m))), size, m


@given(st.lists(stratum(), min_size=1, max_size=4))
def test_the_bound_is_never_below_the_exact_probability(strata: list[tuple[int, int, int, int]]) -> None:
    n, a, size, m = (np.array(part, np.int64) for part in zip(*strata, strict=True))
    exact = np.ones(1)
    for own, _, all_, lost in strata:
        exact = np.convolve(exact, hypergeom(all_, lost, own).pmf(np.arange(own + 1)))
    tail = exact[int(a.sum()) :].sum()
    assert compare(n, a, size, m).p >= tail - 1e-9


def test_what_one_stratum_loses_at_the_rate_of_all_is_expected() -> None:
    found = compare(ints(100), ints(10), ints(1000), ints(100))
    assert (found.expected, found.ratio, found.p) == (10.0, 1.0, 1.0)


def test_a_bad_source_does_not_pass_for_bias() -> None:
    # The group stands in the bad source mostly; within each source it is kept like the others.
    found = compare(ints(900, 100), ints(810, 10), ints(1000, 1000), ints(900, 100))
    assert found.ratio == pytest.approx(1.0)
    assert found.p > 0.4
    # Without strata it would have looked like a loss of more than half.
    naive = compare(ints(1000), ints(820), ints(2000), ints(1000))
    assert naive.ratio < 0.3
    assert naive.p < 1e-9


def test_a_rule_that_hits_few_is_no_evidence() -> None:
    # One of thirty where one in a thousand is expected: a normal test would say 1e-8.
    assert compare(ints(30), ints(1), ints(10_000), ints(10)).p == 1.0
    assert compare(ints(30), ints(2), ints(10_000), ints(10)).p > 1e-4


def test_nothing_kept_and_no_others() -> None:
    found = compare(ints(40), ints(40), ints(400), ints(60))
    assert found.ratio == 0.0
    assert 0 < (found.upper or 0) < 0.15
    assert compare(ints(40), ints(10), ints(40), ints(10)).ratio is None
    assert compare(ints(0), ints(0), ints(0), ints(0)).p == 1.0


def test_the_interval_covers() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        kept, others = rng.binomial(60, 0.6), rng.binomial(600, 0.8)
        found = compare(ints(60), ints(60 - kept), ints(660), ints(660 - kept - others))
        hits += (found.lower or 0) <= 0.75 <= (found.upper or 0)
    assert 0.92 <= hits / 400 <= 0.98


def test_many_comparisons_are_adjusted_for() -> None:
    assert adjusted(np.array([0.001, 0.5, 0.5, 0.5])).tolist() == [0.004, 0.5, 0.5, 0.5]
    assert adjusted(np.array([])).tolist() == []
