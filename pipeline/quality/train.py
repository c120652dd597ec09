"""The recipe of the packaged model: ``python -m pipeline.quality.train FOLDER`` writes `model.json`.

Form is learnt, not topic. The labelled texts at hand differ in length, era and format, and all of that leaks the label; so

- each text comes whole and cut to a random length at a random place (`truncated`);
- two thirds of the weight of the bad side are corruptions of *good* texts, and part of the good side are good texts with a
  part in capitals (`notice`), so that licences are not taken for shouting;
- every origin weighs the same within its side, however many texts it has;
- a copy of each text has its stop-word measures taken away, so that the other features can carry a language without a list.

Weights are bounded below by zero and drawn to zero by a squared penalty; the problem is convex and the generator seeded, so the
same texts give the same model. The intercept is calibrated to `PRIOR`, the share of good documents that is assumed of a batch.
"""

from __future__ import annotations

import gzip
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.quality.corruptions import CORRUPTIONS, notice, truncated
from pipeline.quality.evaluate import area_under_curve, calibration_error, measures_of
from pipeline.quality.features import FEATURES
from pipeline.quality.score import FORMAT, Model, penalties

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.text.characters import Values

PRIOR = 0.85
CORRUPTED = 0.65
"""Share of the bad side's weight that corruptions have."""
NOTICE, HAM = 0.5, 0.35
"""Weight of notices and of ordinary mail ("ham"), as a share of one good origin's weight."""
TEXTS, CORRUPTED_TEXTS = 300, 400
CORRUPTED_CHARACTERS = (40, 4000)
"""Length of what is corrupted, log-uniform."""
RIDGE = 0.0005
NO_STOP_WORDS = 0.4
"""Share of an origin's weight that its copy without stop-word measures has; not for corruptions that only these show."""
_ONLY_STOP_WORDS = frozenset({"shuffled_characters", "keyboard_mash"})

ORIGINS: dict[str, tuple[str, str]] = {
    "18f_posts": ("good", "CC0-1.0"),
    "digitalgov": ("good", "CC0-1.0"),
    "peps": ("good", "public domain or CC0-1.0"),
    "plos_chunks_train": ("good", "CC-BY-4.0, CC-BY-3.0 or CC0-1.0 by row"),
    "se_sherlock": ("good", "CC0-1.0"),
    "onestopenglish": ("good", "CC-BY-SA-4.0"),
    "machine_junk": ("bad", "free licences of Debian main"),
    "spamassassin_spam2": ("bad", "PDDL-1.0"),
    "sms_spam": ("bad", "CC-BY-4.0 upstream"),
    "spamassassin_ham2": ("ham", "PDDL-1.0"),
    "sms_ham": ("ham", "CC-BY-4.0 upstream"),
}
"""Data sets of the packaged model: side and licence. Only numbers learnt from them are packaged, no text."""


class Origin(NamedTuple):
    """The features of one origin's texts, with its side and its weight against other origins of that side."""

    good: bool
    weight: float
    real: bool
    features: Values
    copy_without_stop_words: bool = True


def train(texts: Sequence[str], labels: Sequence[str], origins: Sequence[str], seed: int = 1) -> dict[str, Any]:
    """Return a model as JSON data, its card with the figures inside.

    Parameters
    ----------
    texts, labels, origins
        One each a text: the label is "good", "bad" or "ham" (ordinary, weighs little); the origin names its data set.
    seed
        Of the draws: which texts, where they are cut, how they are corrupted.
    """
    table = prepare(texts, labels, origins, seed)
    model = fit(table)
    card = {
        "task": "share of ordinary, well-formed text; English prose is the model of what is ordinary",
        "sets": {
            name: {"side": side, "license": licence} for name, (side, licence) in ORIGINS.items() if name in origins
        },
        "corruptions": sorted(CORRUPTIONS),
        "prior": PRIOR,
        "figures": figures(table),
        "limits": "sees form, not truth or intent: well-written advertising scores as high as a news article",
    }
    features = [
        {**feature._asdict(), "weight": weight}
        for feature, weight in zip(model.features, model.weights, strict=True)
        if weight > 0
    ]
    return {"format": FORMAT, "intercept": model.intercept, "features": features, "card": card}


def prepare(texts: Sequence[str], labels: Sequence[str], origins: Sequence[str], seed: int) -> dict[str, Origin]:
    """Return every origin's features, corruptions of the good texts among them."""
    generator = np.random.default_rng(seed)
    table: dict[str, Origin] = {}
    good: list[str] = []
    for name in sorted(set(origins)):
        own = [text for text, origin in zip(texts, origins, strict=True) if origin == name and text.strip()]
        label = labels[list(origins).index(name)]
        order = generator.permutation(len(own))[:TEXTS]
        chosen = [own[i] for i in order] + [truncated(own[i], generator) for i in order]
        if label == "good":
            good += chosen
        weight = HAM if label == "ham" else 1.0
        table[name] = Origin(label != "bad", weight, real=True, features=_features(chosen))
    shortest, longest = np.log(CORRUPTED_CHARACTERS)
    for name, corruption in [*CORRUPTIONS.items(), ("notice", notice)]:
        sizes = np.exp(generator.uniform(shortest, longest, CORRUPTED_TEXTS)).astype(int)
        drawn = generator.integers(0, len(good), CORRUPTED_TEXTS)
        parts = [good[i][:size] for i, size in zip(drawn, sizes, strict=True)]
        features = _features([corruption(part, generator) for part in parts])
        fair = name == "notice"
        table[name] = Origin(fair, NOTICE if fair else 1.0, False, features, name not in _ONLY_STOP_WORDS)
    return table


