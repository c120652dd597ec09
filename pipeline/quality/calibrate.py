"""The score as a probability: per kind of source, from what models say of origins that they have not seen; and how good that is.

Everything here is measured on left-out origins: a model is trained without a whole data set and then asked about it. A held-out part of
the same set would show how well the set is known, not how well the score carries over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.document import MEASURES
from pipeline.quality.evaluate import area_under_curve, calibration_error
from pipeline.quality.train import PRIOR, Origin, fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.quality.score import Model
    from pipeline.text.characters import Values

KINDS = ("licensed", "social", "web")
KEEP = 0.8
"""Threshold that the card states precision for."""
BINS = 10
_RIDGE = 0.001
STRENGTH = 2.0
"""Weight of the known calibration against verdicts: about ten of them move it half the way."""

Table = dict[str, Origin]


def logits(origin: Origin, model: Model) -> Values:
    """Return the log-odds of an origin's texts before calibration."""
    return np.asarray(model.intercept - origin.features @ np.asarray(model.weights), np.float64)


def left_out(table: Table, whole: Model) -> dict[str, Values]:
    """Return the log-odds that each origin's texts have from a model that was trained without it."""
    found = {}
    for name, origin in table.items():
        if origin.of:
            continue
        rest = without(table, name)
        sides = {entry.good for entry in rest.values() if entry.fitted}
        model = fit(rest, near=whole) if origin.fitted and len(sides) > 1 else whole
        found[name] = logits(origin, model)
    return found


def without(table: Table, *left: str) -> Table:
    """Return the table without some origins, and without their texts in capitals."""
    return {name: origin for name, origin in table.items() if name not in left and origin.of not in left}


def calibrate(table: Table, found: Mapping[str, Values]) -> dict[str, tuple[float, float]]:
    """Return offset and slope for each kind that has texts of both sides."""
    calibration = {}
    for kind in KINDS:
        values, good, weights, _ = pooled(table, found, kind)
        if len(values) and 0 < good.sum() < len(good):
            calibration[kind] = platt(values, good, weights)
    return calibration


def pooled(
    table: Table, found: Mapping[str, Values], kind: str
) -> tuple[Values, npt.NDArray[np.bool_], Values, npt.NDArray[np.object_]]:
    """Return the log-odds, sides, weights and origins of a kind's texts.

    The good side weighs `PRIOR`; of the bad side real texts and corruptions weigh the same; origins of a side weigh the same but for ham.
    """
    # Good texts that were altered, and real bad ones in capitals, guard the weights; they are no share of what a source holds.
    own = {
        name: origin.kinds == kind for name, origin in table.items() if origin.real or not (origin.good or origin.of)
    }
    shares = {name: table[name].weight for name, mine in own.items() if mine.any()}
    parts: dict[str, float] = {}
    for side, part in ((True, PRIOR), (False, 1 - PRIOR)):
        groups = [
            [name for name in shares if table[name].good == side and (side or table[name].real == real)]
            for real in ((True,) if side else (True, False))
        ]
        filled = [group for group in groups if group]
        for group in filled:
            total = sum(shares[name] for name in group)
            parts |= {name: part / len(filled) * shares[name] / total for name in group}
    names = sorted(parts)
    empty = np.zeros(0)
    values = np.concatenate([empty, *(found[name][own[name]] for name in names)])
    good = np.concatenate([empty, *(np.full(own[name].sum(), table[name].good) for name in names)]).astype(bool)
    weights = np.concatenate([empty, *(np.full(own[name].sum(), parts[name] / own[name].sum()) for name in names)])
    origins = np.concatenate([empty.astype(object), *(np.full(own[name].sum(), name, dtype=object) for name in names)])
    return values, good, weights, origins


def platt(values: Values, good: npt.NDArray[np.bool_], weights: Values) -> tuple[float, float]:
    """Return offset and slope that make ``sigmoid(offset + slope * value)`` a probability (Platt 1999), drawn a little to 0 and 1."""
    return _platt(values, good, weights / weights.sum(), (0.0, 1.0), _RIDGE)


def platt_near(values: Values, good: npt.NDArray[np.bool_], known: tuple[float, float]) -> tuple[float, float]:
    """Return a calibration by a few verdicts: the known one, moved as far as they say, `STRENGTH` being its own weight against theirs."""
    return _platt(values, good, np.ones(len(values)), known, STRENGTH)


