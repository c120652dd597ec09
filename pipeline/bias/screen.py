"""One pass over the texts: which groups each mentions, whether negative or toxic words stand beside the mentions, and what it is about.

This is a lexical measure. It sees words, not meaning: who is spoken of beside which words, never what is said of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.terms import (
    APOSTROPHE_GAP,
    MAX_WORDS,
    NO_GAP,
    PREFIX_ONLY,
    SPACE_GAP,
    TermTable,
    group_names,
    term_lists,
    term_table,
)
from pipeline.bias.topics import MAX_HITS, NO_TOPIC, main_topics, topic_names
from pipeline.text.arrow import string_buffers
from pipeline.text.hashing import WORD_BASE, mix64
from pipeline.text.kernels import kernel
from pipeline.text.words import LETTER, MARK, SINGLE, character_table, decode, is_space

MENTIONED, NEAR_NEGATIVE, NEAR_TOXIC = 1, 2, 4
"""Bits of a flag: the group is mentioned; at least one mention has a negative, a toxic word within `WINDOW` words."""
WINDOW = 10
"""Words on either side of a mention that are its context: about a sentence of a web page."""

_CLASS_SHIFT = np.uint32(24)
_LOWER_MASK = np.uint32((1 << 24) - 1)
_FAR = -(1 << 40)


class Screened(NamedTuple):
    """What the texts' terms say, one row each."""

    flags: npt.NDArray[np.uint8]
    """Shape ``(documents, len(group_names()))``: bits of `MENTIONED`, `NEAR_NEGATIVE` and `NEAR_TOXIC`."""
    assessed: npt.NDArray[np.bool_]
    """Whether there is a text, and a list for its language; where not, flags and topic say nothing."""
    topic: npt.NDArray[np.int8]
    """The main topic, by its number in `topic_names()`; 0 where none stands out."""


def screen(texts: pa.Array | pa.ChunkedArray, languages: pa.Array | pa.ChunkedArray) -> Screened:
    """Return the groups that each text mentions, and in which contexts, and its main topic.

    Parameters
    ----------
    texts
        Strings; null is not assessed.
    languages
        BCP 47 codes of the lists to use; where there is none for a language (or it is null), nothing is assessed.
    """
    data, offsets = string_buffers(texts)
    valid = np.asarray(pc.is_valid(texts))
    flags = np.zeros((len(offsets) - 1, len(group_names())), np.uint8)
    assessed = np.zeros(len(offsets) - 1, np.bool_)
    hits = np.zeros((len(offsets) - 1, len(topic_names())), np.uint16)
    for language in term_lists():
        mine = np.asarray(pc.fill_null(pc.equal(languages, language), False)) & valid
        rows = np.flatnonzero(mine)
        if len(rows):
            _scan(data, offsets, rows, character_table("unicode"), term_table(language), MAX_HITS, flags, hits)
            assessed[rows] = True
    return Screened(flags, assessed, main_topics(hits))


@kernel
def _find(keys: npt.NDArray[np.uint64], key: np.uint64) -> np.int64:
    """Return the place of a key in a table, or -1."""
    mask = np.uint64(len(keys) - 1)
    place = key & mask
    while keys[place]:
        if keys[place] == key:
            return np.int64(place)
        place = (place + np.uint64(1)) & mask
    return np.int64(-1)


@kernel
def _gap(data: npt.NDArray[np.uint8], start: int, end: int) -> int:
    """Return what stands between two words; 0 for anything that parts them, a full stop for example."""
    if start == end:
        return NO_GAP
    spaces, others, last = 0, 0, np.int64(0)
    position = start
    while position < end:
        point, position = decode(data, position, end)
        if is_space(point):
            spaces += 1
        else:
            others += 1
            last = point
    if others == 0:
        return SPACE_GAP
    if others > 1 or spaces:
        return 0
    if last in (0x2D, 0x2010, 0x2011):  # hyphens
        return SPACE_GAP
    return APOSTROPHE_GAP if last in (0x27, 0x2019) else 0


@kernel
def _mark(
    value: int, word: int, own: npt.NDArray[np.uint8], last: npt.NDArray[np.int64], context: npt.NDArray[np.int64]
) -> None:
    """Take in that a term was found which ends at word number `word`."""
    groups = len(own)
    if value < groups:
        own[value] |= np.uint8(MENTIONED)
        last[value] = word
        for kind in range(2):
            if word - context[kind] <= WINDOW:
                own[value] |= np.uint8(NEAR_NEGATIVE << kind)
        return
    kind = value - groups
    context[kind] = word
    for group in range(groups):
        if own[group] and word - last[group] <= WINDOW:
            own[group] |= np.uint8(NEAR_NEGATIVE << kind)


