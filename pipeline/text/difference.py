"""Where two texts differ, word by word, in time that follows their length.

The exact longest common subsequence is quadratic. So long texts are first pinned together at runs of words that occur once in either
(of 16 words, then of 4, then of one: the idea of Bram Cohen's patience diff), and `difflib` compares only what lies between two pins,
within a budget. Where neither helps, a place counts as differing whole, and the answer says so (`thorough`).

White space is no part of a word: two texts with one normal form (see `pipeline.dedup.exact`) do not differ. Case and punctuation count.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.words import SPACELESS

Words = npt.NDArray[np.int64]
Kind = Literal["shared", "first", "second", "skipped"]

PIN_WORDS = (16, 4, 1)
PLACE_CELLS = 40_000
"""Largest product of lengths (words) that `difflib` is given at once: milliseconds."""
BUDGET_CELLS = 4_000_000
"""And for a pair of texts altogether: about a second."""

_CHARACTERS = "".join(f"{chr(first)}-{chr(last)}" for first, last in SPACELESS)
_WORD = re.compile(rf"[^\s{_CHARACTERS}]{{1,64}}|[{_CHARACTERS}]")


class Part(NamedTuple):
    """A piece of the two texts in reading order."""

    kind: Kind
    """`shared` by both, in the `first` or the `second` only, or `skipped`: shared, and too far from any difference to be shown."""
    text: str
    """Its words with one space where there was white space; empty where skipped, and cut where `left_out` says so."""
    words: int
    left_out: int
    """Words at its end that `text` does not hold."""


@dataclass(frozen=True)
class Difference:
    """What two texts share and where they differ."""

    first_words: int
    second_words: int
    shared_words: int
    places: int
    """Where they differ."""
    places_left_out: int
    """Places beyond the limit, which are not among the parts."""
    thorough: bool
    """False where a place may hold shared words that were not looked for."""
    parts: tuple[Part, ...]


class _Block(NamedTuple):
    """Words that both have: where they begin in either, and how many."""

    first: int
    second: int
    words: int


class _Text(NamedTuple):
    """A text and where its words lie."""

    text: str
    bounds: npt.NDArray[np.int64]
    """Shape ``(n, 2)``."""

    def between(self, start: int, end: int) -> str:
        """Return some words, with one space where there is white space between two of them."""
        if start >= end:
            return ""
        return " ".join(self.text[self.bounds[start, 0] : self.bounds[end - 1, 1]].split())


def difference(
    first: str, second: str, *, context: int = 12, max_places: int = 20, max_place_words: int = 60
) -> Difference:
    """Return where two texts differ.

    Parameters
    ----------
    first, second
        The texts.
    context
        Shared words that are shown on either side of a differing place.
    max_places
        Differing places that are shown; the first ones.
    max_place_words
        Words of a differing place that are shown, of either text.

    Examples
    --------
    >>> [(part.kind, part.text) for part in difference("one  two three", "one 2 three").parts]
    [('shared', 'one'), ('first', 'two'), ('second', '2'), ('shared', 'three')]
    """
    numbers: dict[str, int] = {}
    (a, left), (b, right) = _words(first, numbers), _words(second, numbers)
    blocks, thorough = common(a, b)
    places = list(_places(blocks, len(a), len(b)))
    parts = _parts(left, right, places[:max_places], context, max_place_words)
    return Difference(
        first_words=len(a),
        second_words=len(b),
        shared_words=sum(block.words for block in blocks),
        places=len(places),
        places_left_out=max(0, len(places) - max_places),
        thorough=thorough,
        parts=tuple(parts),
    )


def common(a: Words, b: Words) -> tuple[list[_Block], bool]:
    """Return the words that both have in one order, as blocks, and whether all was looked at that might be shared."""
    found: list[_Block] = []
    budget, thorough = BUDGET_CELLS, True
    waiting = [(0, len(a), 0, len(b), 0)]
    while waiting:
        first, first_end, second, second_end, level = waiting.pop()
        head = _agree(a[first:first_end], b[second:second_end])
        found.append(_Block(first, second, head))
        first, second = first + head, second + head
        tail = _agree(a[first:first_end][::-1], b[second:second_end][::-1])
        first_end, second_end = first_end - tail, second_end - tail
        found.append(_Block(first_end, second_end, tail))
        cells = (first_end - first) * (second_end - second)
        if not cells:
            continue
        if cells <= min(PLACE_CELLS, budget):
            budget -= cells
            matcher = SequenceMatcher(None, a[first:first_end].tolist(), b[second:second_end].tolist(), autojunk=False)
            found += [_Block(first + i, second + j, n) for i, j, n in matcher.get_matching_blocks()]
            continue
        if level == len(PIN_WORDS):
            thorough = False
            continue
        pins = [
            _Block(first + i, second + j, n)
            for i, j, n in _pins(a[first:first_end], b[second:second_end], PIN_WORDS[level])
        ]
        found += pins
        for pin in [*pins, _Block(first_end, second_end, 0)]:
            waiting.append((first, pin.first, second, pin.second, level + 1))
            first, second = pin.first + pin.words, pin.second + pin.words
    return sorted(block for block in found if block.words), thorough


def _words(text: str, numbers: dict[str, int]) -> tuple[Words, _Text]:
    """Return a number for each word, the same for the same word of either text, and where the words lie."""
    bounds = np.array([match.span() for match in _WORD.finditer(text)], np.int64).reshape(-1, 2)
    ids = [numbers.setdefault(text[start:end], len(numbers)) for start, end in bounds.tolist()]
    return np.array(ids, np.int64), _Text(text, bounds)


def _agree(a: Words, b: Words) -> int:
    """Return how many words agree from the start."""
    length = min(len(a), len(b))
    step = 64
    done = 0
    while done < length:  # in growing pieces: most regions disagree at once
        end = min(length, done + step)
        wrong = np.flatnonzero(a[done:end] != b[done:end])
        if len(wrong):
            return done + int(wrong[0])
        done, step = end, 4 * step
    return length


def _pins(a: Words, b: Words, length: int) -> list[_Block]:
    """Return runs of words that occur once in either, as many as stand in one order, in that order, none overlapping."""
    ones, places_a = _once(a, length)
    others, places_b = _once(b, length)
    _, left, right = np.intersect1d(ones, others, assume_unique=True, return_indices=True)
    left, right = places_a[left], places_b[right]
    for offset in range(length):  # a hash is no proof
        same = a[left + offset] == b[right + offset]
        left, right = left[same], right[same]
    order = np.argsort(left)
    left, right = left[order], right[order]
    chain = _increasing(right.tolist())
    pins: list[_Block] = []
    for i, j in zip(left[chain].tolist(), right[chain].tolist(), strict=True):
        if pins:
            start_a, start_b, words = pins[-1]
            if i - start_a == j - start_b and i <= start_a + words:
                pins[-1] = _Block(start_a, start_b, i - start_a + length)
                continue
            if i < start_a + words or j < start_b + words:
                continue
        pins.append(_Block(i, j, length))
    return pins


def _once(words: Words, length: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the hashes of runs of words that occur once, in order of hash, and where each begins."""
    runs = max(0, len(words) - length + 1)
    hashes = np.zeros(runs, np.uint64)
    for offset in range(length):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + words[offset : offset + runs].astype(np.uint64) + np.uint64(1)
    found, places, counts = np.unique(hashes, return_index=True, return_counts=True)
    return found[counts == 1], places[counts == 1]


