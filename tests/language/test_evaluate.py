"""The figures of the evaluation, by hand."""

from __future__ import annotations

import doctest
import math

from pipeline.language import evaluate as module
from pipeline.language.evaluate import evaluate, score
from tests.language.test_detect import SENTENCES


def test_example_in_the_docstring() -> None:
    assert doctest.testmod(module) == (0, 2)


def test_undetermined_counts_as_wrong() -> None:
    figures = score(["de", "en"], ["und", "en"])
    assert figures.accuracy.share == 0.5
    assert figures.undetermined == 1
    assert figures.macro_precision == 0.5


def test_nothing_is_nothing() -> None:
    figures = score([], [])
    assert math.isnan(figures.accuracy.share)
    assert figures.macro_f1 == 0


def test_rows() -> None:
    rows = [{"text": text, "language": code} for code, text in SENTENCES.items()]
    assert evaluate(rows).accuracy.share == 1
    assert evaluate(rows, min_score=1.01).undetermined == len(rows)
