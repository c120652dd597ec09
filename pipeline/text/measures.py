"""Every measure of a text in one compiled pass over the Arrow string buffer.

`pipeline/text/measures_reference.py` defines each measure; this kernel computes the same numbers (repetition by 64-bit hashes
in place of strings). Cost is linear in the text, whatever its shape: the hash tables are as large as the largest document of
the batch needs, and a document uses only as much of them as its own words need.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.text.arrow import string_buffers
from pipeline.text.characters import SEED, Bytes, Hashes, Integers, Values, mix, step
from pipeline.text.characters import tables as character_tables
from pipeline.text.cues import Symbols, automaton
from pipeline.text.function_words import GOPHER_STOP_WORDS, lists
from pipeline.text.kernels import numpy_kernel
from pipeline.text.letters import SYMBOLS as LETTERS
from pipeline.text.letters import symbol_table
from pipeline.text.letters import tables as letter_tables
from pipeline.text.measures_fill import (
    NAMES,
    PLACES,
    STOP_SLOTS,
    fill_c4,
    fill_characters,
    fill_compression,
    fill_grams,
    fill_lines,
    fill_paragraphs,
    fill_words,
)
from pipeline.text.measures_scan import CHARACTER_CLASSES, COUNTERS, HIT, STATE, Tables, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["NAMES", "measure"]

_NEWLINE = 0x0A


class Scratch(NamedTuple):
    """Working memory of one batch: as much as its largest document needs."""

    counts: Integers
    before: Integers
    word: Hashes
    core: Hashes
    length: Integers
    line_start: Integers
    line_marks: Bytes
    line_hash: Hashes
    table: Hashes
    places: Integers


def measure(texts: pa.Array, languages: Sequence[str | None] | None = None) -> Values:
    """Return every measure of every text.

    Parameters
    ----------
    texts
        String array; a null is an empty text.
    languages
        Primary subtags of the texts' BCP 47 codes; measures that need a list or table of a language are 0 where it has none.
        None: all English.

    Returns
    -------
    Array of shape (texts, len(NAMES)).
    """
    data, offsets = string_buffers(texts)
    data = data.view()
    data.flags.writeable = False  # the kernel is compiled for one kind of array only
    out = np.zeros((len(offsets) - 1, len(NAMES)))
    if len(out):
        words, lines = _capacity(data, offsets)
        known = _places_of_languages()
        place = np.array(
            [known["en"]] * len(out) if languages is None else [known.get(code or "", 0) for code in languages],
            np.int64,
        )
        _measure(data, offsets, place, _tables(), _stop_hashes(), _letters(), _scratch(int(words), int(lines)), out)
    return out


def _scratch(words: int, lines: int) -> Scratch:
    """Return working memory for documents of at most so many words and lines."""
    size = max(16, 8 << int(words // 4).bit_length())  # at least the table of `_measure` for that many words
    return Scratch(
        counts=np.zeros(COUNTERS, np.int64),
        before=np.zeros(STATE, np.int64),
        word=np.empty(words + 1, np.uint64),
        core=np.empty(words + 1, np.uint64),
        length=np.empty(words + 1, np.int64),
        line_start=np.empty(lines + 2, np.int64),
        line_marks=np.empty(lines + 2, np.uint8),
        line_hash=np.empty(lines + 2, np.uint64),
        table=np.zeros(2 * size, np.uint64),
        places=np.full(PLACES, -1, np.int64),
    )


@lru_cache(maxsize=1)
def _places_of_languages() -> dict[str, int]:
    """Return each known language's place in the tables; place 0 is for the others."""
    return {language: place for place, language in enumerate(sorted({*lists(), *letter_tables()}), 1)}


@lru_cache(maxsize=1)
def _tables() -> Tables:
    classes, lower = character_tables()
    found = automaton()
    # Bits of one word a character: see `Tables`.
    characters = sum(
        (table.astype(np.uint32) << np.uint32(bits) for table, bits in ((symbol_table(), 8), (found.symbols, 16))),
        start=classes.astype(np.uint32),
    )
    following = found.following | np.where(found.hit[found.following], HIT, 0).astype(np.uint16)
    return Tables(characters, lower, following, found.hits, found.start)


@lru_cache(maxsize=1)
def _letters() -> Symbols:
    """Return the flat table of letters of each language's place."""
    known = _places_of_languages()
    flat = np.zeros((len(known) + 1, LETTERS**3), np.uint8)
    for language, table in letter_tables().items():
        flat[known[language]] = table.ravel()
    return flat


@lru_cache(maxsize=1)
def _stop_hashes() -> Hashes:
    """Return, for each language's place, an open-addressing set of its function words' core hashes.

    Bit 0 says whether Gopher's rule counts the word.
    """
    known = _places_of_languages()
    tables = np.zeros((len(known) + 1, STOP_SLOTS), np.uint64)
    for language, words in lists().items():
        table = tables[known[language]]
        gopher = GOPHER_STOP_WORDS if language == "en" else frozenset[str]()
        for word in sorted(words | gopher):
            state = SEED
            for character in word:
                state = np.uint64(step(state, np.uint64(ord(character))))
            key = (np.uint64(mix(state)) & ~np.uint64(1)) | np.uint64(word in gopher)
            slot = int(key >> np.uint64(1)) & (STOP_SLOTS - 1)
            while table[slot]:
                slot = (slot + 1) & (STOP_SLOTS - 1)
            table[slot] = key
    return tables


@numpy_kernel
def _capacity(data: Bytes, offsets: Integers) -> tuple[int, int]:
    """Return upper bounds of the words and lines of any one document, from bytes that can begin a white-space character."""
    words = lines = 0
    for row in range(len(offsets) - 1):
        spaces = newlines = 0
        for i in range(offsets[row], offsets[row + 1]):
            b = data[i]
            spaces += (b <= 0x20) | (b == 0xC2) | (b == 0xE1) | (b == 0xE2) | (b == 0xE3)
            newlines += b == _NEWLINE
        words, lines = max(words, spaces + 1), max(lines, newlines + 1)
    return words, lines


@numpy_kernel
def _measure(
    data: Bytes,
    offsets: Integers,
    languages: Integers,
    tables: Tables,
    stop: Hashes,
    letters: Symbols,
    scratch: Scratch,
    out: Values,
) -> None:
    """Fill `out`, row by row."""
    counts, before, word, core, length, line_start, line_marks, line_hash, table, places = scratch
    epoch = np.uint64(1)
    for row in range(len(offsets) - 1):
        begin, end, language = offsets[row], offsets[row + 1], languages[row]
        words, lines = scan(
            data, begin, end, tables, letters[language], counts, before, word, core, length, line_start, line_marks
        )
        size = 16
        while size < 2 * words:
            size *= 2
        mask = np.uint64(size - 1)
        characters = counts[:CHARACTER_CLASSES].sum()
        values = out[row]
        fill_characters(counts, characters, values)
        if end > begin:
            fill_compression(data, begin, end, places, values)
        if words:
            fill_words(counts, core, length, stop[language], table, words, mask, epoch, values)
            fill_c4(counts, lines, values)
            epoch += np.uint64(1)
            fill_lines(word, length, line_start, line_marks, line_hash, table, lines, mask, epoch, characters, values)
            epoch += np.uint64(1)
            fill_paragraphs(line_start, line_marks, line_hash, table, lines, mask, epoch, characters, values)
            fill_grams(word, core, length, table, words, mask, epoch, characters, values)
            epoch += np.uint64(11)
