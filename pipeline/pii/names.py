"""Names of persons and places, by a small model of our own (`pipeline.pii.names_train` trains it; docs/pii.md has its card).

A text is read by sentence: only stretches with a word in capitals are tagged. What the model takes for a name does not count if it
holds a digit, a sign of programs beside it, or stands in a line that looks like one: digits and code are nobody's name. Places may
hold numbers, as street addresses do.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import ModelError
from pipeline.pii.spans import Hit
from pipeline.text.kernels import kernel
from pipeline.text.tagging import Codes, Integers, TokenTable, Weights, best_labels, code_points, read_tokens, stretches

LANGUAGES = frozenset({"en"})
"""Languages that the model knows (BCP 47)."""

MODEL_FILE = Path(__file__).parent / "names.npz"
LABELS = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION", "B-ORGANIZATION", "I-ORGANIZATION")
_PERSON, _LOCATION = LABELS.index("B-PERSON"), LABELS.index("B-LOCATION")
RECOGNIZER, SCORE = "NameTagger", 0.85
"""The score of spaCy's names in Presidio, so that thresholds mean the same."""
_LONGEST = 120
"""Characters of a name at most; what is longer is a list."""
_LONGEST_NUMBER = 5
"""Digits of a house's number or a postal code at most."""
MOSTLY_SMALL = np.uint8(64)
"""The bit of the list of words that are mostly written small (`Model.lists`)."""

_CODE_BEGINNINGS = (">>>", "...", "$ ", "#include", "import ", "def ", "class ", "return ", "//", "/*", "* @")
_CODE_ENDINGS = ("{", "}", ";", "=", ":=")
_CALL = re.compile(r"\w\(\w*[,)]")
_BEFORE_AND_AFTER = 120
"""Characters of a line on each side of a name that are looked at."""
_CODE_BESIDE = frozenset("_/\\@#$%^*=<>{}[]~`|")


_NO_PERSON = re.compile(r"[\d_/\\@#$%^*=<>{}\[\]~`|]")
_DRAWN_OUT = re.compile(r"([^\W\diI])\1\1", re.IGNORECASE)
_PARTICLES = ("Mc", "Mac", "De", "Di", "Du", "La", "Le", "O", "Van", "Fitz")
_WORD = re.compile(r"\w+")


class Model(NamedTuple):
    """What the tagger knows."""

    weights: Weights
    """Shape (2^n, labels)."""
    pairs: Weights
    """Shape (labels + 1, labels)."""
    lists: npt.NDArray[np.uint8]
    """2^n slots, each with a bit a list: places of one word, words of longer places, first names, family names, small places and their words,
    words that are mostly written small, words that are nearly always written with a capital."""
    clusters: npt.NDArray[np.uint16]
    """2^n slots (`pipeline.text.tagging.clustered`)."""


def covers(language: str | None) -> bool:
    """Say whether the model knows a language, whatever its region or script."""
    return language is not None and language.partition("-")[0] in LANGUAGES


def find_names(texts: pa.Array, languages: Sequence[str | None] | None) -> dict[int, list[Hit]]:
    """Return the names in each text that has any; texts in other languages are left out.

    Parameters
    ----------
    texts
        Strings; null has no names.
    languages
        BCP 47 code of each text; None: all are in a language that the model knows.
    """
    found = {}
    for row in range(len(texts)):
        if languages is None or covers(languages[row]):
            text = texts[row].as_py()
            hits = list(names_in(text)) if text else []
            if hits:
                found[row] = hits
    return found


def names_in(text: str) -> Iterator[Hit]:
    """Yield the names in one text, in order."""
    model = load()
    codes = code_points(text)
    read = read_tokens(codes, model.lists, model.clusters)
    capitals = not text.islower()
    labels = _tagged(codes, read, model.weights, model.pairs, not capitals)
    _name_again(read, labels)
    _number_before(read.found, labels)
    for start, end, label in _spans(read.found, labels):
        kind = LABELS[label][2:]
        if kind != "ORGANIZATION" and end - start <= _LONGEST and _may_be(text, start, end, kind, capitals):
            yield Hit(start, end, kind, RECOGNIZER, SCORE)


@kernel
def _tagged(codes: Codes, read: TokenTable, weights: Weights, pairs: Weights, everything: bool) -> npt.NDArray[np.int8]:
    """Tag stretch by stretch; those without a capital letter hold no name."""
    labels = np.zeros(len(read.found), np.int8)
    first = 0
    for last in stretches(codes, read.found, read.values):
        capital = everything
        for i in range(first, last):
            capital = capital or (8 <= read.values[i, 1] < 64)
        if capital:
            labels[first:last] = best_labels(first, last, read, weights, pairs)
        first = last
    return labels


