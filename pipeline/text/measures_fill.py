"""Second half of the measures' kernel: from words and lines to the measures, repetition by 64-bit hashes."""

# numba unifies the integer types:
# mypy: disable-error-code="assignment,no-any-return,return-value"
from __future__ import annotations

import numpy as np

from pipeline.document import MEASURES
from pipeline.text.characters import (
    DIGIT,
    LOWER,
    SEED,
    SPACE,
    SPACELESS,
    SYMBOL,
    UPPER,
    Bytes,
    Hashes,
    Integers,
    Values,
    step,
)
from pipeline.text.kernels import numpy_kernel
from pipeline.text.letters import UNIT
from pipeline.text.measures_scan import (
    ALPHABETIC,
    ALPHABETIC_TOKENS,
    BULLET_MARK,
    C4_CURLY,
    C4_JAVASCRIPT,
    C4_LINES,
    C4_LOREM,
    C4_POLICY,
    C4_SENTENCES,
    CAPITALISED,
    CUES,
    ELLIPSES,
    ELLIPSIS_MARK,
    EXCLAMATIONS,
    GAP_MARK,
    HASHES,
    LONGEST,
    NEWLINES,
    SURPRISE,
    TERMINAL_MARK,
    TOKENS,
    TRANSITIONS,
)
from pipeline.text.phrases import LINK

NAMES = (*MEASURES, "spaceless_share")
"""Columns of the kernel's result: the documents' measures, then the share of letters of scripts written without spaces."""

_WORD_COUNT = NAMES.index("word_count")
_BULLET_LINES = NAMES.index("bullet_lines")
_STOP_WORDS = NAMES.index("stop_words")
_DUPLICATE_LINES = NAMES.index("duplicate_lines")
_TOP_2 = NAMES.index("top_2_gram")
_DUPLICATE_5 = NAMES.index("duplicate_5_grams")
_LINE_PUNCTUATION = NAMES.index("line_punctuation")
_DIGIT_SHARE = NAMES.index("digit_share")
_CAPITALISED = NAMES.index("capitalised_words")
_COMPRESSION = NAMES.index("compression_ratio")
_C4_LINES = NAMES.index("c4_lines")
_TOKEN_COUNT = NAMES.index("token_count")
_SPACELESS_SHARE = NAMES.index("spaceless_share")

_SHORT_LINE = 30
_EPOCH_SHIFT = np.uint64(28)
_COUNT = np.uint64((1 << 28) - 1)
_STOP_MASK = np.uint64(1023)
STOP_SLOTS = 1024
PLACES = 1 << 12
_LZ4, _WINDOW = np.uint32(2_654_435_761), 0xFFFF


@numpy_kernel
def visit(table: Hashes, mask: np.uint64, epoch: np.uint64, key: np.uint64) -> np.uint64:
    """Count `key` in the epoch's table; return how often it was seen, this time included.

    Entry: the key, then epoch and count in one word, so that a visit touches one cache line. An older epoch's entry is free.
    """
    slot = (key & mask) << np.uint64(1)
    while True:
        state = table[slot + np.uint64(1)]
        if state >> _EPOCH_SHIFT != epoch:
            table[slot], table[slot + np.uint64(1)] = key, (epoch << _EPOCH_SHIFT) | np.uint64(1)
            return np.uint64(1)
        if table[slot] == key:
            table[slot + np.uint64(1)] = state + np.uint64(1)
            return (state & _COUNT) + np.uint64(1)
        slot = (slot + np.uint64(2)) & ((mask << np.uint64(1)) | np.uint64(1))


@numpy_kernel
def fill_characters(counts: Integers, characters: int, row: Values) -> None:
    """Measures about kinds of characters."""
    visible = max(characters - counts[SPACE], 1)
    letters = max(counts[LOWER] + counts[UPPER] + counts[SPACELESS], 1)
    row[_DIGIT_SHARE] = counts[DIGIT] / visible
    row[_DIGIT_SHARE + 1] = counts[UPPER] / letters
    row[_DIGIT_SHARE + 2] = counts[SYMBOL] / visible
    row[_SPACELESS_SHARE] = counts[SPACELESS] / letters
    row[_COMPRESSION + 1] = counts[SURPRISE] / UNIT / max(counts[TRANSITIONS], 1)


