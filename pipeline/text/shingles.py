"""Shingles: the word n-grams by which texts are compared, as a specification and as a kernel.

A text of fewer words than a shingle has is one shingle, all its words. A text without words has none: its shingle set is
empty, its similarity with anything is 0, and it is nobody's near-duplicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.arrow import string_buffers
from pipeline.text.hashing import SHINGLE_BASE, mix64
from pipeline.text.kernels import kernel
from pipeline.text.words import character_table, hash_words, max_words, words

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.text.shingling import Shingling


def shingles(text: str, shingling: Shingling) -> set[tuple[str, ...]]:
    """Return the shingles of a text as they are defined: sets of words in a row.

    >>> from pipeline.text.shingling import Shingling
    >>> sorted(shingles("a b a b", Shingling(2)))
    [('a', 'b'), ('b', 'a')]
    >>> shingles("a b", Shingling(5)), shingles("?!", Shingling(5))
    ({('a', 'b')}, set())
    """
    found = words(text, shingling.words)
    if len(found) < shingling.size:
        return {tuple(found)} if found else set()
    return set(zip(*(found[i:] for i in range(shingling.size)), strict=False))


class ShingleSets(NamedTuple):
    """The shingle hashes of `n` texts: those of text `i` are ``hashes[offsets[i]:offsets[i + 1]]``, rising, each once."""

    hashes: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]


def shingle_sets(texts: pa.Array, shingling: Shingling) -> ShingleSets:
    """Return the set of 64-bit shingle hashes of each text.

    With 64 bits, two of a million different shingles meet by chance with probability 3e-8: for texts the sets are exact.
    """
    data, offsets = string_buffers(texts)
    return ShingleSets(*_shingle_sets(data, offsets, character_table(shingling.words), shingling.size))


@kernel
def hash_shingles(words: npt.NDArray[np.uint64], count: int, shingle_size: int, out: npt.NDArray[np.uint64]) -> int:
    """Write the 64-bit hash of each shingle of ``words[:count]`` to `out`, repetitions included, and return how many there are.

    The hash is a polynomial of the word hashes, rolled along the text, then mixed.
    """
    if count == 0:
        return 0
    size = min(shingle_size, count)
    value = np.uint64(0)
    leaving = np.uint64(1)  # SHINGLE_BASE ** (size - 1)
    for i in range(size):
        value = np.uint64(value * SHINGLE_BASE + words[i])
        if i:
            leaving = np.uint64(leaving * SHINGLE_BASE)
    out[0] = mix64(value)
    for i in range(size, count):
        value = np.uint64((value - words[i - size] * leaving) * SHINGLE_BASE + words[i])
        out[i - size + 1] = mix64(value)
    return count - size + 1


@kernel
def longest(offsets: npt.NDArray[np.int64]) -> int:
    """Return the length of the longest string between `offsets`, in bytes."""
    length = 0
    for i in range(len(offsets) - 1):
        length = max(length, offsets[i + 1] - offsets[i])
    return length


@kernel
def _shingle_sets(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], table: npt.NDArray[np.uint32], shingle_size: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hash, sort and deduplicate the shingles of each text."""
    texts = len(offsets) - 1
    bound = max_words(longest(offsets))
    text_words = np.empty(bound, np.uint64)
    text_shingles = np.empty(bound, np.uint64)
    # English needs about one shingle for six bytes; the buffer doubles where a text needs more.
    out = np.empty((offsets[texts] - offsets[0]) // 6 + texts + 1, np.uint64)
    ends = np.zeros(texts + 1, np.int64)
    position = 0
    for i in range(texts):
        count = hash_words(data, offsets[i], offsets[i + 1], table, text_words)
        count = hash_shingles(text_words, count, shingle_size, text_shingles)
        if position + count > len(out):
            larger = np.empty(2 * (position + count), np.uint64)
            larger[:position] = out[:position]
            out = larger
        found = text_shingles[:count]
        found.sort()
        for j in range(count):
            if j == 0 or found[j] != found[j - 1]:
                out[position] = found[j]
                position += 1
        ends[i + 1] = position
    return out[:position].copy(), ends
