"""Language detection: three models' opinions, weighed into one probability.

lid.176 reads a window from the middle of the text, since beginnings hold menus and headings; CLD2, which is faster, reads four times as
much, spread over the text, so that it sees a second language. Where their weighed opinions are sure, that is the answer. Short texts,
and texts of which the two are not sure, are read by the n-grams too, and then lid.176 reads the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.language import cld2, lid176, ngrams
from pipeline.language.codes import UNDETERMINED, one_of_alike
from pipeline.language.weigh import Candidates, Opinions, Priors, candidates, names, probabilities

SURE_SCORE = 0.9
"""Where lid.176's window and CLD2 give less, the third model is asked and the whole text is read."""

SHORT_CHARACTERS = 150
"""Texts up to this length are put to all three models at once."""

MAX_CHARACTERS = 20_000
"""What is read of a text at most: enough for any language, and a bound on the cost of a long one."""

PIECES, PIECE_CHARACTERS = 4, 300
"""What CLD2 reads of a longer text: pieces at equal distances, the first and the last at its ends."""

NGRAM_CHARACTERS = 1_000
"""What the n-grams read at most: on longer text they add nothing to the other two."""

_READABLE = (
    r"(?s)(?:\p{L}.*?){3}|[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
"""What a text must have to be in a language: three letters, or one of a script in which one or two are a word."""


class Detection(NamedTuple):
    """What is known of each text; all of the input's length, null where the text is null."""

    languages: pa.Array
    """string: BCP 47 code, or `UNDETERMINED`."""
    scores: pa.Array
    """float32: the calibrated probability of the best language, in [0, 1]; 0 for a text without letters."""
    runners_up: pa.Array
    """string: the second best language; where the language is undetermined, the best one, which was not good enough."""
    runner_up_scores: pa.Array
    """float32: the probability of that language; null where there is none."""
    seconds: pa.Array
    """string: what CLD2 alone says; null where it says nothing."""
    agree: pa.Array
    """bool: whether CLD2 and lid.176 name the same language, or two that are hard to tell apart; null where one of them says nothing,
    or cannot name what the other one says."""


class Reading(NamedTuple):
    """The models' answer on each text with letters, before any threshold; arrays of one dimension unless stated."""

    rows: npt.NDArray[np.int64]
    """The text's place in the input."""
    best: npt.NDArray[np.object_]
    """Shape ``(texts, 2)``: the two best languages, None where there is none; never `und`."""
    scores: npt.NDArray[np.float32]
    """Their probabilities, same shape."""
    seconds: npt.NDArray[np.object_]
    agree: npt.NDArray[np.object_]
    """True, False or None, as `Detection.agree`."""
    divided: npt.NDArray[np.bool_]
    """Whether CLD2 sees more than one language in the text."""


def detect(
    texts: pa.Array | pa.ChunkedArray | Sequence[str | None],
    window_characters: int = 250,
    min_score: float = 0.5,
    prior: Priors | None = None,
) -> Detection:
    """Name the language of each text.

    Parameters
    ----------
    texts
        Strings; null stays null.
    window_characters
        Length of the window from the middle of the text.
    min_score
        Under this the language is undetermined, as it is for a text with fewer than three letters (`_READABLE`).
    prior
        Of each text; None: every language is as likely.

    Raises
    ------
    ModelError
        If a model's file is missing or not the pinned one.
    """
    column = as_column(texts)
    reading = read(column, window_characters, prior)
    return decide(column, reading, np.full(len(reading.rows), min_score))


def read(column: pa.Array, window_characters: int = 250, prior: Priors | None = None) -> Reading:
    """Put the texts to the models; see `detect`."""
    lettered = pc.fill_null(pc.match_substring_regex(column, _READABLE), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(lettered)
    texts = column.take(pa.array(rows)).to_pylist()
    own_prior = prior.take(rows) if prior else None
    second = cld2.opinions([spread(text) for text in texts])
    best, scores = np.full((len(rows), 2), None, object), np.zeros((len(rows), 2), np.float32)
    first = np.full(len(rows), None, object)

    def weigh(places: npt.NDArray[np.int64], said: lid176.Opinions, letters: ngrams.Scores | None) -> None:
        own = cld2.Opinions(second.languages[places], second.shares[places], second.reliable[places])
        expected = own_prior.take(places) if own_prior else None
        best[places], scores[places] = _two_best(candidates(Opinions(said, own, letters)), expected)
        first[places] = said.languages[:, 0]

    short = np.array([len(text) <= SHORT_CHARACTERS for text in texts], bool)
    long = np.flatnonzero(~short)
    weigh(long, lid176.opinions([middle(texts[place], window_characters) for place in long]), None)
    again = np.flatnonzero(short | (scores[:, 0] < SURE_SCORE))
    parts = pa.array([middle(texts[place], NGRAM_CHARACTERS) for place in again], pa.string())
    weigh(again, lid176.opinions([middle(texts[place], MAX_CHARACTERS) for place in again]), ngrams.scores(parts))
    divided = second.shares[:, 0] < 0.9
    return Reading(rows, best, scores, second.languages[:, 0], _agree(first, second.languages[:, 0]), divided)


def decide(column: pa.Array, reading: Reading, min_scores: npt.NDArray[np.float64]) -> Detection:
    """Apply thresholds, one a text that was read: what does not reach its own is undetermined."""
    length, rows = len(column), reading.rows
    language = np.full(length, UNDETERMINED, object)
    runner_up, second, agree = (np.full(length, None, object) for _ in range(3))
    score, runner_up_score = np.zeros(length, np.float32), np.zeros(length, np.float32)
    sure = np.array([code is not None for code in reading.best[:, 0]], bool)
    sure &= reading.scores[:, 0] >= min_scores.astype(np.float32)
    language[rows[sure]] = reading.best[sure, 0]
    score[rows] = reading.scores[:, 0]
    place, each = np.where(sure, 1, 0), np.arange(len(rows))
    runner_up[rows], runner_up_score[rows] = reading.best[each, place], reading.scores[each, place]
    second[rows], agree[rows] = reading.seconds, reading.agree
    missing = pc.is_null(column).to_numpy(zero_copy_only=False)
    nobody = missing | np.array([label is None for label in runner_up], bool)
    return Detection(
        pa.array(language, pa.string(), mask=missing),
        pa.array(score, pa.float32(), mask=missing),
        pa.array(runner_up, pa.string(), mask=missing),
        pa.array(runner_up_score, pa.float32(), mask=nobody),
        pa.array(second, pa.string()),
        pa.array(agree, pa.bool_()),
    )


def as_column(texts: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> pa.Array:
    """Return texts as one Arrow array."""
    if isinstance(texts, pa.ChunkedArray):
        return pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], texts.type)
    return texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())


