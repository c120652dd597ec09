"""How well personal data is found: precision, recall, F1 and F2 a type and over all, against labelled spans.

The matching rules are those of presidio-research's `SpanEvaluator`. Spans of one type with nothing but punctuation, white space and
skip words between them are one, and such words at a span's ends do not belong to it. A gold span is found if predictions, taken from
left to right as long as they raise the overlap, cover it with an intersection over union of `MIN_OVERLAP` characters. For a type's
figures only predictions of that type are looked at; over all types any type will do, because a name that was replaced as a place was
replaced. A prediction is right if it takes part in a match.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from pipeline.intervals import Interval, proportion
from pipeline.pii.redact import find
from pipeline.settings import Pii

MIN_OVERLAP = 0.9
"""Intersection over union, in characters, from which spans match (presidio-research's default)."""

OVERALL = "all entities"
"""Key of the figures over all types."""

NAMED_ELSEWHERE: dict[str, str] = {"GPE": "LOCATION", "STREET_ADDRESS": "LOCATION", "PER": "PERSON", "LOC": "LOCATION"}
"""Labels of other data sets -> our type."""

_SKIPPED_BESIDE_STOP_WORDS = (
    "street st de rue via address country state city zip po apt unit corner p.o box suite mr mrs miss year years y/o month months old "
    "morning noon afternoon night evening week weeks weekend day days age ago inc ltd s"
)
"""presidio-research's skip words beside spaCy's English stop words."""
_WORD = regex.compile(r"[\w'\u2019]+")


_RESAMPLES, _SEED = 2_000, 1

Counts = tuple[int, int, int, int]
"""Gold spans, those found, predicted spans, those right."""


class Place(NamedTuple):
    """A span of one type, by code points."""

    type: str
    start: int
    end: int


class TypeScore(NamedTuple):
    """One type's figures."""

    gold: int
    predicted: int
    precision: Interval
    recall: Interval
    f1: Interval
    """Harmonic mean of precision and recall; not a number where both are unknown or zero."""
    f2: Interval
    """The same with recall counting twice as much."""


def predict(texts: Sequence[str], settings: Pii) -> list[list[Place]]:
    """Return what the redaction finds in each text, in the text's own offsets; the texts count as covered by names' language."""
    found = find(pa.array(texts, pa.string()), settings)
    return [[Place(hit.type, hit.start, hit.end) for hit in found.get(row, ())] for row in range(len(texts))]


def score(
    texts: Iterable[str], gold: Iterable[Iterable[Place]], predicted: Iterable[Iterable[Place]], types: Sequence[str]
) -> dict[str, TypeScore]:
    """Compare predictions with gold spans, document by document; spans of other types than `types` are left out.

    >>> given = [Place("US_SSN", 0, 11), Place("US_SSN", 22, 33)]
    >>> figures = score(["219-09-9999 telephone 536-90-4399"], [[Place("US_SSN", 0, 11)]], [given], ["US_SSN"])
    >>> figures["US_SSN"].precision.share, figures["US_SSN"].recall.share
    (0.5, 1.0)
    """
    counts: dict[str, list[Counts]] = {name: [] for name in (*types, OVERALL)}
    for text, wanted, given in zip(texts, gold, predicted, strict=True):
        known = [_merged(text, [place for place in places if place.type in counts]) for places in (wanted, given)]
        counts[OVERALL].append(_count(*known))
        for name in types:
            counts[name].append(_count(*([place for place in places if place.type == name] for places in known)))
    return {name: _figures(np.array(rows, np.int64).reshape(-1, 4)) for name, rows in counts.items()}


def evaluate(rows: Iterable[Mapping[str, Any]], settings: Pii) -> dict[str, TypeScore]:
    """Measure the redaction on rows ``{"text": ..., "spans": [{"start", "end", "type"}, ...]}``, for what it is configured to find."""
    data = list(rows)
    gold = [
        [Place(NAMED_ELSEWHERE.get(span["type"], span["type"]), span["start"], span["end"]) for span in row["spans"]]
        for row in data
    ]
    texts = [row["text"] for row in data]
    return score(texts, gold, predict(texts, settings), settings.looked_for)


@cache
def _skipped() -> frozenset[str]:
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset(STOP_WORDS).union(_SKIPPED_BESIDE_STOP_WORDS.split())


def _merged(text: str, places: Iterable[Place]) -> list[Place]:
    """Return places without skip words at their ends, in order, those of a type that only skip words separate as one."""
    merged: list[Place] = []
    for place in sorted(places, key=lambda one: (one.start, one.end)):
        words = [
            match.span() for match in _WORD.finditer(text, place.start, place.end) if match[0].lower() not in _skipped()
        ]
        if not words:
            continue
        trimmed = place._replace(start=words[0][0], end=words[-1][1])
        last = merged[-1] if merged else None
        between = _WORD.findall(text, last.end, max(last.end, trimmed.start)) if last else ()
        if last and last.type == place.type and all(word.lower() in _skipped() for word in between):
            merged[-1] = last._replace(end=max(last.end, trimmed.end))
        else:
            merged.append(trimmed)
    return merged


def _count(wanted: list[Place], given: list[Place]) -> Counts:
    used: set[int] = set()
    found = 0
    for place in wanted:
        taken: list[int] = []
        best = 0.0
        for number, other in enumerate(given):
            if number not in used and min(place.end, other.end) > max(place.start, other.start):
                overlap = _overlap(place, [given[i] for i in (*taken, number)])
                if overlap > best:
                    best = overlap
                    taken.append(number)
        if best >= MIN_OVERLAP:
            found += 1
            used.update(taken)
    return len(wanted), found, len(given), len(used)


def _overlap(gold: Place, given: list[Place]) -> float:
    """Return intersection over union of a place and some others, in characters."""
    covered = {i for place in given for i in range(place.start, place.end)}
    own = set(range(gold.start, gold.end))
    return len(covered & own) / len(covered | own)


def _figures(rows: npt.NDArray[np.int64]) -> TypeScore:
    """Return the figures of some documents' counts, those of F by resampling documents (bootstrap, percentiles)."""
    gold, found, predicted, right = (int(total) for total in rows.sum(axis=0))
    rows = rows[rows.any(axis=1)]
    # As many copies of each document as Poisson's law draws: resampling, with nothing to draw for documents without spans.
    drawn = np.random.default_rng(_SEED).poisson(1, (_RESAMPLES, len(rows))) @ rows
    return TypeScore(
        gold,
        predicted,
        proportion(right, predicted),
        proportion(found, gold),
        *(_with_bounds(_f(np.array([[gold, found, predicted, right]]), beta), _f(drawn, beta)) for beta in (1, 2)),
    )


def _f(counts: npt.NDArray[np.int64], beta: float) -> npt.NDArray[np.float64]:
    """Return the F of each row of counts; not a number where neither precision nor recall is known, or both are zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = counts[:, 1] / counts[:, 0], counts[:, 3] / counts[:, 2]
        return np.asarray((1 + beta**2) * precision * recall / (beta**2 * precision + recall), np.float64)


def _with_bounds(value: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64]) -> Interval:
    known = drawn[~np.isnan(drawn)]
    lower, upper = np.percentile(known, [2.5, 97.5]) if len(known) else (0.0, 1.0)
    return Interval(float(value[0]), float(lower), float(upper))
