r"""What a word is, twice: as a readable specification and as a kernel over UTF-8 bytes.

A word is a run of letters, digits and underscores, in lower case; combining marks continue a word and never begin one, so that
Indic words stay whole and an emoji's variation selector is no word. In scripts that are written without spaces every
character is a word of its own, marks included. Everything else separates.

Lower case is Unicode's simple mapping, code point by code point: it never changes the number of code points and does not look
at neighbours (no final sigma). Which code points are letters is Python's Unicode version, `unicodedata.unidata_version`.

By the rule `plain` a word is what ``\w+`` matches in lower case: no mark belongs to one, and a script without spaces is no exception.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.text.hashing import WORD_BASE, mix64
from pipeline.text.kernels import kernel

if TYPE_CHECKING:
    from pipeline.text.shingling import WordRule

SEPARATOR, LETTER, SINGLE, MARK = 0, 1, 2, 3
"""Classes of a code point: between words, within a word, a word of its own, continues a word."""

SPACELESS: tuple[tuple[int, int], ...] = (
    (0x0E00, 0x0E7F),  # Thai
    (0x0E80, 0x0EFF),  # Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # CJK and Kangxi radicals
    (0x3000, 0x30FF),  # CJK symbols (iteration mark, numerals), Hiragana, Katakana
    (0x3100, 0x312F),  # Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana extensions, strokes
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Myanmar, extension B
    (0xAA60, 0xAADF),  # Myanmar, extension A; Tai Viet
    (0xF900, 0xFAFF),  # Han, compatibility
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x1AFF0, 0x1B16F),  # Kana, supplements and extensions
    (0x20000, 0x3FFFF),  # Han, extensions B and later
)
"""Blocks of the scripts that are written without spaces between words (Unicode Standard, chapters 16 and 18)."""

_PLAIN = re.compile(r"\w+")
_CODE_POINTS = sys.maxunicode + 1
_CLASS_SHIFT = 24
_LOWER_MASK = (1 << _CLASS_SHIFT) - 1


def lower(text: str) -> str:
    """Return the text in lower case by Unicode's simple mapping, which keeps the number of code points.

    `str.lower` differs in two places only: it turns U+0130 into two code points and looks at the neighbours of a capital sigma.

    >>> lower("ΟΔΟΣ İ")
    'οδοσ i'
    """
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


def words(text: str, rule: WordRule = "unicode") -> list[str]:
    """Return the words of a text: the specification that the kernel is tested against.

    >>> words("Don't PANIC: 42_a 東京へ")
    ['don', 't', 'panic', '42_a', '東', '京', 'へ']
    >>> words("Don't PANIC: 42_a 東京へ", "plain")
    ['don', 't', 'panic', '42_a', '東京へ']
    """
    return (_PLAIN if rule == "plain" else _pattern()).findall(lower(text))


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """Return the regular expression of a word: a single character, or letters and the marks that follow them."""
    marks = [c for c in range(_CODE_POINTS) if unicodedata.category(chr(c)).startswith("M")]
    spaceless = "".join(f"{chr(first)}-{chr(last)}" for first, last in SPACELESS)
    inside = {c for first, last in SPACELESS for c in range(first, last + 1)}
    single = _ranges(sorted({c for c in inside if re.match(r"\w", chr(c))} | inside.intersection(marks)))
    letter = rf"[^\W{spaceless}]"
    mark = f"[{_ranges(sorted(set(marks) - inside))}]"
    return re.compile(rf"{letter}+(?:{mark}+{letter}*)*|[{single}]")


def _ranges(code_points: list[int]) -> str:
    """Return sorted code points as the inside of a character class."""
    points = np.array(code_points)
    starts = np.flatnonzero(np.diff(points, prepend=-2) > 1)
    ends = np.append(starts[1:], len(points)) - 1
    return "".join(f"{chr(points[i])}-{chr(points[j])}" for i, j in zip(starts, ends, strict=True))


@lru_cache(maxsize=2)
def character_table(rule: WordRule) -> npt.NDArray[np.uint32]:
    """Return class and lower case of every code point: ``class << 24 | lower``, shape ``(0x110000,)``.

    Built on first use of a rule, about 0.3 s, and kept for the process. The rule has no default: the cache would take leaving it out
    and giving it for two tables.
    """
    table = np.arange(_CODE_POINTS, dtype=np.uint32)
    single = np.zeros(_CODE_POINTS, np.bool_)
    for first, last in SPACELESS:
        single[first : last + 1] = True
    for code_point in range(_CODE_POINTS):
        # Planes 4 to 13 are unassigned, 15 and 16 private: all separators.
        if 0x40000 <= code_point < 0xE0000 or code_point >= 0xE1000:
            continue
        character = chr(code_point)
        mark = rule == "unicode" and unicodedata.category(character)[0] == "M"
        if not (mark or character == "_" or character.isalnum()):
            continue
        kind = LETTER if rule == "plain" else SINGLE if single[code_point] else MARK if mark else LETTER
        table[code_point] = kind << _CLASS_SHIFT | ord(lower(character))
    table.setflags(write=False)
    return table


@kernel
def decode(data: npt.NDArray[np.uint8], position: int, end: int) -> tuple[np.int64, int]:
    """Return the code point at `position` and the position after it; never reads at or behind `end`.

    Bytes that are not UTF-8 (a file that lies about its type) give U+FFFD or a wrong code point, never a read outside.
    """
    first = np.int64(data[position])
    if first < 0x80:
        return first, position + 1
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC0 or position + length > end:
        return np.int64(0xFFFD), position + 1
    point = np.int64(first & (0xFF >> (length + 1)))
    for i in range(1, length):
        point = np.int64(point << 6 | np.int64(data[position + i]) & 0x3F)
    return (point if point < _CODE_POINTS else np.int64(0xFFFD)), position + length


@kernel
def is_space(point: np.int64) -> bool:
    """Whether a code point is white space to `str.split`."""
    if point < 0x80:
        return bool(9 <= point <= 13 or 28 <= point <= 32)
    if point < 0x2000:
        return point in (0x85, 0xA0, 0x1680)
    return bool(point <= 0x200A) or point in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000)


@kernel
def hash_words(
    data: npt.NDArray[np.uint8], start: int, end: int, table: npt.NDArray[np.uint32], out: npt.NDArray[np.uint64]
) -> int:
    """Write the 64-bit hash of each word of ``data[start:end]`` to `out` and return how many there are.

    `out` must hold `max_words` of the length. Equal words have equal hashes whatever their case.
    """
    count = 0
    inside = False
    value = np.uint64(0)
    position = start
    while position < end:
        point = np.int64(data[position])
        if point < 0x80:  # most text; spares the call
            position += 1
        else:
            point, position = decode(data, position, end)
        entry = table[point]
        kind = entry >> np.uint32(_CLASS_SHIFT)
        lowered = np.uint64(entry & np.uint32(_LOWER_MASK))
        if kind == LETTER or (kind == MARK and inside):
            value = np.uint64(value * WORD_BASE + lowered)
            inside = True
            continue
        if inside:
            out[count] = mix64(value)
            count += 1
            value = np.uint64(0)
            inside = False
        if kind == SINGLE:
            out[count] = mix64(lowered)
            count += 1
    if inside:
        out[count] = mix64(value)
        count += 1
    return count


@kernel
def max_words(length: int) -> int:
    """Return an upper bound of the words in `length` bytes: a word and its separator, or a single character, take two at least."""
    return length // 2 + 1
