"""How well languages are told: precision, recall and F1, beside each model alone, and whether the score is a probability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.intervals import Interval, proportion
from pipeline.language import cld2, lid176, ngrams
from pipeline.language.codes import UNDETERMINED
from pipeline.language.detect import decide, read
from pipeline.language.prior import Expected, priors

BINS = 10
"""Bars of a reliability diagram, of equal width."""

STAGE, LID176, CLD2, NGRAMS = "the stage", "lid.176 alone", "CLD2 alone", "n-grams alone"

_RESAMPLES, _SEED = 1_000, 1


class LanguageScore(NamedTuple):
    """Figures over labelled texts."""

    texts: int
    accuracy: Interval
    macro_precision: float
    macro_recall: float
    macro_f1: Interval
    """Means over the languages of the labels, each of equal weight; a language that is never predicted has precision 0. The interval is
    that of 1,000 samples with replacement of the same size (percentile bootstrap; Efron, 1979)."""
    undetermined: int
    """Texts that got no language: they count as wrong, unless that is their label."""
    by_language: dict[str, OneLanguage]
    """Worst F1 first."""


class OneLanguage(NamedTuple):
    """Figures of one language."""

    texts: int
    predicted: int
    precision: Interval
    recall: Interval
    f1: float


class Bin(NamedTuple):
    """Texts whose score lies in one range."""

    lower: float
    upper: float
    texts: int
    mean_score: float
    """NaN where there is no text."""
    right: Interval
    """Share of the texts whose language is right."""


class Reliability(NamedTuple):
    """Whether a score is a probability."""

    bins: tuple[Bin, ...]
    error: float
    """Expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015): the mean over the texts of the distance between their bin's
    mean score and its share of right answers."""


class Evaluation(NamedTuple):
    """Everything that labelled texts say about detection."""

    scores: dict[str, LanguageScore]
    """By detector: the stage with its threshold, then each model alone, asked for its best language without one."""
    before: Reliability
    """Of lid.176's own score, for its own answers."""
    after: Reliability
    """Of `language_score`, for the best language, before the threshold."""


def evaluate(
    rows: Iterable[Mapping[str, Any]],
    window_characters: int = 250,
    min_score: float = 0.0,
    expected: Expected = MappingProxyType({}),
    *,
    alone: bool = True,
) -> Evaluation:
    """Measure the detection on rows ``{"text": ..., "language": ...}`` with BCP 47 codes.

    Parameters
    ----------
    rows
        Labelled texts; a ``source_kind``, if there is one, counts for what is expected.
    window_characters, min_score
        As for `detect`; by default every text with letters gets a language.
    expected
        Shares of languages by source kind.
    alone
        Whether each model alone is measured as well.
    """
    data = list(rows)
    labels = [row["language"] for row in data]
    texts = [row["text"] for row in data]
    column = pa.array(texts, pa.string())
    reading = read(column, window_characters, priors([row.get("source_kind") for row in data], expected))
    found = decide(column, reading, np.full(len(reading.rows), min_score))
    best = decide(column, reading, np.zeros(len(reading.rows)))
    scores = {STAGE: score(labels, found.languages.to_pylist())}
    first = lid176.opinions(texts)
    if alone:
        scores[LID176] = score(labels, _named(first.languages[:, 0]))
        scores[CLD2] = score(labels, _named(cld2.opinions(texts).languages[:, 0]))
        scores[NGRAMS] = score(labels, _ngrams(column))
    wanted = np.array(labels, object)
    return Evaluation(
        scores,
        reliability(first.scores[:, 0], first.languages[:, 0] == wanted),
        reliability(best.scores.to_numpy(zero_copy_only=False), np.array(best.languages.to_pylist(), object) == wanted),
    )


def score(labels: Sequence[str], found: Sequence[str]) -> LanguageScore:
    """Compare detected languages with the labels.

    >>> figures = score(["de", "de", "en"], ["de", "en", "en"])
    >>> round(figures.accuracy.share, 2), figures.macro_precision, figures.macro_recall, round(figures.macro_f1.share, 2)
    (0.67, 0.75, 0.75, 0.67)
    """
    names, places = np.unique(np.array([*labels, *found], object).astype(str), return_inverse=True)
    gold, given = places[: len(labels)], places[len(labels) :]
    wanted, predicted, right = _counts(gold, given, len(names))
    present = np.flatnonzero(wanted)
    f1 = _f1(wanted, predicted, right)
    precision = np.divide(right, predicted, out=np.zeros(len(names)), where=predicted > 0)
    by_language = {
        str(names[place]): OneLanguage(
            int(wanted[place]),
            int(predicted[place]),
            proportion(int(right[place]), int(predicted[place])),
            proportion(int(right[place]), int(wanted[place])),
            float(f1[place]),
        )
        for place in sorted(present.tolist(), key=lambda place: (f1[place], names[place]))
    }
    return LanguageScore(
        len(labels),
        proportion(int(right.sum()), len(labels)),
        float(precision[present].mean()) if len(present) else 0.0,
        float((right[present] / wanted[present]).mean()) if len(present) else 0.0,
        Interval(float(f1[present].mean()) if len(present) else 0.0, *_bootstrap(gold, given, len(names))),
        sum(code == UNDETERMINED for code in found),
        by_language,
    )


def reliability(scores: npt.NDArray[Any], right: npt.NDArray[Any]) -> Reliability:
    """Sort texts into bins by their score and compare each bin's mean score with its share of right answers.

    >>> reliability(np.array([0.75, 0.75, 0.75, 0.75]), np.array([True, True, True, False])).error
    0.0
    """
    bins = []
    error = 0.0
    where = np.minimum((scores * BINS).astype(int), BINS - 1)
    for number in range(BINS):
        inside = where == number
        count, hits = int(inside.sum()), int(np.sum(right[inside]))
        mean = float(scores[inside].mean()) if count else float("nan")
        bins.append(Bin(number / BINS, (number + 1) / BINS, count, mean, proportion(hits, count)))
        error += abs(mean * count - hits) if count else 0.0
    return Reliability(tuple(bins), error / len(scores) if len(scores) else 0.0)


def _counts(
    gold: npt.NDArray[np.intp], given: npt.NDArray[np.intp], size: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    return (
        np.bincount(gold, minlength=size),
        np.bincount(given, minlength=size),
        np.bincount(gold[gold == given], minlength=size),
    )


def _f1(wanted: npt.NDArray[Any], predicted: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    both = wanted + predicted
    return np.asarray(np.divide(2 * right, both, out=np.zeros(len(both)), where=both > 0))


def _bootstrap(gold: npt.NDArray[np.intp], given: npt.NDArray[np.intp], size: int) -> tuple[float, float]:
    """Return the 95 % interval of macro-F1."""
    if not len(gold):
        return 0.0, 1.0
    draw = np.random.default_rng(_SEED)
    values = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        chosen = draw.integers(0, len(gold), len(gold))
        wanted, predicted, right = _counts(gold[chosen], given[chosen], size)
        values[number] = _f1(wanted, predicted, right)[wanted > 0].mean()
    lower, upper = np.quantile(values, [0.025, 0.975])
    return float(lower), float(upper)


def _named(codes: npt.NDArray[np.object_]) -> list[str]:
    return [UNDETERMINED if code is None else str(code) for code in codes]


def _ngrams(column: pa.Array) -> list[str]:
    found = ngrams.scores(column)
    total = found.short + found.long
    names = np.array(ngrams.model().languages, object)[total.argmax(axis=1)]
    names[total.max(axis=1, initial=0) <= 0] = None
    return _named(names)
