"""Weighs the models' opinions of a text against one another: one probability for each language that any of them names.

A conditional logit (McFadden, 1974): each candidate gets a sum of weighted features, and the softmax over a text's candidates is its
probability. *No language that the models know* (`und`) is a candidate of its own. The weights depend on how many letters the text has,
since lid.176 is good at long text and poor at words, and each language has an offset of its own, so that a score means the same for
every language: of the texts with score 0.8, eight in ten are right. `pipeline/language/calibrate.py` finds the weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError
from pipeline.language import cld2, lid176, ngrams
from pipeline.language.codes import UNDETERMINED, known_languages
from pipeline.text.kernels import kernel

FILE = Path(__file__).with_name("weights.json")

FEATURES = (
    "und",
    "und_lid176_log_score",
    "und_ngrams_per_letter",
    "und_cld2_silent",
    "und_cld2_reliable",
    "lid176_log_score",
    "lid176_does_not_know",
    "lid176_does_not_know_log_score",
    "cld2_share",
    "cld2_first",
    "cld2_does_not_know",
    "ngrams_behind",
    "ngrams_behind_root",
    "ngrams_behind_short",
    "ngrams_behind_long",
    "ngrams_does_not_know_per_letter",
)
"""What is said of a candidate. A model that cannot name a language says nothing for or against it, but how sure it is of another one
counts. `behind` is the distance to the best score, in nats."""

LETTERS = (6, 10, 16, 30, 60, 120)
"""Texts of up to so many letters have weights of their own, and so have longer ones."""
WITHOUT_NGRAMS = len(LETTERS) + 1
"""The last row of weights: for long texts of which the third model was not asked."""

CANDIDATES = lid176.LABELS + cld2.LABELS + 5 + 1
"""A text's candidates at most: what lid.176 and CLD2 name, the five best of the n-grams, and `und`, which is always the first."""


class Opinions(NamedTuple):
    """What the models say of some texts."""

    lid176: lid176.Opinions
    cld2: cld2.Opinions
    ngrams: ngrams.Scores | None
    """None where that model was not asked."""


class Candidates(NamedTuple):
    """Each text's candidates; the first dimension is the texts, the second `CANDIDATES`."""

    languages: npt.NDArray[np.int16]
    """Place in `names()`; -1 behind the last candidate. The first is `und`."""
    features: npt.NDArray[np.float32]
    """Third dimension as `FEATURES`."""
    rows: npt.NDArray[np.int64]
    """One dimension: the row of weights that applies to the text."""


class Weights(NamedTuple):
    """What `pipeline/language/calibrate.py` found."""

    rows: npt.NDArray[np.float64]
    """Shape ``(len(LETTERS) + 2, len(FEATURES))``."""
    offsets: npt.NDArray[np.float64]
    """One a language, as `names()`."""


class Priors(NamedTuple):
    """Prior odds of some texts."""

    rows: npt.NDArray[np.int64]
    """Each text's row of `odds`."""
    odds: npt.NDArray[np.float64]
    """Shape ``(kinds, len(names()))``: the expected share of each language over an equal share of all; 1 for `und`."""

    def take(self, places: npt.NDArray[np.int64]) -> Priors:
        """Return those of some of the texts."""
        return self._replace(rows=self.rows[places])


def opinions(texts: Sequence[str], arrow: Any | None) -> Opinions:
    """Ask lid.176 and CLD2, and the n-grams where the same texts are given as an Arrow array."""
    return Opinions(lid176.opinions(texts), cld2.opinions(texts), None if arrow is None else ngrams.scores(arrow))


def probabilities(found: Candidates, prior: Priors | None = None) -> npt.NDArray[np.float64]:
    """Return each candidate's probability, shape as ``found.languages``; each text's sum is 1. Without a prior every language is as likely."""
    own = stored()
    sums = np.einsum("tcf,tf->tc", found.features, own.rows[found.rows]) + own.offsets[found.languages]
    if prior is not None:
        sums += np.log(prior.odds[prior.rows[:, None], np.maximum(found.languages, 0)])
    sums[found.languages < 0] = -np.inf
    sums -= sums.max(axis=1, keepdims=True, initial=-1e300)
    odds = np.exp(sums)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@cache
def names() -> tuple[str, ...]:
    """Return the candidates' names: `und`, then every language that a model knows."""
    return (UNDETERMINED, *known_languages())


def candidates(said: Opinions) -> Candidates:
    """Return the candidates of each text and what is said of them."""
    place = _places()
    first = np.array([[place.get(code, -1) for code in row] for row in said.lid176.languages], np.int16)
    second = np.array([[place.get(code, -1) for code in row] for row in said.cld2.languages], np.int16)
    count = len(said.lid176.languages)
    languages = np.full((count, CANDIDATES), -1, np.int16)
    features = np.zeros((count, CANDIDATES, len(FEATURES)), np.float32)
    rows = np.full(count, WITHOUT_NGRAMS, np.int64)
    nothing = np.zeros((count, 0), np.float32)
    short, long = nothing, nothing
    letters = np.zeros(count, np.int64)
    if said.ngrams is not None:
        short, long, letters = said.ngrams
        rows = np.searchsorted(np.array(LETTERS), letters, side="left").astype(np.int64)
    _fill(
        first.reshape(count, lid176.LABELS),
        said.lid176.scores,
        second.reshape(count, cld2.LABELS),
        said.cld2.shares,
        said.cld2.reliable,
        short,
        long,
        letters,
        *_knowledge(),
        languages,
        features,
    )
    return Candidates(languages, features, rows)


