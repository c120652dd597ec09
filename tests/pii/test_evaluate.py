"""The figures of the evaluation, by hand."""

from __future__ import annotations

import math

import pytest

from pipeline.config import Pii
from pipeline.pii.evaluate import Place, evaluate, score


def test_half_of_the_gold_span_is_enough_and_less_is_not() -> None:
    gold = [[Place("A", 0, 10)]] * 3
    given = [[Place("A", 5, 30)], [Place("A", 6, 30)], [Place("B", 0, 10)]]
    figures = score(gold, given, ["A", "B"])
    assert figures["A"].recall.share == pytest.approx(1 / 3)
    assert figures["A"].precision.share == pytest.approx(1 / 2)
    assert figures["A"].f1 == pytest.approx(0.4)
    assert (figures["B"].gold, figures["B"].predicted) == (0, 1)
    assert math.isnan(figures["B"].recall.share)
    assert (figures["B"].recall.lower, figures["B"].recall.upper) == (0.0, 1.0)
    assert math.isnan(figures["B"].f1)


def test_one_gold_span_counts_once() -> None:
    figures = score([[Place("A", 0, 10)]], [[Place("A", 0, 6), Place("A", 5, 10)]], ["A"])
    assert (figures["A"].precision.share, figures["A"].recall.share) == (1.0, 1.0)


def test_rows() -> None:
    text = "Write to a@b.com or 192.0.2.1"
    rows = [
        {
            "text": text,
            "spans": [{"type": "EMAIL_ADDRESS", "start": 9, "end": 16}, {"type": "PERSON", "start": 0, "end": 5}],
        }
    ]
    figures = evaluate(rows, Pii())
    assert figures["EMAIL_ADDRESS"].recall.share == 1
    assert figures["IP_ADDRESS"].precision.share == 0
    assert "PERSON" not in figures
