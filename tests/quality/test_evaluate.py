from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.quality.evaluate import area_under_curve, calibration_error, evaluate
from tests.quality import texts

ROWS = [
    {"text": texts.PROSE, "label": "good"},
    {"text": texts.LICENCE, "label": "good"},
    {"text": texts.GERMAN, "label": "good"},  # judged as English: lost
    {"text": texts.MASH, "label": "bad"},
    {"text": texts.DESCRIPTION, "label": "bad"},  # well-formed: kept wrongly
]


def test_figures_are_counts_with_their_intervals():
    figures = evaluate(ROWS, threshold=0.8)
    assert figures.documents == 5
    assert figures.precision.share == pytest.approx(2 / 3)
    assert figures.recall.share == pytest.approx(2 / 3)
    assert figures.precision.lower < 2 / 3 < figures.precision.upper
    assert 0 < figures.auc < 1


def test_a_threshold_of_nothing_keeps_all_and_one_above_all_keeps_none():
    assert evaluate(ROWS, threshold=0.0).recall.share == 1
    none = evaluate(ROWS, threshold=1.0)
    assert none.recall.share == 0
    assert (none.precision.lower, none.precision.upper) == (0.0, 1.0)


@pytest.mark.parametrize("rows", [[], ROWS[:2], [{"text": "a", "label": "fine"}, *ROWS]])
def test_wrong_labels_are_named(rows):
    with pytest.raises(UserError, match="'good' and 'bad'"):
        evaluate(rows, threshold=0.8)


@pytest.mark.parametrize(
    ("good", "bad", "area"),
    [([0.9, 0.8], [0.1, 0.2], 1.0), ([0.1], [0.9], 0.0), ([0.5], [0.5], 0.5), ([0.9, 0.5], [0.5, 0.1], 0.875)],
)
def test_area_under_curve(good, bad, area):
    assert area_under_curve(np.array(good), np.array(bad)) == pytest.approx(area)


def test_area_equals_its_definition_pair_by_pair():
    generator = np.random.default_rng(3)
    good, bad = generator.integers(0, 20, 40) / 20, generator.integers(0, 15, 30) / 20
    pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    assert area_under_curve(good, bad) == pytest.approx(np.mean(pairs))


def test_calibration_error_is_the_weighted_gap():
    scores, sides = np.array([0.95, 0.95, 0.05, 1.0]), np.array([True, False, False, True])
    assert calibration_error(scores, sides, np.ones(4)) == pytest.approx((abs(2.9 - 2) + 0.05) / 4)
    assert calibration_error(scores, sides, np.array([1, 0, 1, 1])) == pytest.approx((abs(1.95 - 2) + 0.05) / 3)