def middle(text: str, characters: int) -> str:
    """Return the middle of a text."""
    if len(text) <= characters:
        return text
    start = (len(text) - characters) // 2
    return text[start : start + characters]


def spread(text: str) -> str:
    """Return `PIECES` pieces of a text, or all of one that is no longer than they are."""
    if len(text) <= PIECES * PIECE_CHARACTERS:
        return text
    step = (len(text) - PIECE_CHARACTERS) / (PIECES - 1)
    return "\n".join(text[round(step * place) : round(step * place) + PIECE_CHARACTERS] for place in range(PIECES))


def _two_best(found: Candidates, prior: Priors | None) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
    """Return the two best languages of each text and their probabilities; `und`, which is always the first candidate, is none."""
    chances = probabilities(found, prior)
    chances[:, 0] = -1
    chances[found.languages < 0] = -1
    order = np.argsort(-chances, axis=1, kind="stable")[:, :2]
    scores = np.take_along_axis(chances, order, axis=1)
    known = np.array(names(), object)
    best = known[np.take_along_axis(found.languages, order, axis=1)]
    best[scores < 0] = None
    return best, np.maximum(scores, 0).astype(np.float32)


def _agree(first: npt.NDArray[np.object_], second: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    known, others = ({one_of_alike(code) for code in model.languages()} for model in (lid176, cld2))
    pairs = ((one_of_alike(one), one_of_alike(other)) for one, other in zip(first, second, strict=True))
    return np.array([one == other if one in others and other in known else None for one, other in pairs], object)


def rows_of(reading: Reading, column: pa.Array) -> list[Any]:
    """Return the values of a column at the texts that were read."""
    return list(column.take(pa.array(reading.rows)).to_pylist())