def _increasing(values: list[int]) -> npt.NDArray[np.int64]:
    """Return the places of a longest increasing subsequence of different numbers."""
    ends: list[int] = []
    places: list[int] = []
    before = np.full(len(values), -1, np.int64)
    for place, value in enumerate(values):
        at = bisect_left(ends, value)
        if at == len(ends):
            ends.append(value)
            places.append(place)
        else:
            ends[at], places[at] = value, place
        before[place] = places[at - 1] if at else -1
    chain = np.empty(len(places), np.int64)
    place = places[-1] if places else -1
    for at in range(len(chain) - 1, -1, -1):
        chain[at] = place
        place = int(before[place])
    return chain


def _places(blocks: list[_Block], first_end: int, second_end: int) -> Iterator[tuple[slice, slice]]:
    """Yield the words of either text that lie between the blocks, where there are any."""
    first = second = 0
    for block in [*blocks, _Block(first_end, second_end, 0)]:
        if block.first > first or block.second > second:
            yield slice(first, block.first), slice(second, block.second)
        first, second = block.first + block.words, block.second + block.words


def _parts(
    left: _Text, right: _Text, places: list[tuple[slice, slice]], context: int, max_words: int
) -> Iterator[Part]:
    """Yield the differing places with what is around them."""
    done = 0
    for number, (ours, theirs) in enumerate(places):
        yield from _shared(left, done, ours.start, context if number else 0, context)
        sides: tuple[tuple[Kind, _Text, slice], ...] = (("first", left, ours), ("second", right, theirs))
        for kind, text, words in sides:
            if count := words.stop - words.start:
                shown = min(count, max_words)
                end = words.start + shown
                yield Part(kind, text.between(words.start, end), count, count - shown)
        done = ours.stop
    yield from _shared(left, done, len(left.bounds), context if places else 0, 0)


def _shared(text: _Text, start: int, end: int, head: int, tail: int) -> Iterator[Part]:
    """Yield shared words: some at the start and the end, and how many lie between."""
    pieces: list[tuple[Kind, int, int]]
    if end - start <= head + tail:
        pieces = [("shared", start, end)]
    else:
        pieces = [("shared", start, start + head), ("skipped", start + head, end - tail), ("shared", end - tail, end)]
    for kind, first, last in pieces:
        if last > first:
            yield Part(kind, text.between(first, last) if kind == "shared" else "", last - first, 0)
