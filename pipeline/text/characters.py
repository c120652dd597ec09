"""Classes of characters and the compiled steps that every kernel over text is made of.

Each code point has exactly one class (low four bits of its entry in the table) and may carry marks (high bits). The table is
made from Python's own Unicode data once per process, so that a kernel and a plain-Python reference agree by construction of
the data, while the code of the two stays independent.
"""

# ruff: noqa: RUF001 - punctuation of other scripts is meant as it stands

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.text.kernels import numpy_kernel

Bytes = npt.NDArray[np.uint8]
CodePoints = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

SPACE, LOWER, UPPER, SPACELESS, DIGIT, MARK, SYMBOL, PUNCTUATION, INVISIBLE = range(9)
"""White space (`str.isspace`); letters (`str.isalpha`) that are not upper case, that are (`str.isupper`), or that belong to a
script written without spaces; decimal digits; marks and other numbers; symbols; punctuation of prose; format characters (Cf)."""

CLASS = 0x0F
TERMINAL = 0x10
BULLET = 0x20

PROSE_PUNCTUATION = frozenset(".,;:!?'\"()-")
"""ASCII punctuation that running text is made of; any other ASCII punctuation counts as a symbol."""
TERMINAL_PUNCTUATION = frozenset(".!?'\"…‼⁇⁈⁉’”»›。．｡！？」』।॥؟۔։።፧፨།༎၊။។៕⸮﹒﹗﹖")
"""What a sentence ends with: FineWeb's five (. ' " ! ?), their typographic forms and those of other scripts."""
BULLETS = frozenset("-*•‣◦▪·●")

SPACELESS_RANGES = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x30FF),  # Han radicals, kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x33FFF),
)
"""Scripts that put no space between words."""

_LAST_LETTER = 0x34000
CODE_POINTS = 0x110000


@lru_cache(maxsize=65_536)
def character_class(character: str) -> int:  # noqa: PLR0911 - one return a class
    """Return the class of one character.

    >>> character_class("é") == LOWER, character_class("語") == SPACELESS, character_class("#") == SYMBOL
    (True, True, True)
    """
    if character.isspace():
        return SPACE
    if character.isalpha():
        if any(low <= ord(character) <= high for low, high in SPACELESS_RANGES):
            return SPACELESS
        return UPPER if character.isupper() else LOWER
    category = unicodedata.category(character)
    if character.isdecimal():
        return DIGIT
    if character.isalnum() or category[0] == "M":
        return MARK
    if category == "Cf":
        return INVISIBLE
    if category[0] == "P" and (not character.isascii() or character in PROSE_PUNCTUATION):
        return PUNCTUATION
    return SYMBOL


@lru_cache(maxsize=1)
def tables() -> tuple[Bytes, CodePoints]:
    """Return, for every code point, its class with marks, and its lower case.

    A code point whose lower case is longer than one code point stays as it is.
    """
    classes = np.full(CODE_POINTS, SYMBOL, np.uint8)
    lower = np.arange(CODE_POINTS, dtype=np.uint32)
    for code in range(_LAST_LETTER):
        character = chr(code)
        classes[code] = character_class(character)
        small = character.lower()
        if small != character and len(small) == 1:
            lower[code] = ord(small)
    for code in range(0xE0000, 0xE0200):  # tags and variation selectors: the only other ones that are no symbols
        classes[code] = character_class(chr(code))
    for marked, mark in ((TERMINAL_PUNCTUATION, TERMINAL), (BULLETS, BULLET)):
        for character in marked:
            classes[ord(character)] |= mark
    return classes, lower


SEED = np.uint64(0x2545F4914F6CDD1D)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)


@numpy_kernel
def step(state: np.uint64, value: np.uint64) -> np.uint64:
    """Take one value into a 64-bit hash. The shift makes it non-linear: no text of a regular pattern collides by design."""
    state = (state ^ value) * _STEP
    return state ^ (state >> np.uint64(29))


@numpy_kernel
def mix(state: np.uint64) -> np.uint64:
    """Spread a 64-bit hash over all its bits (the finaliser of MurmurHash3)."""
    state ^= state >> np.uint64(33)
    state *= _MIX_1
    state ^= state >> np.uint64(33)
    state *= _MIX_2
    return state ^ (state >> np.uint64(33))


@numpy_kernel
def code_point(data: Bytes, i: int, end: int) -> tuple[np.uint32, int]:
    """Return the code point at byte i and the byte after it; U+FFFD for a sequence that ends early or is none."""
    lead = np.uint32(data[i])
    if lead < 0x80:
        return lead, i + 1
    if lead < 0xC2:
        return np.uint32(0xFFFD), i + 1
    size = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if i + size > end:
        return np.uint32(0xFFFD), end
    code = np.uint32(lead & np.uint32(0x7F >> size))
    for j in range(i + 1, i + size):
        code = np.uint32((code << np.uint32(6)) | (np.uint32(data[j]) & np.uint32(0x3F)))
    if code >= CODE_POINTS or (size == 3 and code < 0x800) or (size == 4 and code < 0x10000):
        return np.uint32(0xFFFD), i + size
    return code, i + size
