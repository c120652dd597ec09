"""How well languages are told: accuracy, and precision, recall and F1 over the languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.intervals import Interval, proportion
from pipeline.language.detect import detect


class LanguageScore(NamedTuple):
    """Figures over labelled texts."""

    texts: int
    accuracy: Interval
    macro_precision: float
    macro_recall: float
    macro_f1: float
    """Means over the languages of the labels, each of equal weight; a language that is never predicted has precision 0."""
    undetermined: int
    """Texts that got no language: they count as wrong."""


def evaluate(
    rows: Iterable[Mapping[str, str]], window_characters: int = 1_000, min_score: float = 0.0
) -> LanguageScore:
    """Measure the detection on rows ``{"text": ..., "language": ...}`` with BCP 47 codes.

    Parameters
    ----------
    rows
        Labelled texts.
    window_characters, min_score
        As for `detect`; by default every text with a letter gets a language.
    """
    data = list(rows)
    found = detect([row["text"] for row in data], window_characters, min_score).languages.to_pylist()
    return score([row["language"] for row in data], found)


def score(labels: list[str], found: list[str]) -> LanguageScore:
    """Compare detected languages with the labels.

    >>> figures = score(["de", "de", "en"], ["de", "en", "en"])
    >>> round(figures.accuracy.share, 2), figures.macro_precision, figures.macro_recall, round(figures.macro_f1, 2)
    (0.67, 0.75, 0.75, 0.67)
    """
    right = Counter(label for label, other in zip(labels, found, strict=True) if label == other)
    wanted, given = Counter(labels), Counter(found)
    precisions = [right[code] / given[code] if given[code] else 0.0 for code in wanted]
    recalls = [right[code] / wanted[code] for code in wanted]
    f1 = [2 * p * r / (p + r) if p + r else 0.0 for p, r in zip(precisions, recalls, strict=True)]
    count = max(1, len(wanted))
    return LanguageScore(
        len(labels),
        proportion(right.total(), len(labels)),
        sum(precisions) / count,
        sum(recalls) / count,
        sum(f1) / count,
        given["und"],
    )
