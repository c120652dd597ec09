r"""The true pairs of a corpus: all documents whose sets of word 5-grams have a Jaccard similarity of at least 0.5, found exactly.

What a word is has to be said, and none of the answers is ours or a peer's: what ``\w+`` matches in the text in lower case, as Python has both
(`plain_words`), and what lies between the word boundaries of Unicode's standard (`standard_words`). They differ in scripts without spaces, of
which ``\w+`` makes a word of a whole phrase. Where it is asked what our stage overlooks, they are those of its specification
(`pipeline.text.words`). A text of fewer than five words is one gram. Candidates come from a join on prefixes (Chaudhuri, Ganti, Kaushik 2006; Bayardo, Ma, Srikant 2007): of two sets as
near as that, the rarest grams share at least one; each candidate is then counted out. Nothing is estimated and nothing is sampled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import regex

LEAST = 0.5
GRAM = 5
_WORD = re.compile(r"\w+")
_BOUNDARY = regex.compile(r"(?V1w)\b")

Integers = npt.NDArray[np.int64]


class Truth(NamedTuple):
    """True pairs of rows, each once, the smaller row first."""

    a: Integers
    b: Integers
    similarity: npt.NDArray[np.float64]


def plain_words(text: str) -> list[str]:
    """Return the words that Python's regular expressions see."""
    return _WORD.findall(text.lower())


def standard_words(text: str) -> list[str]:
    """Return what lies between Unicode's default word boundaries (UAX #29) and holds a letter or digit.

    >>> standard_words("Don't go, 东京!")
    ["don't", 'go', '东', '京']
    """
    return [part for part in _BOUNDARY.split(text.lower()) if _WORD.search(part)]


def truth(corpus: Path, words: Callable[[str], list[str]] = plain_words) -> Truth:
    """Return the true pairs of a corpus by some definition of a word, found if they are not beside it yet."""
    file = corpus.with_suffix(f".{words.__name__}.truth.parquet")
    if not file.exists():
        found = true_pairs(pq.read_table(corpus, columns=["text"]).column("text").to_pylist(), words)
        pq.write_table(pa.table(found._asdict()), file.with_suffix(".part"))
        file.with_suffix(".part").rename(file)
    table = pq.read_table(file)
    return Truth(*(table.column(name).to_numpy() for name in Truth._fields))


def true_pairs(texts: list[str], words_of: Callable[[str], list[str]] = plain_words) -> Truth:
    """Return all pairs of rows at or above `LEAST`, sorted."""
    words, starts = _numbers(texts, words_of)
    grams, bounds = _grams(words, starts)
    known, places, counts = np.unique(grams, return_inverse=True, return_counts=True)
    rank = np.empty(len(known), np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(known))  # the rarest first
    ranked = rank[places]
    _sort_each(ranked, bounds)
    a, b, similarity = _join(ranked, bounds, *_postings(ranked, bounds, len(known)))
    order = np.lexsort((b, a))
    return Truth(a[order], b[order], similarity[order])


def _numbers(texts: list[str], words_of: Callable[[str], list[str]]) -> tuple[npt.NDArray[np.uint64], Integers]:
    """Return a random number for each word, equal words having equal ones, and where each text's words start."""
    vocabulary: dict[str, int] = {}
    numbers, starts = list[npt.NDArray[np.int64]](), [0]
    for text in texts:
        found = [vocabulary.setdefault(word, len(vocabulary)) for word in words_of(text)]
        numbers.append(np.array(found, np.int64))
        starts.append(starts[-1] + len(found))
    drawn = np.random.default_rng(1).integers(0, 2**64 - 1, size=max(len(vocabulary), 1), dtype=np.uint64)
    return drawn[np.concatenate(numbers)] if numbers else np.empty(0, np.uint64), np.array(starts, np.int64)


@nb.njit
def _mix(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(30)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(27)
    value *= np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@nb.njit
def _grams(words: npt.NDArray[np.uint64], starts: Integers) -> tuple[npt.NDArray[np.uint64], Integers]:
    """Return the 64-bit hashes of each text's grams, each once, and their bounds."""
    out = np.empty(len(words), np.uint64)
    bounds = np.zeros(len(starts), np.int64)
    written = 0
    for text in range(len(starts) - 1):
        first, last = starts[text], starts[text + 1]
        size = min(GRAM, last - first)
        begin = written
        for i in range(first, last - size + 1 if size else first):
            value = np.uint64(size)
            for j in range(i, i + size):
                value = _mix(np.uint64(value * np.uint64(0x9E3779B97F4A7C15) + words[j]))
            out[written] = value
            written += 1
        found = np.sort(out[begin:written])
        written = begin
        for i in range(len(found)):
            if i == 0 or found[i] != found[i - 1]:
                out[written] = found[i]
                written += 1
        bounds[text + 1] = written
    return out[:written].copy(), bounds


@nb.njit
def _sort_each(values: Integers, bounds: Integers) -> None:
    for text in range(len(bounds) - 1):
        values[bounds[text] : bounds[text + 1]] = np.sort(values[bounds[text] : bounds[text + 1]])


@nb.njit
def _prefix(size: int) -> int:
    """Return how many of its rarest grams a set must show so that none as near as `LEAST` is missed."""
    return size - int(np.ceil(LEAST * size - 1e-9)) + 1 if size else 0


@nb.njit
def _postings(ranked: Integers, bounds: Integers, grams: int) -> tuple[Integers, Integers]:
    """Return for each gram the texts, rising, that have it in their prefix."""
    starts = np.zeros(grams + 1, np.int64)
    for text in range(len(bounds) - 1):
        first = bounds[text]
        for i in range(first, first + _prefix(bounds[text + 1] - first)):
            starts[ranked[i] + 1] += 1
    starts = np.cumsum(starts)
    place, members = starts.copy(), np.empty(starts[grams], np.int64)
    for text in range(len(bounds) - 1):
        first = bounds[text]
        for i in range(first, first + _prefix(bounds[text + 1] - first)):
            members[place[ranked[i]]] = text
            place[ranked[i]] += 1
    return starts, members


@nb.njit
def _common(ranked: Integers, i: int, end_i: int, j: int, end_j: int) -> int:
    common = 0
    while i < end_i and j < end_j:
        if ranked[i] == ranked[j]:
            common += 1
            i += 1
            j += 1
        elif ranked[i] < ranked[j]:
            i += 1
        else:
            j += 1
    return common


@nb.njit
def _join(
    ranked: Integers, bounds: Integers, starts: Integers, members: Integers
) -> tuple[Integers, Integers, npt.NDArray[np.float64]]:
    texts = len(bounds) - 1
    found_a, found_b, found = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)], [0.0 for _ in range(0)]
    seen = np.full(texts, -1, np.int64)
    for text in range(texts):
        first, size = bounds[text], bounds[text + 1] - bounds[text]
        for i in range(first, first + _prefix(size)):
            for k in range(starts[ranked[i]], starts[ranked[i] + 1]):
                other = members[k]
                if other >= text:
                    break
                if seen[other] == text:
                    continue
                seen[other] = text
                theirs = bounds[other + 1] - bounds[other]
                if min(size, theirs) < LEAST * max(size, theirs):
                    continue
                common = _common(ranked, first, first + size, bounds[other], bounds[other + 1])
                similarity = common / (size + theirs - common)
                if similarity >= LEAST:
                    found_a.append(other)
                    found_b.append(text)
                    found.append(similarity)
    return np.array(found_a), np.array(found_b), np.array(found)