@kernel
def _entry(
    data: npt.NDArray[np.uint8], position: int, end: int, table: npt.NDArray[np.uint32]
) -> tuple[np.uint32, int]:
    """Return the class and lower case of the character at a position, and the position after it; at the end a separator."""
    if position == end:
        return np.uint32(0), position + 1
    if data[position] < 0x80:  # most text; spares the call
        return table[data[position]], position + 1
    point, position = decode(data, position, end)
    return table[point], position


@kernel
def _hit(
    place: np.int64, topic: int, base: int, most: int, seen: npt.NDArray[np.int64], hits: npt.NDArray[np.uint16]
) -> None:
    """Take in that a topic's term was found, unless this text has had it `most` times.

    ``seen[place]`` is `base`, which is `most` times the number of texts before this one, plus how often the term was found in it: so nothing
    has to be cleared between texts.
    """
    again = max(seen[place] - base, 0)
    if again < most:
        seen[place] = base + again + 1
        hits[topic] += np.uint16(1)


@kernel
def _scan(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint32],
    terms: TermTable,
    most: int,
    flags: npt.NDArray[np.uint8],
    hits: npt.NDArray[np.uint16],
) -> None:
    """Fill the flags and hits of some rows, of each topic's term at most `most`. Each word is hashed once and looked up with the at most `MAX_WORDS - 1` open beginnings before it."""
    open_ = np.empty(MAX_WORDS, np.uint64)
    last = np.empty(flags.shape[1], np.int64)
    context = np.empty(2, np.int64)
    seen = np.zeros(len(terms.keys), np.int64)
    for number, row in enumerate(rows):
        last[:] = _FAR
        context[:] = _FAR
        own, mine, base = flags[row], hits[row], number * most
        opened = word = 0
        position, end = offsets[row], offsets[row + 1]
        word_end = position  # where the word before ended
        start = position
        inside = False
        value = np.uint64(0)
        while position <= end:
            before = position
            entry, position = _entry(data, position, end, table)
            kind, lowered = entry >> _CLASS_SHIFT, np.uint64(entry & _LOWER_MASK)
            if kind == LETTER or (kind == MARK and inside):
                if not inside:
                    start = before
                value = np.uint64(value * WORD_BASE + lowered)
                inside = True
                continue
            if inside:
                word += 1
                gap = _gap(data, word_end, start) if opened else 0
                opened = _take(value, word, gap, open_, opened, terms, own, last, context, base, most, seen, mine)
                word_end = before
                value = np.uint64(0)
                inside = False
            if kind == SINGLE:
                word += 1
                gap = _gap(data, word_end, before) if opened else 0
                opened = _take(lowered, word, gap, open_, opened, terms, own, last, context, base, most, seen, mine)
                word_end = position


@kernel
def _take(
    value: np.uint64,
    word: int,
    gap: int,
    open_: npt.NDArray[np.uint64],
    opened: int,
    terms: TermTable,
    own: npt.NDArray[np.uint8],
    last: npt.NDArray[np.int64],
    context: npt.NDArray[np.int64],
    base: int,
    most: int,
    seen: npt.NDArray[np.int64],
    hits: npt.NDArray[np.uint16],
) -> int:
    """Look up a word after the open beginnings and alone; return how many beginnings are open after it."""
    hashed = mix64(np.uint64(value))
    if not opened and not terms.keys[hashed & np.uint64(len(terms.keys) - 1)]:
        return 0  # most words are no term's: they end here
    left = 0
    for i in range(opened + 1):
        key = hashed
        if i < opened:
            if not gap:
                continue
            key = mix64(np.uint64(np.uint64(open_[i] * WORD_BASE + np.uint64(gap)) ^ hashed))
        place = _find(terms.keys, key)
        if place < 0:
            continue
        if terms.values[place] != PREFIX_ONLY:
            _mark(terms.values[place], word, own, last, context)
        if terms.topics[place] != NO_TOPIC:
            _hit(place, terms.topics[place], base, most, seen, hits)
        if terms.continues[place]:
            open_[left] = key
            left += 1
    return left