def _features(texts: Sequence[str]) -> Values:
    return penalties(measures_of(texts, "en"), FEATURES)


def fit(table: dict[str, Origin]) -> Model:
    """Return the model of least weighted logistic loss; weights are not negative."""
    from scipy.optimize import minimize

    stop = [i for i, feature in enumerate(FEATURES) if feature.measure == "stop_word_share"]
    rows, sides, weights = [], [], []
    for origin in table.values():
        share = _share(origin, table) / len(origin.features)
        bare = origin.features.copy()
        bare[:, stop] = 0
        copies = [(origin.features, 1 - NO_STOP_WORDS), (bare, NO_STOP_WORDS)]
        for features, part in copies if origin.copy_without_stop_words else [(origin.features, 1.0)]:
            rows.append(features)
            sides.append(np.full(len(features), float(origin.good)))
            weights.append(np.full(len(features), share * part))
    x, y, w = np.vstack(rows), np.concatenate(sides), np.concatenate(weights)

    def loss(parameters: Values) -> tuple[float, Values]:
        logit = parameters[0] - x @ parameters[1:]
        slope = w * (1 / (1 + np.exp(-logit)) - y)
        value = float(w @ np.logaddexp(0, np.where(y > 0, -logit, logit)) + RIDGE * (parameters[1:] ** 2).sum())
        return value, np.concatenate([[slope.sum()], -(x.T @ slope) + 2 * RIDGE * parameters[1:]])

    start = np.concatenate([[1.0], np.full(len(FEATURES), 0.5)])
    bounds = [(None, None)] + [(0, None)] * len(FEATURES)
    options = {"maxiter": 5000, "ftol": 1e-13, "gtol": 1e-8}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x.round(3)
    return Model(float(found[0]), FEATURES, tuple(float(value) for value in found[1:]))


def _share(origin: Origin, table: dict[str, Origin]) -> float:
    """Return an origin's part of the whole weight."""
    peers = [o for o in table.values() if o.good == origin.good and (o.good or o.real == origin.real)]
    part = PRIOR if origin.good else (1 - PRIOR) * ((1 - CORRUPTED) if origin.real else CORRUPTED)
    return part * origin.weight / sum(peer.weight for peer in peers)


def figures(table: dict[str, Origin]) -> dict[str, Any]:
    """Return how well origins are told apart that the model has not seen: each good with each bad one, left out as a pair.

    The corruptions of a left-out good origin's texts stay in, mixed with those of the others.
    """
    good = [name for name, origin in table.items() if origin.good and origin.weight == 1]
    bad = [name for name, origin in table.items() if not origin.good]
    curves: dict[str, list[float]] = {name: [] for name in bad}
    pooled: list[tuple[Values, bool]] = []
    for left in good:
        for right in bad:
            model = fit({name: origin for name, origin in table.items() if name not in {left, right}})
            scores = {name: _score(table[name].features, model) for name in (left, right)}
            curves[right].append(area_under_curve(scores[left], scores[right]))
            pooled += [(scores[left], True), (scores[right], False)]
    values = np.concatenate([scores for scores, _ in pooled])
    sides = np.concatenate([np.full(len(scores), side) for scores, side in pooled])
    weights = np.where(sides, PRIOR / sides.sum(), (1 - PRIOR) / (~sides).sum())
    real = [name for name in bad if table[name].real]
    return {
        "auc_left_out_pairs": {name: round(float(np.mean(area)), 3) for name, area in curves.items()},
        "auc_left_out_worst_pair": round(min(min(area) for area in curves.values()), 3),
        "auc_left_out_mean": round(float(np.mean([curves[name] for name in bad])), 3),
        "auc_left_out_mean_of_real_bad": round(float(np.mean([curves[name] for name in real])), 3) if real else None,
        "calibration_error_left_out": round(calibration_error(values, sides, weights), 3),
    }


def _score(features: Values, model: Model) -> Values:
    return np.asarray(1 / (1 + np.exp(features @ np.asarray(model.weights) - model.intercept)), np.float64)


def read_origins(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Return texts, labels and origins of the packaged model's data sets: ``FOLDER/<set>/data.jsonl.gz``."""
    texts: list[str] = []
    labels: list[str] = []
    origins: list[str] = []
    for name, (side, _) in ORIGINS.items():
        with gzip.open(folder / name.replace("sms_ham", "sms_spam") / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
            own = [row["text"] for row in map(json.loads, lines) if row["label"] == side]
        texts += own
        labels += [side] * len(own)
        origins += [name] * len(own)
    return texts, labels, origins


def main(folder: str) -> None:
    """Train on the data sets in a folder and replace the packaged model."""
    model = train(*read_origins(Path(folder)))
    Path(str(files("pipeline.quality").joinpath("model.json"))).write_text(
        json.dumps(model, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1])
