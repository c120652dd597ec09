"""First half of the measures' kernel: one pass over the bytes splits a text into words and lines and counts characters."""

from __future__ import annotations

import numba as nb
import numpy as np

from pipeline.text.characters import (
    BULLET,
    CLASS,
    LOWER,
    MARK,
    SEED,
    SPACE,
    SPACELESS,
    TERMINAL,
    Bytes,
    CodePoints,
    Hashes,
    Integers,
    code_point,
    mix,
    step,
)
from pipeline.text.kernels import numpy_kernel

CHARACTER_CLASSES = 9
HASHES, ELLIPSES, NEWLINES, ALPHABETIC = range(CHARACTER_CLASSES, CHARACTER_CLASSES + 4)
"""Counters beside those of the classes: hash signs, ellipses, newlines, words with a letter."""
COUNTERS = ALPHABETIC + 1

BULLET_MARK, ELLIPSIS_MARK, TERMINAL_MARK, GAP_MARK = 1, 2, 4, 8
"""What is known of a line: it begins with a bullet, ends in an ellipsis or in punctuation, or a blank line precedes it."""

_HASH_SIGN, _DOT, _ELLIPSIS, _NEWLINE = 0x23, 0x2E, 0x2026, 0x0A


@numpy_kernel
def scan(
    data: Bytes,
    i: int,
    end: int,
    classes: Bytes,
    lower: CodePoints,
    counts: Integers,
    word: Hashes,
    core: Hashes,
    length: Integers,
    line_start: Integers,
    line_marks: Bytes,
) -> tuple[int, int]:
    """Split one text into words and lines; return how many there are."""
    counts[:] = 0
    words = lines = first = dots = 0
    opening = last = np.uint32(0)
    gap = np.uint8(0)
    newline = True
    while i < end:
        code, after = code_point(data, i, end)
        if classes[code] & CLASS != SPACE:
            if first == words:
                opening = code
            i, last, dots, word[words], core[words], length[words] = _word(data, i, end, classes, lower, counts)
            words += 1
            newline = False
            if i < end:
                continue
        else:
            i = after
            counts[SPACE] += 1
            newline = code == _NEWLINE
            counts[NEWLINES] += newline
        if newline or i == end:
            if words > first:
                ellipsis = ELLIPSIS_MARK if dots >= 3 or last == _ELLIPSIS else 0
                bullet = BULLET_MARK if classes[opening] & BULLET else 0
                terminal = TERMINAL_MARK if classes[last] & TERMINAL else 0
                line_start[lines] = first
                line_marks[lines] = gap | bullet | ellipsis | terminal
                lines, first, gap = lines + 1, words, np.uint8(0)
            else:
                gap = np.uint8(GAP_MARK)
    line_start[lines] = words
    return words, lines


@nb.njit(error_model="numpy", inline="always")  # a part of `scan`, and cached with it
def _word(
    data: Bytes, i: int, end: int, classes: Bytes, lower: CodePoints, counts: Integers
) -> tuple[int, np.uint32, int, np.uint64, np.uint64, int]:
    """Read the word at byte i: the byte after it, its last character, the dots it ends in, its hash, its core's and its length."""
    whole = core = kept = SEED
    begun = alphabetic = False
    length = dots = 0
    code = np.uint32(0)
    while i < end:
        following, after = code_point(data, i, end)
        kind = classes[following] & CLASS
        if kind == SPACE:
            break
        code, i = following, after
        length += 1
        counts[kind] += 1
        whole = step(whole, np.uint64(code))
        if LOWER <= kind <= MARK:
            core = step(core, np.uint64(lower[code]))
            kept = core
            begun = True
            alphabetic |= kind <= SPACELESS
            dots = 0
            continue
        if begun:
            core = step(core, np.uint64(lower[code]))
        if code == _DOT:
            dots += 1
            counts[ELLIPSES] += dots % 3 == 0
        else:
            dots = 0
            counts[ELLIPSES] += code == _ELLIPSIS
            counts[HASHES] += code == _HASH_SIGN
    counts[ALPHABETIC] += alphabetic
    return i, code, dots, mix(whole), mix(kept), length
