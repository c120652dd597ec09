"""A signal of its own for abuse, beside quality and never part of it: nothing is rejected by it.

Two parts. *Lexical*: words of abuse and profanity. *Model*: abuse that is aimed at somebody, which is what tells "I am gay" from "I
hate gays" and a slur that is quoted from one that is thrown: an insult behind "you", a hostile verb before a group of people, a
negative word beside one. Naming a group counts for nothing by itself. Counts are rates of the words (drawn to zero in short texts),
capped, and weighed by a logistic model (`toxicity.json`, made by `pipeline/quality/train_toxicity.py`).

A language without a list has no signal (null). The signal sees words: irony, quotation and abuse without a bad word escape it.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.terms import DIALECT, digests, term_lists
from pipeline.text.characters import Values

FEATURES = ("insults", "profanities", "aimed_at_you", "hostile_to_group", "negative_of_group")
PRIOR_WORDS, CAP = 20.0, 5.0
"""Words that a short text's rates are drawn to zero by, and the most that a rate per 100 words counts for."""
_HERE = Path(__file__).parent
_START, _END = r"(?:^|[^\pL\pM\pN])", r"(?:$|[^\pL\pM\pN])"
_SPACES = r"[\s,]+"


class Patterns(NamedTuple):
    """RE2 patterns of one language; `screen` matches whatever any of the others can."""

    screen: str
    features: tuple[str, ...]


def toxicity(texts: pa.Array, languages: list[str], words: Values) -> pa.Array:
    """Return the signal of each text, in [0, 1]; null where its language has no list.

    Parameters
    ----------
    texts
        Strings.
    languages
        Primary subtags of BCP 47 codes.
    words
        Words of each text.
    """
    intercept, weights = model()
    codes = np.array(languages, dtype=object)
    values = np.zeros(len(texts))
    known = np.zeros(len(texts), bool)
    for language in sorted(languages_with_a_list() & set(languages)):
        rows = np.flatnonzero(codes == language)
        counts = features(texts.take(pa.array(rows)), language, words[rows])
        values[rows] = 1 / (1 + np.exp(-(intercept + counts @ weights)))
        known[rows] = True
    return pa.array(values.astype(np.float32), pa.float32(), mask=~known)


def features(texts: pa.Array, language: str, words: Values) -> Values:
    """Return capped rates of shape (texts, len(FEATURES)); only texts that the screen finds are looked at closely."""
    own = patterns(language)
    texts = pc.fill_null(texts, "")
    found = np.zeros((len(texts), len(FEATURES)))
    hit = np.flatnonzero(pc.match_substring_regex(texts, own.screen, ignore_case=True).to_numpy(zero_copy_only=False))
    if len(hit):
        suspect = texts.take(pa.array(hit))
        for place, pattern in enumerate(own.features):
            counts = pc.count_substring_regex(suspect, pattern, ignore_case=True).to_numpy(zero_copy_only=False)
            found[hit, place] = np.minimum(100 * counts / (words[hit] + PRIOR_WORDS), CAP)
    return found


@lru_cache(maxsize=1)
def _lists() -> dict[str, dict[str, str]]:
    return dict(json.loads((_HERE / "toxic_terms.json").read_text(encoding="utf-8"))["languages"])


def languages_with_a_list() -> frozenset[str]:
    """Return the languages that the signal exists for."""
    return frozenset(_lists())


@lru_cache(maxsize=8)
def patterns(language: str) -> Patterns:
    """Return a language's patterns."""
    own = _lists()[language]
    lists = term_lists()[language]
    people = [
        term for name, terms in lists.items() if ":" in name and not name.startswith(f"{DIALECT}:") for term in terms
    ]
    insult, profane, hostile = (_any(own[kind].split()) for kind in ("insult", "profanity", "hostile"))
    bad = _any([*own["insult"].split(), *lists["negative"], *lists["toxic"]])
    group = _any(people)
    if (
        "adjective" in own
    ):  # a colour or an age that is said of people: before a person, after "being", or last in its sentence
        person = rf"(?:{own['person']})"
        group += rf"|(?:{own['adjective']})(?:{_SPACES}{person}|\s*[.!?]|\s*$)|being{_SPACES}(?:{own['adjective']})"
    between = f"(?:(?:{own['link']}){_SPACES}){{0,3}}"
    aimed = f"(?:{own['you']}){_SPACES}{between}(?:{bad})"
    attack = f"(?:{hostile}){_SPACES}{between}(?:{group}|{own['object']})"
    of_group = f"(?:{bad}|{hostile}){_SPACES}{between}(?:{group})|(?:{group}){_SPACES}{between}(?:{bad})"
    return Patterns(
        f"{_START}(?:{profane}|{hostile}|{bad}){_END}",
        tuple(f"{_START}(?:{pattern}){_END}" for pattern in (insult, profane, aimed, attack, of_group)),
    )


def _any(terms: list[str]) -> str:
    """Return an alternation, longest first, so that a phrase is not cut short by its first word."""
    return "|".join(re.escape(term) for term in sorted(set(terms), key=lambda term: (-len(term), term)))


@lru_cache(maxsize=1)
def model() -> tuple[float, Values]:
    """Return the intercept and the features' weights."""
    data = json.loads((_HERE / "toxicity.json").read_text(encoding="utf-8"))
    return float(data["intercept"]), np.array([data["weights"][name] for name in FEATURES], np.float64)


@lru_cache(maxsize=1)
def digest() -> str:
    """Return the sha256 of the model and of all lists, those of groups of people among them."""
    found = hashlib.sha256(repr(sorted(digests().items())).encode())
    for name in ("toxicity.json", "toxic_terms.json"):
        found.update((_HERE / name).read_bytes())
    return found.hexdigest()