@numpy_kernel
def fill_words(
    counts: Integers,
    core: Hashes,
    length: Integers,
    stop: Hashes,
    table: Hashes,
    words: int,
    mask: np.uint64,
    epoch: np.uint64,
    row: Values,
) -> None:
    """Measures about words."""
    total = unique = function = gopher = 0
    for i in range(words):
        total += length[i]
        fresh = visit(table, mask, epoch, core[i]) == 1
        unique += fresh
        key = core[i] >> np.uint64(1)
        slot = key & _STOP_MASK
        while stop[slot] != 0 and stop[slot] >> np.uint64(1) != key:
            slot = (slot + np.uint64(1)) & _STOP_MASK
        if stop[slot] != 0:
            function += 1
            gopher += fresh and stop[slot] & np.uint64(1) != 0
    row[_WORD_COUNT] = words
    row[_WORD_COUNT + 1] = total / words
    row[_WORD_COUNT + 2] = counts[HASHES] / words
    row[_WORD_COUNT + 3] = counts[ELLIPSES] / words
    row[_STOP_WORDS - 1] = counts[ALPHABETIC] / words
    row[_STOP_WORDS] = gopher
    row[_STOP_WORDS + 1] = function / words
    row[_STOP_WORDS + 2] = unique / words
    row[_LINE_PUNCTUATION + 2] = counts[NEWLINES] / words
    row[_TOKEN_COUNT] = counts[TOKENS]
    row[_TOKEN_COUNT + 1] = counts[ALPHABETIC_TOKENS] / counts[TOKENS]
    row[_TOKEN_COUNT + 2] = counts[NEWLINES] / counts[TOKENS]
    row[_CAPITALISED] = counts[CAPITALISED] / words
    row[_CAPITALISED + 1] = counts[EXCLAMATIONS] / words
    row[_CAPITALISED + 2] = counts[LONGEST]
    for kind in range(3):  # links, page furniture, advertising
        row[_CAPITALISED + 3 + kind] = counts[CUES + LINK + kind] / words


@numpy_kernel
def fill_c4(counts: Integers, lines: int, row: Values) -> None:
    """Measures about what C4 does with the lines."""
    row[_C4_LINES], row[_C4_LINES + 1] = counts[C4_LINES] / lines, counts[C4_SENTENCES]
    row[_C4_LINES + 2], row[_C4_LINES + 3] = counts[C4_CURLY], counts[C4_LOREM]
    row[_C4_LINES + 4], row[_C4_LINES + 5] = counts[C4_JAVASCRIPT] / lines, counts[C4_POLICY] / lines


@numpy_kernel
def fill_compression(data: Bytes, begin: int, end: int, places: Integers, row: Values) -> None:
    """Ratio of an LZ4 block's size; places of an earlier text of the batch lie before `begin` and count for none."""
    size = literals = 0
    at = begin
    while at + 4 <= end:
        four = np.uint32(data[at]) | np.uint32(data[at + 1]) << np.uint32(8)
        four |= np.uint32(data[at + 2]) << np.uint32(16) | np.uint32(data[at + 3]) << np.uint32(24)
        slot = np.uint32(np.uint32(four) * _LZ4) >> np.uint32(20)
        place, places[slot] = places[slot], at
        if (
            place < begin
            or at - place > _WINDOW
            or data[place] != data[at]
            or data[place + 1] != data[at + 1]
            or data[place + 2] != data[at + 2]
            or data[place + 3] != data[at + 3]
        ):
            at, literals = at + 1, literals + 1
            continue
        length = 4
        while at + length < end and data[at + length] == data[place + length]:
            length += 1
        size += 3 + literals
        size += 1 + (literals - 15) // 255 if literals >= 15 else 0
        size += 1 + (length - 19) // 255 if length >= 19 else 0
        at, literals = at + length, 0
    literals += end - at
    size += 1 + literals
    size += 1 + (literals - 15) // 255 if literals >= 15 else 0
    row[_COMPRESSION] = size / (end - begin)