def _platt(
    values: Values, good: npt.NDArray[np.bool_], share: Values, known: tuple[float, float], ridge: float
) -> tuple[float, float]:
    from scipy.optimize import minimize

    def loss(parameters: Values) -> tuple[float, Values]:
        offset, slope = parameters
        logit = offset + slope * values
        error = share * (1 / (1 + np.exp(-logit)) - good)
        away = np.array([offset - known[0], slope - known[1]])
        value = (share * np.logaddexp(0, np.where(good, -logit, logit))).sum() + ridge * (away**2).sum()
        return float(value), np.array([error.sum(), (error * values).sum()]) + 2 * ridge * away

    found = minimize(loss, np.array(known), jac=True, method="L-BFGS-B", bounds=[(None, None), (0.05, None)]).x
    return round(float(found[0]), 3), round(float(found[1]), 3)


def figures(table: Table, whole: Model, found: Mapping[str, Values]) -> dict[str, Any]:
    """Return how well origins are told apart that the model has not seen: each good with each bad one, left out as a pair; and by kind.

    The corruptions of a left-out good origin's texts stay in, mixed with those of the others.
    """
    good = [name for name, origin in table.items() if origin.good and origin.weight == 1 and origin.fitted]
    bad = [name for name, origin in table.items() if not (origin.good or origin.of)]
    curves: dict[str, list[float]] = {name: [] for name in bad}
    for left in good:
        for right in bad:
            model = fit(without(table, left, right), near=whole)
            curves[right].append(area_under_curve(logits(table[left], model), logits(table[right], model)))
    real = [name for name in bad if table[name].real]
    return {
        "auc_left_out_pairs": {name: round(float(np.mean(area)), 3) for name, area in curves.items()},
        "auc_left_out_worst_pair": round(min(min(area) for area in curves.values()), 3),
        "auc_left_out_mean": round(float(np.mean([curves[name] for name in bad])), 3),
        "auc_left_out_mean_of_real_bad": round(float(np.mean([curves[name] for name in real])), 3) if real else None,
        "kinds": {kind: of_kind(table, found, kind) for kind in calibrate(table, found)},
    }


def of_kind(table: Table, found: Mapping[str, Values], kind: str) -> dict[str, Any]:
    """Return the figures of one kind's texts: each origin's from a model and a calibration that have not seen it."""
    values, good, weights, origins = pooled(table, found, kind)
    scores = np.zeros(len(values))
    for name in sorted(set(origins)):
        here = origins == name
        rest = ~here if 0 < good[~here].sum() < (~here).sum() else np.ones(len(here), bool)
        # What is left out must not change the share of good texts, or its own side would look less likely by that alone.
        sides = [PRIOR / weights[rest & good].sum(), (1 - PRIOR) / weights[rest & ~good].sum()]
        balanced = weights[rest] * np.where(good[rest], *sides)
        offset, slope = platt(values[rest], good[rest], balanced)
        scores[here] = 1 / (1 + np.exp(-(offset + slope * values[here])))
    kept = scores >= KEEP
    stop = np.concatenate(
        [
            table[name].measures[table[name].kinds == kind, MEASURES.index("stop_word_share")]
            for name in sorted(set(origins))
        ]
    )
    index = np.minimum((scores * BINS).astype(int), BINS - 1)
    diagram = [
        {
            "from": i / BINS,
            "mean_score": round(float(np.average(scores[index == i], weights=weights[index == i])), 3),
            "good": round(float(np.average(good[index == i], weights=weights[index == i])), 3),
            "weight": round(float(weights[index == i].sum() / weights.sum()), 3),
        }
        for i in range(BINS)
        if (index == i).any()
    ]
    return {
        "texts": len(values),
        "auc": round(weighted_area(values, good, weights), 3),
        "auc_of_stop_word_share": round(weighted_area(np.nan_to_num(stop), good, weights), 3),
        "calibration_error": round(calibration_error(scores, good, weights), 3),
        f"precision_at_{KEEP}": round(float(np.average(good[kept], weights=weights[kept])), 3),
        f"recall_at_{KEEP}": round(float(np.average(kept[good], weights=weights[good])), 3),
        "reliability": diagram,
    }


def weighted_area(values: Values, good: npt.NDArray[np.bool_], weights: Values) -> float:
    """Return the chance that a good text has a higher value than a bad one, drawn by their weights; ties count half.

    >>> weighted_area(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]), np.ones(4))
    0.875
    """
    order = np.argsort(values, kind="stable")
    first = np.unique(values[order], return_index=True)[1]
    bad = np.add.reduceat(np.where(good, 0, weights)[order], first)
    fine = np.add.reduceat(np.where(good, weights, 0)[order], first)
    below = np.cumsum(bad) - bad
    return float((fine * (below + bad / 2)).sum() / (fine.sum() * bad.sum()))
