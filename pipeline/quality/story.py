"""One document's quality in terms a person can follow: what each term added to its score, and the nearest change that would decide otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.document import MEASURES
from pipeline.quality.rules import LIMITS
from pipeline.quality.score import Feature, Model, contributions, score
from pipeline.verdict import Rule

SCORE = "quality.score@1"
MEASURE_OF = {entry.reason: entry.measure for entry in LIMITS}
_CUTS, _ROUNDS = 32, 5
"""A distance is cut into so many parts, and the part that matters again: as fine as a 32-bit number is. Many candidates at once cost little."""

Values = npt.NDArray[np.float32]
Rules = Callable[[pa.RecordBatch], list[Rule]]
"""The stage's rules over stored rows."""


def score_story(stored: pa.RecordBatch, model: Model, threshold: float) -> dict[str, Any]:
    """Return what a document's score is made of.

    Parameters
    ----------
    stored
        One row: score, measures and the kind of the source.
    model
        The score's.
    threshold
        Score under which a document is rejected.

    Returns
    -------
    dict
        ``value`` and ``limit``; ``log_odds``, the score's; ``contributions``, what each term adds to it, the largest first: their sum is
        the log-odds.
    """
    found = contributions(measures_of(stored).astype(np.float64), model, _kinds(stored))
    terms = {name: float(of[0]) for name, of in found.items()}
    ordered = sorted(terms.items(), key=lambda term: (-abs(term[1]), term[0]))
    return {
        "value": stored.column("quality_score")[0].as_py(),
        "limit": threshold,
        "log_odds": sum(terms.values()),
        "contributions": [{"term": name, "log_odds": value} for name, value in ordered if value],
    }


def nearest_change(stored: pa.RecordBatch, rules: Rules, model: Model) -> dict[str, Any] | None:
    """Return a small change of measures that turns the decision.

    Of a rejected document each measure beyond a rule's limit goes to the limit; if the score is still too low, the terms that cost most are
    lifted, as few as suffice and the last one no further than it must. Of a kept document one measure changes: the one that is nearest, as
    a share of its limit, to where a rule or the score would reject it. The measures of a text hang together, so this says how far
    off a document is, not how to write it.

    Returns
    -------
    dict or None
        ``decision`` that it leads to, the ``score`` then, and ``changes``: measure, its value and the one it would need. None if no change of
        measures turns it.
    """
    row = _Row(stored, rules, model)
    rejected = bool(row.rejected(row.values[None])[0])
    changed = row.kept_by() if rejected else row.rejected_by()
    if changed is None:
        return None
    places = np.flatnonzero((row.values != changed) & ~np.isnan(row.values))
    return {
        "decision": "kept" if rejected else "rejected",
        "score": row.with_values(changed[None]).column("quality_score")[0].as_py(),
        "changes": [
            {"measure": MEASURES[place], "value": float(row.values[place]), "needed": float(changed[place])}
            for place in places.tolist()
        ],
    }


def measures_of(stored: pa.RecordBatch) -> Values:
    """Return the measures of stored rows, shape ``(rows, len(MEASURES))``; NaN where a measure does not apply."""
    return np.column_stack([stored.column(name).to_numpy(zero_copy_only=False) for name in MEASURES]).astype(np.float32)


