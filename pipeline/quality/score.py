"""The quality score: a logistic model whose every term is a penalty that can be read.

Each feature takes one measure and says how far it is on the wrong side of a knot: 0 where the text is ordinary, growing with the
distance, capped. The score is ``sigmoid(intercept - sum(weight * feature))`` with weights >= 0, so that more repetition, more
symbols or fewer stop words can only lower it. A measure that does not apply is null and costs nothing: a language without a list
of stop words is neither punished nor rewarded for it. Measures of short texts are noisy; they are drawn towards an ordinary
value with the strength of so many words (`prior_words`).

The coefficients lie in `model.json` with a card (data sets, licences, figures); `pipeline/quality/train.py` makes it.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

import numpy as np

from pipeline.document import MEASURES
from pipeline.errors import ModelError
from pipeline.text.characters import Values

FORMAT = 1


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


def contributions(measures: Values, model: Model | None = None) -> dict[str, Values]:
    """Return what each feature adds to the log-odds of a text: zero or less, and `intercept`; they sum to the score's logit."""
    model = model or packaged()
    terms = -penalties(measures, model.features) * np.asarray(model.weights)
    named = {feature.name: terms[:, i] for i, feature in enumerate(model.features)}
    return {"intercept": np.full(len(measures), model.intercept), **named}


def score(measures: Values, model: Model | None = None) -> Values:
    """Return the quality score of each text, in [0, 1].

    Parameters
    ----------
    measures
        Shape (texts, len(MEASURES)); NaN where a measure does not apply.
    """
    model = model or packaged()
    logit = model.intercept - penalties(measures, model.features) @ np.asarray(model.weights)
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


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
        model = Model(float(data["intercept"]), features, tuple(float(row["weight"]) for row in data["features"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the quality model is not readable ({type(error).__name__}): train it again") from None
    unknown = {feature.measure for feature in model.features} - set(MEASURES)
    if unknown:
        raise ModelError(f"the quality model names the unknown measure '{min(unknown)}': train it again")
    if any(weight < 0 for weight in model.weights):
        raise ModelError("the quality model has a negative weight: train it again")
    return model


@lru_cache(maxsize=1)
def packaged() -> Model:
    """Return the packaged model."""
    return parse(_file().decode("utf-8"))


@lru_cache(maxsize=1)
def digest() -> str:
    """Return the sha256 of the packaged model's file."""
    return hashlib.sha256(_file()).hexdigest()


def _file() -> bytes:
    return files("pipeline.quality").joinpath("model.json").read_bytes()