@cache
def stored() -> Weights:
    """Return the packed weights.

    Raises
    ------
    ModelError
        If their file is missing or does not fit the features.
    """
    try:
        data = json.loads(FILE.read_bytes())
        rows = np.array([data["rows"][name] for name in row_names()], np.float64)
        offsets = np.array([data["offsets"].get(name, 0.0) for name in names()], np.float64)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{FILE.name} is missing or damaged ({type(error).__name__}): install the package anew"
        ) from None
    if tuple(data["features"]) != FEATURES or rows.shape != (len(LETTERS) + 2, len(FEATURES)):
        raise ModelError(f"{FILE.name} was made for other features: run `python -m pipeline.language.calibrate`")
    return Weights(rows, offsets)


def row_names() -> tuple[str, ...]:
    """Return the names of the weights' rows in their file."""
    return (*(f"up to {letters} letters" for letters in LETTERS), "longer", "longer, n-grams not asked")


@cache
def digest() -> str:
    """Return the sha256 of the weights' file."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


@cache
def _places() -> dict[str, int]:
    return {name: place for place, name in enumerate(names())}


@cache
def _knowledge() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return, for each name, whether lid.176 and CLD2 know it and its column among the n-grams; and each column's name."""
    columns = [_places()[name] for name in ngrams.model().languages]
    column_of = np.full(len(names()), -1, np.int16)
    column_of[columns] = np.arange(len(columns))
    first, second = (np.array([name in known for name in names()]) for known in (lid176.languages(), cld2.languages()))
    return first, second, column_of, np.array(columns, np.int16)


@kernel
def _fill(  # noqa: C901, PLR0912, PLR0915 - one pass over a text's candidates; cut up it would say everything twice
    first: npt.NDArray[np.int16],
    first_scores: npt.NDArray[np.float32],
    second: npt.NDArray[np.int16],
    second_shares: npt.NDArray[np.float32],
    reliable: npt.NDArray[np.bool_],
    short: npt.NDArray[np.float32],
    long: npt.NDArray[np.float32],
    letters: npt.NDArray[np.int64],
    first_knows: npt.NDArray[np.bool_],
    second_knows: npt.NDArray[np.bool_],
    column_of: npt.NDArray[np.int16],
    name_of: npt.NDArray[np.int16],
    languages: npt.NDArray[np.int16],
    features: npt.NDArray[np.float32],
) -> None:
    """Fill in the candidates of each text and their features, in the order of `FEATURES`."""
    columns = short.shape[1]
    total = np.zeros(max(columns, 1), np.float32)
    for text in range(len(first)):
        own = languages[text]
        own[0] = 0
        count = 1
        for code in first[text]:
            if code > 0 and not (own[:count] == code).any():
                own[count] = code
                count += 1
        for code in second[text]:
            if code > 0 and not (own[:count] == code).any():
                own[count] = code
                count += 1
        best = best_short = best_long = np.float32(0)
        for column in range(columns):
            total[column] = short[text, column] + long[text, column]
            best, best_short, best_long = (
                max(best, total[column]),
                max(best_short, short[text, column]),
                max(best_long, long[text, column]),
            )
        taken = total.copy()
        for _ in range(5):
            if columns == 0:
                break
            column = int(np.argmax(taken))
            if taken[column] <= 0:
                break
            taken[column] = -1
            if not (own[:count] == name_of[column]).any():
                own[count] = name_of[column]
                count += 1
        sure = np.log(first_scores[text, 0] + np.float32(1e-3))
        per_letter = best / max(1, letters[text]) / np.float32(10)
        for k in range(count):
            name = own[k]
            f = features[text, k]
            if name == 0:
                f[0], f[1], f[2] = 1, sure, per_letter
                f[3], f[4] = second[text, 0] < 0, reliable[text]
                continue
            if first_knows[name]:
                score = np.float32(0)
                for j in range(first.shape[1]):
                    if first[text, j] == name:
                        score = max(score, first_scores[text, j])
                f[5] = np.log(score + np.float32(1e-3))
            else:
                f[6], f[7] = 1, sure
            if second_knows[name]:
                for j in range(second.shape[1]):
                    if second[text, j] == name:
                        f[8] = max(f[8], second_shares[text, j])
                if second[text, 0] == name:
                    f[9] = 1.0 if reliable[text] else 0.5
            else:
                f[10] = 1
            if columns == 0:
                continue
            column = column_of[name]
            if column >= 0:
                behind = best - total[column]
                f[11] = -min(behind, 100) / 10
                f[12] = -np.sqrt(min(behind, 100)) / 3
                f[13] = -min(best_short - short[text, column], 50) / 10
                f[14] = -min(best_long - long[text, column], 50) / 10
            else:
                f[15] = per_letter