class _Row:
    """A document whose measures can be changed; candidates are judged all at once, as rows of a matrix."""

    def __init__(self, stored: pa.RecordBatch, rules: Rules, model: Model) -> None:
        self.stored, self.rules, self.model = stored, rules, model
        self.values: Values = measures_of(stored)[0]

    def with_values(self, rows: Values) -> pa.RecordBatch:
        """Return the stored row once for each row of measures, with these and the score that follows from them."""
        same = self.stored.take(pa.array(np.zeros(len(rows), np.int64)))
        columns = dict(zip(same.schema.names, same.columns, strict=True))
        for name, column in zip(MEASURES, rows.T, strict=True):
            columns[name] = pa.array(column, pa.float32(), mask=np.isnan(column))
        new = score(rows.astype(np.float64), self.model, _kinds(same))
        columns["quality_score"] = pa.array(new.astype(np.float32))
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def rejected(self, rows: Values) -> npt.NDArray[np.bool_]:
        """Return for each row of measures whether it would be rejected."""
        if not len(rows):
            return np.zeros(0, np.bool_)
        return np.asarray(np.any([rule.applies for rule in self.rules(self.with_values(rows))], axis=0), np.bool_)

    def kept_by(self) -> Values | None:
        """Return measures with which the rejected document is kept."""
        steps = [self.values.copy()]
        for rule in self.rules(self.stored):
            if rule.applies[0] and rule.limit is not None and rule.reason in MEASURE_OF:
                steps[0][MEASURES.index(MEASURE_OF[rule.reason])] = rule.limit
        costs = contributions(steps[0][None].astype(np.float64), self.model, _kinds(self.stored))
        places = [-1]
        for feature in sorted(self.model.features, key=lambda feature: float(costs[feature.name][0])):
            place = MEASURES.index(feature.measure)
            if costs[feature.name][0] < 0 and not np.isnan(self.values[place]):
                steps.append(steps[-1].copy())
                steps[-1][place] = self._free_of(feature, steps[-1])
                places.append(place)
        enough = np.flatnonzero(~self.rejected(np.array(steps)))
        if not len(enough):
            return None
        first = int(enough[0])
        if first == 0:
            return np.asarray(steps[0])
        near = np.array([steps[first - 1][places[first]]])
        [changed] = self._least(steps[first][None], np.array([places[first]]), near, turns_to=False)
        return np.asarray(changed)

    def rejected_by(self) -> Values | None:
        """Return measures with which the kept document is rejected: one is changed, the one that is nearest."""
        ways = [way for way in self._ways_down() if not np.isnan(self.values[way[0]])]
        places, far = np.array([way[0] for way in ways], np.int64), np.array([way[1] for way in ways], np.float32)
        rows = np.tile(self.values, (len(ways), 1))
        rows[np.arange(len(ways)), places] = far
        turned = self.rejected(rows)
        rows, places = rows[turned], places[turned]
        if not len(rows):
            return None
        rows = self._least(rows, places, self.values[places], turns_to=True)
        limits = np.maximum(np.abs([way[2] for way in ways])[turned], 1e-9)
        distance = np.abs(rows[np.arange(len(rows)), places] - self.values[places]) / limits
        return np.asarray(rows[np.lexsort((places, distance))[0]])

    def _ways_down(self) -> Iterator[tuple[int, float, float]]:
        """Yield places of measures, a value at which a rule or a term speaks against the document, and the limit."""
        for rule in self.rules(self.stored):
            if rule.limit is not None and rule.reason in MEASURE_OF:
                away = np.float32(-np.inf if rule.side == "below" else np.inf)
                beyond = float(np.nextafter(np.float32(rule.limit), away))
                yield MEASURES.index(MEASURE_OF[rule.reason]), beyond, rule.limit
        for feature in self.model.features:
            reach = (-1 if feature.side == "below" else 1) * feature.cap * feature.scale
            yield MEASURES.index(feature.measure), feature.knot + reach, feature.knot

    def _free_of(self, feature: Feature, values: Values) -> float:
        """Return the value of a feature's measure at which it costs nothing, also where a short text's measure is drawn to the prior."""
        if not feature.prior_words:
            return feature.knot
        words = values[MEASURES.index("word_count")]
        own = 1.0 if np.isnan(words) else float(words / (words + feature.prior_words))
        return (feature.knot - (1 - own) * feature.prior) / max(own, 1e-6)

    def _least(self, rows: Values, places: npt.NDArray[np.int64], near: Values, *, turns_to: bool) -> Values:
        """Return rows with the measure at each one's place moved as little from `near` as turns the decision; as they are, they do."""
        each, good, near = np.arange(len(rows)), rows[np.arange(len(rows)), places], near.copy()
        shares = np.arange(1, _CUTS) / _CUTS
        for _ in range(_ROUNDS):
            points = (near[:, None] + shares * (good - near)[:, None]).astype(np.float32)
            tried = np.repeat(rows, len(shares), axis=0)
            tried[np.arange(len(tried)), np.repeat(places, len(shares))] = points.ravel()
            turned = (self.rejected(tried) == turns_to).reshape(points.shape)
            ladder = np.column_stack([near, points, good])
            first = np.column_stack([turned, np.ones(len(rows), np.bool_)]).argmax(axis=1)
            near, good = ladder[each, first], ladder[each, first + 1]
        final = rows.copy()
        final[each, places] = good
        return final


def _kinds(stored: pa.RecordBatch) -> list[str | None]:
    return list(stored.column("source_kind").to_pylist())
