"""The figures of the evaluation, by hand."""

from __future__ import annotations

import math

import pytest

from pipeline.pii.evaluate import OVERALL, Place, evaluate, score
from pipeline.settings import Pii

TEXT = "x" * 40


def test_nine_tenths_of_the_union_are_enough_and_less_is_not() -> None:
    gold = [[Place("A", 0, 10)]] * 3
    given = [[Place("A", 1, 10)], [Place("A", 1, 11)], [Place("B", 0, 10)]]
    figures = score([TEXT] * 3, gold, given, ["A", "B"])
    assert figures["A"].recall.share == pytest.approx(1 / 3)
    assert figures["A"].precision.share == pytest.approx(1 / 2)
    assert figures["A"].f1.share == pytest.approx(0.4)
    assert figures["A"].f2.share == pytest.approx(5 * 0.5 / 3 / (4 * 0.5 + 1 / 3))
    assert figures["A"].f1.lower <= figures["A"].f1.share <= figures["A"].f1.upper
    assert (figures["B"].gold, figures["B"].predicted) == (0, 1)
    assert math.isnan(figures["B"].recall.share)
    assert (figures["B"].recall.lower, figures["B"].recall.upper) == (0.0, 1.0)
    assert math.isnan(figures["B"].f1.share)
    # Over all types a match of another type is a match.
    assert figures[OVERALL].recall.share == pytest.approx(2 / 3)


def test_pieces_of_one_span_count_together_and_once() -> None:
    text = "Zoe Adler-Quill x"
    gold = [[Place("A", 0, 15)]]
    figures = score([text], gold, [[Place("A", 0, 3), Place("A", 4, 15)]], ["A"])
    assert (figures["A"].predicted, figures["A"].precision.share, figures["A"].recall.share) == (1, 1.0, 1.0)
    figures = score([text], gold, [[Place("A", 0, 9), Place("B", 10, 15)]], ["A", "B"])
    assert (figures["A"].recall.share, figures[OVERALL].recall.share, figures[OVERALL].precision.share) == (
        0.0,
        1.0,
        1.0,
    )


def test_skip_words_and_punctuation_do_not_count() -> None:
    text = "the (Quill of Adler), yes"
    figures = score([text], [[Place("A", 0, 21)]], [[Place("A", 5, 10), Place("A", 14, 19)]], ["A"])
    assert (figures["A"].gold, figures["A"].predicted, figures["A"].f1.share) == (1, 1, 1.0)
    assert score([text], [[Place("A", 0, 3)]], [[]], ["A"])["A"].gold == 0


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
