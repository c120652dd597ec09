"""How well personal data is found: precision, recall and F1 a type, against labelled spans.

A predicted span and a gold span of the same type match if they overlap by at least half of the gold span's length (the span
evaluation of presidio-research, with its threshold against the gold span). A gold span counts as found once, however many
predictions match it, and a prediction is right if it matches any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.config import Pii
from pipeline.intervals import Interval, proportion
from pipeline.pii.recognizers import recognizers
from pipeline.pii.screens import screen
from pipeline.pii.spans import resolve

MIN_OVERLAP = 0.5
"""Share of a gold span that a prediction must cover."""


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
    f1: float
    """Harmonic mean of precision and recall; not a number where both are unknown or zero."""


def predict(texts: Sequence[str], settings: Pii) -> list[list[Place]]:
    """Return what the redaction finds in each text, in the text's own offsets."""
    known = recognizers(settings)
    passed = screen(pa.array(texts, pa.string()), settings.entities)
    found = []
    for row, text in enumerate(texts):
        hits = [hit for entity in settings.entities if passed[entity][row] for hit in known.find(text, entity)]
        found.append([Place(hit.type, hit.start, hit.end) for hit in resolve(text, hits)])
    return found


def score(
    gold: Iterable[Iterable[Place]], predicted: Iterable[Iterable[Place]], types: Sequence[str]
) -> dict[str, TypeScore]:
    """Compare predictions with gold spans, document by document.

    >>> figures = score([[Place("US_SSN", 0, 10)]], [[Place("US_SSN", 0, 5), Place("US_SSN", 20, 25)]], ["US_SSN"])
    >>> figures["US_SSN"].precision.share, figures["US_SSN"].recall.share
    (0.5, 1.0)
    """
    counts = {name: [0, 0, 0, 0] for name in types}  # gold, found, predicted, right
    for wanted, given in zip(gold, predicted, strict=True):
        wanted_places, given_places = list(wanted), list(given)
        for place in wanted_places:
            if place.type in counts:
                counts[place.type][0] += 1
                counts[place.type][1] += any(_matches(place, other) for other in given_places)
        for place in given_places:
            if place.type in counts:
                counts[place.type][2] += 1
                counts[place.type][3] += any(_matches(other, place) for other in wanted_places)
    return {name: _figures(*numbers) for name, numbers in counts.items()}


def evaluate(rows: Iterable[Mapping[str, Any]], settings: Pii) -> dict[str, TypeScore]:
    """Measure the redaction on rows ``{"text": ..., "spans": [{"start", "end", "type"}, ...]}``, for the configured entities."""
    data = list(rows)
    gold = [[Place(span["type"], span["start"], span["end"]) for span in row["spans"]] for row in data]
    return score(gold, predict([row["text"] for row in data], settings), settings.entities)


def _matches(gold: Place, given: Place) -> bool:
    overlap = min(gold.end, given.end) - max(gold.start, given.start)
    return gold.type == given.type and overlap > 0 and overlap >= MIN_OVERLAP * (gold.end - gold.start)


def _figures(gold: int, found: int, predicted: int, right: int) -> TypeScore:
    precision, recall = proportion(right, predicted), proportion(found, gold)
    total = precision.share + recall.share
    f1 = 2 * precision.share * recall.share / total if total > 0 else float("nan")
    return TypeScore(gold, predicted, precision, recall, f1)
