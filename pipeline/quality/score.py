"""The quality score: a logistic model whose every term is a penalty that can be read.

Each feature takes one measure and says how far it is on the wrong side of a knot: 0 where the text is ordinary, growing with the
distance, capped. The score is ``sigmoid(intercept - sum(weight * feature))`` with weights >= 0, so that more repetition, more
symbols or fewer stop words can only lower it. A measure that does not apply is null and costs nothing: a language without a list
of stop words is neither punished nor rewarded for it. Measures of short texts are noisy; they are drawn towards an ordinary
value with the strength of so many words (`prior_words`).

Social posts, licensed texts and web pages differ in what is ordinary: for each kind of source the log-odds are stretched and moved so that
the score is the probability that a careful reader would keep the document (Platt 1999), given the share of good documents that
the card states. A source of no known kind is not calibrated.

The coefficients lie in `model.json` with a card (data sets, licences, figures); `pipeline/quality/train.py` makes it.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from pipeline.document import MEASURES
from pipeline.errors import ModelError
from pipeline.text.characters import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT = 2


class Feature(NamedTuple):
    """One penalty: the distance of a measure from its knot, on the wrong side of it, in units of `scale`, at most `cap`."""

    name: str
    measure: str
    side: Literal["below", "above"]
    knot: float
    scale: float
    cap: float
    prior: float = 0.0
    """Ordinary value that the measures of a short text are drawn to."""
    prior_words: float = 0.0
    """Strength of the prior, in words; 0: none."""


class Model(NamedTuple):
    """What `model.json` holds, its card aside."""

    intercept: float
    features: tuple[Feature, ...]
    weights: tuple[float, ...]
    calibration: tuple[tuple[str, float, float], ...] = ()
    """Kind of source, offset and slope of the log-odds."""


def penalties(measures: Values, features: tuple[Feature, ...]) -> Values:
    """Return the features of texts.

    Parameters
    ----------
    measures
        Shape (texts, len(MEASURES)); NaN where a measure does not apply.

    Returns
    -------
    Shape (texts, features), each in [0, cap]; 0 where the measure does not apply.
    """
    words = np.nan_to_num(measures[:, MEASURES.index("word_count")], nan=np.inf)
    columns = []
    for feature in features:
        value = measures[:, MEASURES.index(feature.measure)]
        if feature.prior_words:
            own = 1 / (1 + feature.prior_words / np.maximum(words, 1e-9))
            value = own * value + (1 - own) * feature.prior
        distance = (feature.knot - value if feature.side == "below" else value - feature.knot) / feature.scale
        columns.append(np.nan_to_num(np.clip(distance, 0, feature.cap), nan=0.0))
    return np.column_stack(columns) if columns else np.zeros((len(measures), 0))


def contributions(
    measures: Values, model: Model | None = None, kinds: Sequence[str | None] | None = None
) -> dict[str, Values]:
    """Return what each feature adds to the log-odds of a text: zero or less, and `intercept`; they sum to the score's logit.

    Parameters
    ----------
    measures, kinds
        As `score` takes them.
    """
    model = model or packaged()
    offset, slope = _calibration(model, kinds, len(measures))
    terms = -penalties(measures, model.features) * np.asarray(model.weights) * slope[:, None]
    named = {feature.name: terms[:, i] for i, feature in enumerate(model.features)}
    return {"intercept": offset + slope * model.intercept, **named}


def score(measures: Values, model: Model | None = None, kinds: Sequence[str | None] | None = None) -> Values:
    """Return the quality score of each text, in [0, 1].

    Parameters
    ----------
    measures
        Shape (texts, len(MEASURES)); NaN where a measure does not apply.
    kinds
        Kind of each text's source; None: not calibrated.
    """
    model = model or packaged()
    offset, slope = _calibration(model, kinds, len(measures))
    logit = offset + slope * (model.intercept - penalties(measures, model.features) @ np.asarray(model.weights))
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


def _calibration(model: Model, kinds: Sequence[str | None] | None, length: int) -> tuple[Values, Values]:
    """Return the offset and slope of each text."""
    offset, slope = np.zeros(length), np.ones(length)
    if kinds is not None:
        own = np.asarray(kinds, dtype=object)
        for kind, move, stretch in model.calibration:
            offset[own == kind], slope[own == kind] = move, stretch
    return offset, slope


def parse(text: str) -> Model:
    """Read a model.

    Raises
    ------
    ModelError
        If it is not a model of this format or names an unknown measure.
    """
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ModelError(f"the quality model has format {data['format']}, this version reads {FORMAT}")
        features = tuple(
            Feature(**{key: value for key, value in row.items() if key != "weight"}) for row in data["features"]
        )
        calibration = tuple((str(kind), float(a), float(b)) for kind, (a, b) in sorted(data["calibration"].items()))
        weights = tuple(float(row["weight"]) for row in data["features"])
        model = Model(float(data["intercept"]), features, weights, calibration)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the quality model is not readable ({type(error).__name__}): train it again") from None
    unknown = {feature.measure for feature in model.features} - set(MEASURES)
    if unknown:
        raise ModelError(f"the quality model names the unknown measure '{min(unknown)}': train it again")
    if any(weight < 0 for weight in model.weights):
        raise ModelError("the quality model has a negative weight: train it again")
    if any(stretch <= 0 for _, _, stretch in model.calibration):
        raise ModelError("the quality model has a calibration that turns the order round: train it again")
    return model


def packaged(file: str | None = None) -> Model:
    """Return the packaged model, or the one in a file.

    Raises
    ------
    ModelError
        If the file cannot be read, or is none of this format.
    """
    return _parsed(_file(file))


@lru_cache(maxsize=4)
def _parsed(content: bytes) -> Model:
    return parse(content.decode("utf-8", "replace"))


def digest(file: str | None = None) -> str:
    """Return the sha256 of a model's file.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    return hashlib.sha256(_file(file)).hexdigest()


def source_of(file: str | None = None) -> str:
    """Return a model's JSON text.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    return _file(file).decode("utf-8", "replace")


@lru_cache(maxsize=1)
def _packaged() -> bytes:
    return files("pipeline.quality").joinpath("model.json").read_bytes()


def _file(file: str | None = None) -> bytes:
    try:
        return Path(file).read_bytes() if file else _packaged()
    except OSError as error:
        raise ModelError(f"cannot read the quality model {file}: {error.strerror}") from None
