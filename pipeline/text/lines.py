"""Passages by which texts of one source repeat one another: lines, and paragraphs of several lines.

Two lines are equal if they are so once runs of white space are one space and none stands at the ends; case, digits and punctuation count.
Lines without anything but white space separate paragraphs. A paragraph of several lines is a passage of its own, so that a menu of short
entries is found although each of them is too short to mean anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.arrow import string_buffers
from pipeline.text.hashing import SHINGLE_BASE, WORD_BASE, mix64
from pipeline.text.kernels import kernel
from pipeline.text.words import decode, is_space

if TYPE_CHECKING:
    import pyarrow as pa

_LINE_SALT = np.uint64(0x4C494E45)
_PARAGRAPH_SALT = np.uint64(0x50415241)


class Passages(NamedTuple):
    """The passages of `n` texts, text by text, each line before the paragraph that it ends; all arrays have one length."""

    texts: npt.NDArray[np.int64]
    """Position of the text."""
    hashes: npt.NDArray[np.uint64]
    """Equal for equal passages; of two different ones with probability 2^-64."""
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    """Bytes of the text: the passage with the line end behind it, if there is one."""


def passages(texts: pa.Array, least_characters: int) -> Passages:
    """Return the lines and paragraphs of texts that have at least so many characters, white space not counted."""
    data, offsets = string_buffers(texts)
    return Passages(*_passages(data, offsets, least_characters))


def normal_line(line: str) -> str:
    r"""Return what two equal lines have in common: the specification that the kernel is tested against.

    >>> normal_line("  Home   | About\t")
    'Home | About'
    """
    return " ".join(line.split())


def plain_passages(text: str, least_characters: int) -> list[tuple[str, int, int]]:
    """Return each passage's normal form (a paragraph's lines with line feeds between) and its bytes, as they are defined."""
    found: list[tuple[str, int, int]] = []
    block: list[tuple[str, int, int]] = []
    position = 0
    for line in [*text.split("\n"), ""]:
        start, position = position, min(position + len(line.encode()) + 1, len(text.encode()))
        normal = normal_line(line)
        if normal:
            block.append((normal, start, position))
            if _characters(normal) >= least_characters:
                found.append(block[-1])
        elif block:
            whole = "\n".join(part for part, _, _ in block)
            if len(block) > 1 and _characters(whole) >= least_characters:
                found.append((whole, block[0][1], block[-1][2]))
            block = []
    return found


def _characters(text: str) -> int:
    return len("".join(text.split()))


@kernel
def _hash_line(data: npt.NDArray[np.uint8], start: int, end: int) -> tuple[np.uint64, int, int]:
    """Return hash and characters of the line at `start`, and the position of its line feed, or `end`."""
    value, characters, pending, position = _LINE_SALT, 0, False, start
    while position < end and data[position] != 10:
        point, following = np.int64(data[position]), position + 1
        if point >= 0x80:
            point, following = decode(data, position, end)
        position = following
        if is_space(point):
            pending = characters > 0
            continue
        if pending:
            value = np.uint64(value * WORD_BASE + np.uint64(32))
            pending = False
        value = np.uint64(value * WORD_BASE + np.uint64(point))
        characters += 1
    return mix64(value), characters, position


@kernel
def _passages(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], least_characters: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hash each line and each paragraph."""
    places, hashes = np.empty((1_024, 3), np.int64), np.empty(1_024, np.uint64)
    found = 0
    for i in range(len(offsets) - 1):
        begin, end = offsets[i], offsets[i + 1]
        position = begin
        lines, block, block_start, block_end, block_characters = 0, _PARAGRAPH_SALT, 0, 0, 0
        while position <= end:  # one round a line, and one behind the last line feed, which ends the last paragraph
            start = position - begin
            value, characters, stop = _hash_line(data, position, end)
            position = stop + 1
            if found + 2 > len(hashes):
                places, hashes = _grown(places, hashes)
            if characters:
                if lines == 0:
                    block, block_start, block_characters = _PARAGRAPH_SALT, start, 0
                lines += 1
                block = np.uint64(block * SHINGLE_BASE + value)
                block_characters += characters
                block_end = min(position, end) - begin
                if characters >= least_characters:
                    places[found] = i, start, block_end
                    hashes[found] = value
                    found += 1
            if characters == 0 or stop == end:
                if lines > 1 and block_characters >= least_characters:
                    places[found] = i, block_start, block_end
                    hashes[found] = mix64(block)
                    found += 1
                lines = 0
    return places[:found, 0].copy(), hashes[:found].copy(), places[:found, 1].copy(), places[:found, 2].copy()


@kernel
def _grown(
    places: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return arrays of twice the length with the same beginning."""
    more_places, more_hashes = np.empty((2 * len(places), 3), np.int64), np.empty(2 * len(hashes), np.uint64)
    more_places[: len(places)] = places
    more_hashes[: len(hashes)] = hashes
    return more_places, more_hashes
