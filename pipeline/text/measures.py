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
from pipeline.text.characters import SEED, Bytes, CodePoints, Hashes, Integers, Values, mix, step, tables
from pipeline.text.kernels import numpy_kernel
from pipeline.text.measures_fill import (
    NAMES,
    STOP_SLOTS,
    fill_characters,
    fill_grams,
    fill_lines,
    fill_paragraphs,
    fill_words,
)
from pipeline.text.measures_scan import CHARACTER_CLASSES, COUNTERS, scan
from pipeline.text.stop_words import FUNCTION_WORDS, GOPHER_STOP_WORDS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NAMES", "measure"]

_NEWLINE = 0x0A


class Scratch(NamedTuple):
    """Working memory of one batch: as much as its largest document needs."""

    counts: Integers
    word: Hashes
    core: Hashes
    length: Integers
    line_start: Integers
    line_marks: Bytes
    line_hash: Hashes
    table: Hashes


def measure(texts: pa.Array) -> Values:
    """Return every measure of every text.

    Parameters
    ----------
    texts
        String array; a null is an empty text.

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
        classes, lower = tables()
        _measure(data, offsets, classes, lower, _stop_hashes(), _scratch(int(words), int(lines)), out)
    return out


def _scratch(words: int, lines: int) -> Scratch:
    """Return working memory for documents of at most so many words and lines."""
    size = max(16, 8 << int(words // 4).bit_length())  # at least the table of `_measure` for that many words
    return Scratch(
        counts=np.zeros(COUNTERS, np.int64),
        word=np.empty(words + 1, np.uint64),
        core=np.empty(words + 1, np.uint64),
        length=np.empty(words + 1, np.int64),
        line_start=np.empty(lines + 2, np.int64),
        line_marks=np.empty(lines + 2, np.uint8),
        line_hash=np.empty(lines + 2, np.uint64),
        table=np.zeros(2 * size, np.uint64),
    )


@lru_cache(maxsize=1)
def _stop_hashes() -> Hashes:
    """Return an open-addressing set of the function words' core hashes; bit 0 says whether Gopher's rule counts the word."""
    table = np.zeros(STOP_SLOTS, np.uint64)
    for word in sorted(FUNCTION_WORDS | GOPHER_STOP_WORDS):
        state = SEED
        for character in word:
            state = np.uint64(step(state, np.uint64(ord(character))))
        key = (np.uint64(mix(state)) & ~np.uint64(1)) | np.uint64(word in GOPHER_STOP_WORDS)
        slot = int(key >> np.uint64(1)) & (STOP_SLOTS - 1)
        while table[slot]:
            slot = (slot + 1) & (STOP_SLOTS - 1)
        table[slot] = key
    return table


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
    data: Bytes, offsets: Integers, classes: Bytes, lower: CodePoints, stop: Hashes, scratch: Scratch, out: Values
) -> None:
    """Fill `out`, row by row."""
    counts, word, core, length, line_start, line_marks, line_hash, table = scratch
    epoch = np.uint64(1)
    for row in range(len(offsets) - 1):
        words, lines = scan(
            data, offsets[row], offsets[row + 1], classes, lower, counts, word, core, length, line_start, line_marks
        )
        size = 16
        while size < 2 * words:
            size *= 2
        mask = np.uint64(size - 1)
        characters = counts[:CHARACTER_CLASSES].sum()
        values = out[row]
        fill_characters(counts, characters, values)
        if words:
            fill_words(counts, core, length, stop, table, words, mask, epoch, values)
            epoch += np.uint64(1)
            fill_lines(word, length, line_start, line_marks, line_hash, table, lines, mask, epoch, characters, values)
            epoch += np.uint64(1)
            fill_paragraphs(line_start, line_marks, line_hash, table, lines, mask, epoch, characters, values)
            fill_grams(word, core, length, table, words, mask, epoch, characters, values)
            epoch += np.uint64(11)
