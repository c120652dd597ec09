"""The packaged lists of terms, and the tables by which a kernel finds them.

A list of identity terms belongs to one language and names groups of people by axis (`axes`), varieties of the language by surface markers (`dialects`), and
words of negative and of toxic contexts (`contexts`). A term is one or more words in the sense of `pipeline.text.words`. Between two
words of a term the text may have white space or one hyphen where the list has either, and one apostrophe where the list has one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.bias.topics import NO_TOPIC, topic_lists
from pipeline.fingerprint import digest
from pipeline.text.hashing import WORD_BASE, mix64
from pipeline.text.words import words

NEGATIVE, TOXIC = "negative", "toxic"
DIALECT = "dialect"
SPACE_GAP, APOSTROPHE_GAP, NO_GAP = 1, 2, 3
"""What stands between two words of a term: white space or a hyphen; an apostrophe; nothing, in scripts without spaces."""
PREFIX_ONLY = -1
_SPARSE = 16
"""Places for each entry of a table, at least: nearly every miss ends at the first place."""
MAX_WORDS = 5
"""Words of the longest term."""
_MASK = (1 << 64) - 1
_APOSTROPHES = "'\u2019"


class TermTable(NamedTuple):
    """One language's terms, of groups and of topics, as an open-addressed hash table; every prefix of a term, word by word, is an entry."""

    keys: npt.NDArray[np.uint64]
    """Hashes of terms and their prefixes, 0 where a place is free; the length is a power of two."""
    values: npt.NDArray[np.int16]
    """Number of the group (in `group_names`), then of `negative` and `toxic`; `PREFIX_ONLY` where no term of these ends."""
    topics: npt.NDArray[np.int8]
    """Number of the topic (in `topic_names`) whose term it is; `NO_TOPIC` where it is none's."""
    continues: npt.NDArray[np.bool_]
    """Whether a longer term begins with the entry."""


@dataclass
class _Entry:
    """What is known of a term or of the beginning of one."""

    value: int = PREFIX_ONLY
    topic: int = NO_TOPIC
    continues: bool = False


@cache
def term_lists() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return the terms by language and group (``axis:group``, ``dialect:variety``, `negative`, `toxic`), in the files' order."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for file in sorted(files("pipeline.bias").iterdir(), key=lambda entry: entry.name):
        if file.name.startswith("terms_") and file.name.endswith(".json"):
            data = json.loads(file.read_text(encoding="utf-8"))
            groups = {
                f"{axis}:{name}": tuple(terms) for axis, own in data["axes"].items() for name, terms in own.items()
            }
            groups |= {f"{DIALECT}:{name}": tuple(terms) for name, terms in data.get("dialects", {}).items()}
            groups |= {name: tuple(data["contexts"][name]) for name in (NEGATIVE, TOXIC)}
            found[data["language"]] = groups
    return found


@cache
def group_names() -> tuple[str, ...]:
    """Return every group of any list, as ``axis:group``; the dialects last. Their order numbers the columns of `screen`."""
    names = {name: None for groups in term_lists().values() for name in groups if ":" in name}
    return tuple(sorted(names, key=lambda name: name.startswith(f"{DIALECT}:")))


def groups_of(language: str) -> tuple[str, ...]:
    """Return the groups that a language's list has terms for; none where there is no list."""
    own = term_lists().get(language, {})
    return tuple(name for name in group_names() if name in own)


@cache
def term_table(language: str) -> TermTable:
    """Return the table of a language's lists."""
    codes = {name: number for number, name in enumerate((*group_names(), NEGATIVE, TOXIC))}
    entries: dict[int, _Entry] = {}
    for name, terms in term_lists()[language].items():
        for term in terms:
            _entry_of(entries, term).value = codes[name]
    for term, topic in topic_lists().get(language, {}).items():
        _entry_of(entries, term).topic = topic
    size = 1 << (_SPARSE * len(entries)).bit_length()
    keys, values = np.zeros(size, np.uint64), np.full(size, PREFIX_ONLY, np.int16)
    topics, continues = np.full(size, NO_TOPIC, np.int8), np.zeros(size, np.bool_)
    for key, entry in entries.items():
        place = key & (size - 1)
        while keys[place]:
            place = (place + 1) & (size - 1)
        keys[place], values[place], topics[place], continues[place] = key, entry.value, entry.topic, entry.continues
    return TermTable(keys, values, topics, continues)


def digests() -> dict[str, str]:
    """Return a digest of each list, by name."""
    return {
        f"terms/{language}": digest([[name, list(terms)] for name, terms in groups.items()])
        for language, groups in term_lists().items()
    }


def key_of(term: str) -> tuple[str, ...]:
    """Return a term as it is looked up: its words with what stands between them. Two terms with one key are one.

    >>> key_of("Working-Class"), key_of("y'all")
    (('working', ' ', 'class'), ('y', "'", 'all'))
    """
    parts: list[str] = []
    rest = term
    for word in words(term):
        match = re.search(re.escape(word), rest, re.IGNORECASE)
        start, end = match.span() if match else (0, 0)
        if parts:
            gap = rest[:start].strip()
            parts.append("'" if gap and gap in _APOSTROPHES else " " if rest[:start] else "")
        parts.append(word)
        rest = rest[end:]
    return tuple(parts)


def _entry_of(entries: dict[int, _Entry], term: str) -> _Entry:
    """Return a term's entry, made with those of its beginnings where they are missing."""
    *beginnings, whole = _prefixes(term)
    for key in beginnings:
        entries.setdefault(key, _Entry()).continues = True
    return entries.setdefault(whole, _Entry())


def _prefixes(term: str) -> Iterator[int]:
    """Yield the hashes of a term's first word, of its first two, ...: what the kernel computes as it reads."""
    key = key_of(term)
    value = _word_hash(key[0])
    yield value
    for gap, word in zip(key[1::2], key[2::2], strict=True):
        code = {" ": SPACE_GAP, "'": APOSTROPHE_GAP, "": NO_GAP}[gap]
        value = _mixed((value * int(WORD_BASE) + code) & _MASK ^ _word_hash(word))
        yield value


def _word_hash(word: str) -> int:
    value = 0
    for character in word:
        value = (value * int(WORD_BASE) + ord(character)) & _MASK
    return _mixed(value)


def _mixed(value: int) -> int:
    return int(mix64(np.uint64(value)))