@numpy_kernel
def fill_lines(
    word: Hashes,
    length: Integers,
    start: Integers,
    marks: Bytes,
    line_hash: Hashes,
    table: Hashes,
    lines: int,
    mask: np.uint64,
    epoch: np.uint64,
    characters: int,
    row: Values,
) -> None:
    """Measures about lines; leaves each line's hash, and its length in place of its first word's index."""
    duplicates = duplicate_characters = bullets = ellipses = terminals = short = 0
    for line in range(lines):
        key = SEED
        characters_of_line = start[line + 1] - start[line] - 1
        for i in range(start[line], start[line + 1]):
            key = step(key, word[i])
            characters_of_line += length[i]
        line_hash[line], start[line] = key, characters_of_line
        if visit(table, mask, epoch, key) > 1:
            duplicates += 1
            duplicate_characters += characters_of_line
        bullets += marks[line] & BULLET_MARK != 0
        ellipses += marks[line] & ELLIPSIS_MARK != 0
        terminals += marks[line] & TERMINAL_MARK != 0
        short += characters_of_line <= _SHORT_LINE
    row[_BULLET_LINES], row[_BULLET_LINES + 1] = bullets / lines, ellipses / lines
    row[_LINE_PUNCTUATION], row[_LINE_PUNCTUATION + 1] = terminals / lines, short / lines
    row[_DUPLICATE_LINES], row[_DUPLICATE_LINES + 2] = duplicates / lines, duplicate_characters / characters


@numpy_kernel
def fill_paragraphs(
    line_length: Integers,
    marks: Bytes,
    line_hash: Hashes,
    table: Hashes,
    lines: int,
    mask: np.uint64,
    epoch: np.uint64,
    characters: int,
    row: Values,
) -> None:
    """Measures about paragraphs."""
    paragraphs = duplicates = duplicate_characters = line = 0
    while line < lines:
        key, length, begin = SEED, -1, line
        while line < lines and (line == begin or marks[line] & GAP_MARK == 0):
            key = step(key, line_hash[line])
            length += line_length[line] + 1
            line += 1
        paragraphs += 1
        if visit(table, mask, epoch, key) > 1:
            duplicates += 1
            duplicate_characters += length
    row[_DUPLICATE_LINES + 1], row[_DUPLICATE_LINES + 3] = duplicates / paragraphs, duplicate_characters / characters


@numpy_kernel
def fill_grams(
    word: Hashes,
    gram: Hashes,
    length: Integers,
    table: Hashes,
    words: int,
    mask: np.uint64,
    epoch: np.uint64,
    characters: int,
    row: Values,
) -> None:
    """Measures about n-grams. Where no n-gram repeats, no longer one does: most texts end here early.

    `gram` is the memory of the cores, which are not needed any more; `length` becomes a running total.
    """
    total = 0
    for i in range(words):
        gram[i] = step(SEED, word[i])
        total += length[i]
        length[i] = total
    for n in range(2, 11):
        for i in range(words - n + 1):
            gram[i] = step(gram[i], word[i + n - 1])
        if n < 5:
            found = _top(gram, length, table, words, n, mask, epoch + np.uint64(n))
        else:
            found = _duplicates(gram, length, table, words, n, mask, epoch + np.uint64(n))
        if found == 0:
            return
        row[(_TOP_2 + n - 2) if n < 5 else (_DUPLICATE_5 + n - 5)] = found / characters


@numpy_kernel
def _top(gram: Hashes, length: Integers, table: Hashes, words: int, n: int, mask: np.uint64, epoch: np.uint64) -> int:
    """Characters in the most frequent n-gram, the longest of those; 0 where none repeats."""
    most, longest = 1, 0
    for i in range(words - n + 1):
        seen = np.int64(visit(table, mask, epoch, gram[i]))
        if seen > 1 and seen >= most:
            characters = length[i + n - 1] - (length[i - 1] if i else 0) + n - 1
            longest = characters if seen > most else max(longest, characters)
            most = seen
    return min(longest * most, length[words - 1] + words - 1)


@numpy_kernel
def _duplicates(
    gram: Hashes, length: Integers, table: Hashes, words: int, n: int, mask: np.uint64, epoch: np.uint64
) -> int:
    """Characters in repeated n-grams, each counted whole and stepped over."""
    found = np.int64(0)
    i = 0
    while i <= words - n:
        if visit(table, mask, epoch, gram[i]) > 1:
            found += length[i + n - 1] - (length[i - 1] if i else 0)
            i += n
        else:
            i += 1
    return found
