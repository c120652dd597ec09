"""The recipe of the packaged model: ``sluice quality train --packaged FOLDER`` makes it.

Form is learnt, not topic. The labelled texts at hand differ in length, era and format, and all of that leaks the label; so

- each text comes whole and cut to a random length at a random place (`truncated`);
- two thirds of the weight of the bad side are corruptions of *good* texts, and part of the good side are good texts with a
  part in capitals (`notice`), so that licences are not taken for shouting;
- good and bad texts stand there wholly in capitals too (`in_capitals`), the good ones with little weight, for such text is seldom worth keeping: so
  capitals cost something, and the words decide;
- every origin weighs the same within its side, however many texts it has;
- a copy of each text has the measures taken away that need lists of its language, so that the others can carry one without.

Weights are bounded below by zero and drawn to zero by a squared penalty; the problem is convex and the generator seeded, so the
same texts give the same model. Then the score is calibrated for each kind of source (`pipeline/quality/calibrate.py`) to `PRIOR`, the
share of good documents that is assumed of a batch.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.quality.corruptions import CORRUPTIONS, notice, truncated
from pipeline.quality.evaluate import measures_of
from pipeline.quality.features import FEATURES
from pipeline.quality.score import FORMAT, Model, penalties

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.text.characters import Values

PRIOR = 0.85
CORRUPTED = 0.65
"""Share of the bad side's weight that corruptions have."""
NOTICE, HAM, CAPITALS = 0.5, 0.35, 0.4
"""Weight of notices, of ordinary mail ("ham") and of good texts in capitals, as a share of one good origin's weight."""
TEXTS, CORRUPTED_TEXTS, IN_CAPITALS = 300, 400, 1200
CORRUPTED_CHARACTERS = (40, 4000)
"""Length of what is corrupted, log-uniform."""
RIDGE = 0.0005
NO_STOP_WORDS = 0.4
"""Share of an origin's weight that its copy without those has; not for corruptions that only these show."""
_OF_A_LANGUAGE = frozenset({"stop_word_share", "letter_surprise", "spam_ratio", "boilerplate_ratio"})
_ONLY_STOP_WORDS = frozenset({"shuffled_characters", "keyboard_mash"})

ORIGINS: dict[str, tuple[str, str, str]] = {
    "18f_posts": ("good", "CC0-1.0", "web"),
    "digitalgov": ("good", "CC0-1.0", "web"),
    "peps": ("good", "public domain or CC0-1.0", "licensed"),
    "plos_chunks_train": ("good", "CC-BY-4.0, CC-BY-3.0 or CC0-1.0 by row", "licensed"),
    "se_sherlock": ("good", "CC0-1.0", "licensed"),
    "onestopenglish": ("good", "CC-BY-SA-4.0", "licensed"),
    "machine_junk": ("bad", "free licences of Debian main", "licensed"),
    "spamassassin_spam2": ("bad", "PDDL-1.0", "web"),
    "sms_spam": ("bad", "CC-BY-4.0 upstream", "social"),
    "spamassassin_ham2": ("ham", "PDDL-1.0", "web"),
    "sms_ham": ("ham", "CC-BY-4.0 upstream", "social"),
    "goemotions_reddit": ("post", "CC-BY-4.0 upstream", "social"),
}
"""Data sets of the packaged model: side, licence and kind. Only numbers learnt from them are packaged, no text.

"ham" is ordinary text, good with little weight; a "post" is ordinary too and calibrates social sources, but no weight is learnt from it.
"""
POSTS = 2_000
"""Posts that calibrate: the first of their set; the others stay unseen."""


class Labelled(NamedTuple):
    """One labelled text."""

    text: str
    label: str
    """"good", "bad", "ham" or "post"; see `ORIGINS`."""
    origin: str
    kind: str = "web"
    language: str | None = "en"


class Origin(NamedTuple):
    """The features of one origin's texts, with its side and its weight against other origins of that side."""

    good: bool
    weight: float
    real: bool
    measures: Values
    features: Values
    kinds: npt.NDArray[np.object_]
    copy_without_stop_words: bool = True
    fitted: bool = True
    """Whether weights are learnt from it; False: it only calibrates."""
    of: str = ""
    """Bad origin whose texts these are, in capitals: they are left out with it, and are no share of what a source holds."""


def train(rows: Sequence[Labelled], seed: int = 1, extra: dict[str, Origin] | None = None) -> dict[str, Any]:
    """Return a model as JSON data, its card with the figures inside.

    Parameters
    ----------
    rows
        Labelled texts.
    extra
        Further origins whose measures are known already.
    seed
        Of the draws: which texts, where they are cut, how they are corrupted.
    """
    from pipeline.quality.calibrate import calibrate, figures, left_out

    table = prepare(rows, seed) | (extra or {})
    model = fit(table)
    logits = left_out(table, model)
    calibration = calibrate(table, logits)
    origins = {row.origin for row in rows}
    card = {
        "task": "share of ordinary, well-formed text; English prose is the model of what is ordinary",
        "sets": {
            name: dict(
                zip(
                    ("side", "license", "kind"),
                    ORIGINS.get(name, ("", "stated by whoever trained it", "")),
                    strict=True,
                )
            )
            for name in sorted(origins | set(extra or {}))
        },
        "corruptions": sorted(CORRUPTIONS),
        "prior": PRIOR,
        "figures": figures(table, model, logits),
        "limits": "sees form and the words of advertising, not truth: a well-written falsehood scores as high as a news article; "
        "no human judgement of crawled pages was at hand, so the share of good documents is assumed, not measured",
    }
    features = [
        {**feature._asdict(), "weight": weight}
        for feature, weight in zip(model.features, model.weights, strict=True)
        if weight > 0
    ]
    found = {kind: [offset, slope] for kind, (offset, slope) in calibration.items()}
    return {"format": FORMAT, "intercept": model.intercept, "features": features, "calibration": found, "card": card}


