from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup.plan import MAX_PERMUTATIONS, Plan, derive
from pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ("threshold", "recall", "expected"),
    [
        (0.8, 0.99, Plan(20, 7)),
        (0.9, 0.99, Plan(8, 7)),
        (0.7, 0.99, Plan(37, 6)),
        (1.0, 0.99, Plan(1, 8)),
        (0.1, 0.99, Plan(44, 1)),
    ],
)
def test_plans(threshold, recall, expected):
    assert derive(threshold, recall) == expected


def test_catch_matches_published_figures():
    # 1-(1-s^r)^b for 14 bands of 8 and 20 of 13, the settings of two published data sets.
    assert [round(Plan(14, 8).catch(s), 2) for s in (0.7, 0.75, 0.8, 0.85)] == [0.56, 0.77, 0.92, 0.99]
    assert [round(Plan(20, 13).catch(s), 2) for s in (0.7, 0.75, 0.8, 0.85)] == [0.18, 0.38, 0.68, 0.92]


def test_catch_at_the_ends():
    assert Plan(20, 7).catch(0.0) == 0.0
    assert Plan(20, 7).catch(1.0) == 1.0
    assert Plan(20, 7).catch(0.01) == pytest.approx(20 * 0.01**7, rel=1e-9)


@given(st.floats(0.05, 1.0), st.floats(0.01, 0.999))
def test_a_plan_reaches_its_recall_with_the_fewest_bands_or_there_is_none(threshold, recall):
    try:
        plan = derive(threshold, recall)
    except ConfigError:
        assert Plan(MAX_PERMUTATIONS, 1).catch(threshold) < recall
        return
    assert plan.permutations <= MAX_PERMUTATIONS
    assert plan.catch(threshold) >= recall - 1e-12
    if plan.bands > 1:
        assert Plan(plan.bands - 1, plan.rows).catch(threshold) < recall
    others = (Plan(b, r) for r in range(1, 257) for b in range(1, MAX_PERMUTATIONS // r + 1))
    assert all(plan.cost() <= other.cost() for other in others if other.catch(threshold) >= recall)


def test_an_impossible_wish_names_the_keys():
    with pytest.raises(ConfigError, match=r"more than 256 permutations: raise 'dedup.threshold'"):
        derive(0.01, 0.99)


def test_curve_rises_from_0_to_1():
    curve = derive(0.8, 0.99).curve(11)
    assert curve.shape == (11, 2)
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert (np.diff(curve, axis=0) > 0).all()


def test_the_command_shows_the_curve_and_the_load():
    from typer.testing import CliRunner

    from pipeline.cli import app

    settings = ["--set", "dedup.threshold=0.7", "--set", "dedup.recall=0.95"]
    shown = json.loads(CliRunner().invoke(app, ["dedup", "plan", *settings, "--json"]).output)
    chosen = derive(0.7, 0.95)
    assert (shown["bands"], shown["rows_per_band"]) == (chosen.bands, chosen.rows)
    assert shown["catch"]["0.7"] == pytest.approx(1 - (1 - 0.7**chosen.rows) ** chosen.bands)
    assert shown["catch"]["0.7"] >= 0.95
    assert shown["needless_comparisons"]["0.1"] == pytest.approx(1e6 * (1 - (1 - 0.1**chosen.rows) ** chosen.bands))
    table = CliRunner().invoke(app, ["dedup", "plan", *settings]).output
    assert "0.7 (threshold)" in table
    assert "against 1,000,000 other documents" in table


def test_a_recall_that_no_plan_reaches_gets_a_sentence():
    from typer.testing import CliRunner

    from pipeline.cli import app

    ended = CliRunner().invoke(
        app, ["dedup", "plan", "--set", "dedup.threshold=0.05", "--set", "dedup.recall=0.9999999"]
    )
    assert "needs more than 256 permutations" in str(ended.exception)