def _name_again(read: TokenTable, labels: npt.NDArray[np.int8]) -> None:
    """Take a person's name for one wherever the text has it, if it was taken for one at least as often as for something else.

    What counts is a word with a capital, of three letters or more, that is not mostly written small.
    """
    found, values = read.found, read.values
    length = found[:, 1] - found[:, 0]
    word = (values[:, 1] >= 8) & (values[:, 1] < 64) & (length >= 3) & (read.bits & MOSTLY_SMALL == 0)
    person = (labels == _PERSON) | (labels == _PERSON + 1)
    if not (word & person).any():
        return
    spelt = values[:, 0].astype(np.int64) << 8 | values[:, 1]  # the same letters in the same case
    names, taken = np.unique(spelt[word & person], return_counts=True)
    place = np.minimum(np.searchsorted(names, spelt), len(names) - 1)
    same = word & (names[place] == spelt)
    others = np.bincount(place[same & ~person], minlength=len(names))
    for i in np.flatnonzero(same & (labels == 0) & (taken >= others)[place]).tolist():
        goes_on = i and found[i, 3] == 1 and labels[i - 1] in (_PERSON, _PERSON + 1)
        labels[i] = _PERSON + 1 if goes_on else _PERSON


def _number_before(found: Integers, labels: npt.NDArray[np.int8]) -> None:
    """Take the numbers right before a place that holds one as part of it: a house's, a postal code."""
    for begin in np.flatnonzero(labels == _LOCATION).tolist():
        end = begin + 1
        while end < len(labels) and labels[end] == _LOCATION + 1:
            end += 1
        if not (found[begin:end, 2] == 1).any():
            continue
        first = begin
        while first and found[first, 3] == 1 and _is_house_number(found[first - 1]) and labels[first - 1] == 0:
            first -= 1
        labels[first : begin + 1] = _LOCATION + 1
        labels[first] = _LOCATION


def _is_house_number(token: Integers) -> bool:
    start, end, kind, gap = token.tolist()
    return bool(kind == 1 and gap > 0 and end - start <= _LONGEST_NUMBER)


def _spans(found: Integers, labels: npt.NDArray[np.int8]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and first label of each run of a name's tokens."""
    places = np.flatnonzero(labels).tolist()
    begin = -1
    for number, place in enumerate(places):
        label = int(labels[place])
        if label % 2 == 1 or begin < 0:
            begin = place
        last = number + 1 == len(places) or places[number + 1] != place + 1 or labels[places[number + 1]] % 2 == 1
        if last:
            yield int(found[begin, 0]), int(found[place, 1]), int(labels[begin])
            begin = -1


def _may_be(text: str, start: int, end: int, kind: str, capitals: bool) -> bool:
    """Say whether a name is neither digits nor code."""
    value = text[start:end]
    if not any(character.isalpha() for character in value) or (capitals and value.islower()):
        return False
    if _DRAWN_OUT.search(value):  # "Mmmm", "LMAOOO"
        return False
    if kind == "PERSON" and (_NO_PERSON.search(value) or any(map(_is_identifier, _WORD.findall(value)))):
        return False
    return not _touches_code(text, start, end) and not _is_code(_line_around(text, start, end))


def _line_around(text: str, start: int, end: int) -> str:
    first = max(0, start - _BEFORE_AND_AFTER)
    first = max(first, text.rfind("\n", first, start) + 1)
    return text[first : end + _BEFORE_AND_AFTER].partition("\n")[0].strip()


def _is_code(line: str) -> bool:
    """Say whether a line is rather a program's than a person's.

    >>> _is_code("x = Foo(Anna, 1)"), _is_code("Anna (and Tom) went; they came back."), _is_code("Anna:")
    (True, False, False)
    """
    if line.startswith(_CODE_BEGINNINGS) or line.endswith(_CODE_ENDINGS):
        return True
    return ("=" in line or ";" in line) and _CALL.search(line) is not None


def _touches_code(text: str, start: int, end: int) -> bool:
    """Say whether a sign of programs, paths or hosts stands right beside a name."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before == ">" and text[max(0, start - 2) : start - 1] in ("", "\n", ">", " "):
        before = ""  # a quoted line
    if any(sign and sign in _CODE_BESIDE for sign in (before, after)) or after == "(":
        return True
    dotted_on = after == "." and text[end + 1 : end + 2].isalnum()
    return dotted_on or (before == "." and text[max(0, start - 2) : start - 1].islower())


def _is_identifier(word: str) -> bool:
    """Say whether a word has capitals within: no name has, but those that begin with a particle.

    >>> _is_identifier("readLine"), _is_identifier("McAdam"), _is_identifier("ROE")
    (True, False, False)
    """
    return word[1:] != word[1:].lower() and not word.isupper() and not word.startswith(_PARTICLES)


def save(model: Model, file: Path) -> None:
    """Write a model, its weights in half precision."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, weights=model.weights.astype(np.float16), pairs=model.pairs, lists=model.lists, clusters=model.clusters
    )
    file.write_bytes(buffer.getvalue())


@lru_cache(maxsize=1)
def load() -> Model:
    """Return the packed model, once a process.

    Raises
    ------
    ModelError
        If its file is missing or damaged.
    """
    try:
        with np.load(MODEL_FILE, allow_pickle=False) as data:
            return Model(data["weights"].astype(np.float32), data["pairs"], data["lists"], data["clusters"])
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(
            f"the model of names {MODEL_FILE.name} cannot be read ({type(error).__name__}); install the package again"
        ) from None


@lru_cache(maxsize=1)
def model_digest() -> str:
    """Return the sha256 of the model's file."""
    return hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()
