"""Which groups of people a text mentions, by packaged lists of descriptors.

A mention is a word or phrase of a group's list, whatever its case, between characters that are neither letters, digits nor
underscores. The lists are short and neutral on purpose: they say whom a text speaks of, not how. Where no list exists for a text's language,
nothing is known, and the answer is null.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

GROUPS = pa.list_(pa.field("item", pa.string(), nullable=False))


@dataclass(frozen=True)
class TermList:
    """One language's descriptors."""

    language: str
    patterns: tuple[tuple[str, str], ...]
    """``axis:group`` and the RE2 pattern of its mentions."""
    any_group: str
    """RE2 pattern that passes every text with a mention of any group (and others): most texts have none."""


@cache
def term_lists() -> dict[str, TermList]:
    """Return the packaged lists by language."""
    found = {}
    for file in sorted(files("pipeline.bias").iterdir(), key=lambda entry: entry.name):
        if file.name.startswith("terms_") and file.name.endswith(".json"):
            data = json.loads(file.read_text(encoding="utf-8"))
            groups = [
                (f"{axis}:{name}", terms) for axis, entries in data["axes"].items() for name, terms in entries.items()
            ]
            every = [term for _, terms in groups for term in terms]
            found[data["language"]] = TermList(
                data["language"], tuple((name, _pattern(terms)) for name, terms in groups), _pattern(every)
            )
    return found


def group_names(language: str) -> tuple[str, ...]:
    """Return the groups of a language's list, as ``axis:group``."""
    return tuple(name for name, _ in term_lists()[language].patterns)


def mentions(texts: pa.Array, languages: pa.Array) -> pa.Array:
    """Return the groups that each text mentions.

    Parameters
    ----------
    texts
        Strings.
    languages
        BCP 47 codes.

    Returns
    -------
    pa.Array
        Lists of ``axis:group`` in the list's order; null where no list exists for the language.
    """
    found: list[list[str] | None] = [None] * len(texts)
    for language, terms in term_lists().items():
        mine = np.flatnonzero(pc.fill_null(pc.equal(languages, language), False).to_numpy(zero_copy_only=False))
        for row in mine.tolist():
            found[row] = []
        own = texts.take(pa.array(mine))
        passed = mine[_matches(own, terms.any_group)]
        few = texts.take(pa.array(passed))
        for name, pattern in terms.patterns:
            for row in passed[_matches(few, pattern)].tolist():
                found[row].append(name)
    return pa.array(found, GROUPS)


def _pattern(terms: list[str]) -> str:
    # RE2's \b knows ASCII only; a letter beyond ASCII beside a term must not make it a mention.
    alternatives = "|".join(
        re.escape(term).replace(r"\ ", r"\s+") for term in sorted(terms, key=lambda term: (-len(term), term))
    )
    return rf"(?i)(?:^|[^\p{{L}}\p{{N}}_])(?:{alternatives})(?:$|[^\p{{L}}\p{{N}}_])"


def _matches(texts: pa.Array, pattern: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    hit = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    return np.flatnonzero(hit.to_numpy(zero_copy_only=False))