def prepare(rows: Sequence[Labelled], seed: int) -> dict[str, Origin]:
    """Return every origin's features, corruptions of the good texts among them."""
    generator = np.random.default_rng(seed)
    table: dict[str, Origin] = {}
    good: list[Labelled] = []
    bad: dict[str, list[Labelled]] = {}
    for name in sorted({row.origin for row in rows}):
        own = [row for row in rows if row.origin == name and row.text.strip()]
        label = own[0].label
        order = generator.permutation(len(own))[:TEXTS]
        chosen = [own[i] for i in order]
        chosen += [row._replace(text=truncated(row.text, generator)) for row in chosen]
        if label == "good":
            good += chosen
        if label == "bad":
            bad[name] = chosen
        weight = HAM if label == "ham" else 1.0
        found = measures_of([row.text for row in chosen], [row.language for row in chosen])
        kinds = np.array([row.kind for row in chosen], dtype=object)
        table[name] = Origin(
            label != "bad", weight, True, found, penalties(found, FEATURES), kinds, fitted=label != "post"
        )
    shortest, longest = np.log(CORRUPTED_CHARACTERS)
    for name, corruption in [*CORRUPTIONS.items(), ("notice", notice)]:
        sizes = np.exp(generator.uniform(shortest, longest, CORRUPTED_TEXTS)).astype(int)
        drawn = [good[i] for i in generator.integers(0, len(good), CORRUPTED_TEXTS)]
        parts = [row.text[:size] for row, size in zip(drawn, sizes, strict=True)]
        found = measures_of([corruption(part, generator) for part in parts], "en")
        kinds = np.array([row.kind for row in drawn], dtype=object)
        table[name] = Origin(
            name == "notice",
            NOTICE if name == "notice" else 1.0,
            False,
            found,
            penalties(found, FEATURES),
            kinds,
            copy_without_stop_words=name not in _ONLY_STOP_WORDS,
        )
    drawn = [good[i] for i in generator.permutation(len(good))[:IN_CAPITALS]]
    table["in_capitals"] = in_capitals(drawn, CAPITALS)
    table |= {f"{name}_in_capitals": in_capitals(own, 1 / len(bad), name) for name, own in bad.items()}
    return table


def in_capitals(rows: Sequence[Labelled], weight: float, of: str = "") -> Origin:
    """Return texts in capitals as an origin: good ones, or those of a bad origin."""
    found = measures_of([row.text.upper() for row in rows], [row.language for row in rows])
    kinds = np.array([row.kind for row in rows], dtype=object)
    return Origin(not of, weight, False, found, penalties(found, FEATURES), kinds, of=of)


def origin_of_reviews(measures: Values, kinds: npt.NDArray[np.object_], *, good: bool) -> Origin:
    """Return documents that curators judged as an origin."""
    return Origin(good, 1.0, True, measures, penalties(measures, FEATURES), kinds)


def fit(table: dict[str, Origin], near: Model | None = None) -> Model:
    """Return the model of least weighted logistic loss; weights are not negative.

    `near` is a model to start from; the search then ends at a looser tolerance, which is enough for figures.
    """
    from scipy.optimize import minimize

    stop = [i for i, feature in enumerate(FEATURES) if feature.measure in _OF_A_LANGUAGE]
    rows, sides, weights = [], [], []
    for origin in (origin for origin in table.values() if origin.fitted):
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
        # No BLAS: one thread and one order of summation give the same model on any machine.
        logit = parameters[0] - np.einsum("ij,j->i", x, parameters[1:])
        slope = w * (1 / (1 + np.exp(-logit)) - y)
        value = float((w * np.logaddexp(0, np.where(y > 0, -logit, logit))).sum() + RIDGE * (parameters[1:] ** 2).sum())
        return value, np.concatenate([[slope.sum()], -np.einsum("ij,i->j", x, slope) + 2 * RIDGE * parameters[1:]])

    start = np.array([near.intercept, *near.weights] if near else [1.0] + [0.5] * len(FEATURES))
    bounds = [(None, None)] + [(0, None)] * len(FEATURES)
    options = {"maxiter": 5000, "ftol": 1e-8 if near else 1e-13, "gtol": 1e-5 if near else 1e-8}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x.round(3)
    return Model(float(found[0]), FEATURES, tuple(float(value) for value in found[1:]))


def _share(origin: Origin, table: dict[str, Origin]) -> float:
    """Return an origin's part of the whole weight."""
    peers = [o for o in table.values() if o.fitted and o.good == origin.good and (o.good or o.real == origin.real)]
    part = PRIOR if origin.good else (1 - PRIOR) * ((1 - CORRUPTED) if origin.real else CORRUPTED)
    return part * origin.weight / sum(peer.weight for peer in peers)


def read_origins(folder: Path) -> list[Labelled]:
    """Return the packaged model's texts: ``FOLDER/quality/<set>/data.jsonl.gz``, and the posts in ``FOLDER/social``."""
    found: list[Labelled] = []
    for name, (side, _, kind) in ORIGINS.items():
        place = folder / ("social" if side == "post" else "quality") / name.replace("sms_ham", "sms_spam")
        with gzip.open(place / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        own = rows[:POSTS] if side == "post" else [row for row in rows if row["label"] == side]
        found += [Labelled(row["text"], side, name, kind) for row in own]
    return found
