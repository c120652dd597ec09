"""MinHash signatures (Broder 1997), bit for bit those of datasketch 2.0's scheme `affine32`.

The element that datasketch would be given is the upper half of a shingle's 64-bit hash. It is mixed once, and permutation `k`
maps it to ``a[k] * mixed + b[k]`` modulo 2^32; the signature holds the least value of each. Tokens, shingles and permutations
are computed in one pass over the Arrow buffer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.arrow import string_buffers
from pipeline.text.hashing import mix32
from pipeline.text.kernels import kernel
from pipeline.text.shingles import hash_shingles, longest
from pipeline.text.words import character_table, hash_words, max_words

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.text.shingling import Shingling

SCHEME = "affine32"
"""datasketch's name of the scheme; `MinHash(hashvalues=signature, seed=seed, scheme=SCHEME)` reads a signature."""

_BLOCK = 4_096
"""Shingles that are permuted together: 16 KB, so that they stay in the first-level cache for all permutations."""


class Signatures(NamedTuple):
    """Signatures of `n` texts."""

    values: npt.NDArray[np.uint32]
    """Shape ``(n, permutations)``; 2^32 - 1 throughout for a text without shingles."""
    shingles: npt.NDArray[np.int64]
    """Shape ``(n,)``: shingles of each text, repetitions included; 0 marks a text without words."""


@lru_cache(maxsize=8)
def permutations(count: int, seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the factors and summands of `count` permutations, drawn by datasketch itself for `seed`."""
    from datasketch import MinHash

    factors, summands = MinHash(num_perm=count, seed=seed, scheme=SCHEME).permutations
    return np.ascontiguousarray(factors), np.ascontiguousarray(summands)


def signatures(texts: pa.Array, count: int, shingling: Shingling, seed: int) -> Signatures:
    """Return the MinHash signature of each text, `count` values long."""
    data, offsets = string_buffers(texts)
    factors, summands = permutations(count, seed)
    return Signatures(*_sign(data, offsets, character_table(shingling.words), shingling.size, factors, summands))


@kernel
def _sign(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint32],
    shingle_size: int,
    factors: npt.NDArray[np.uint32],
    summands: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Tokenise, shingle and sign each text."""
    texts = len(offsets) - 1
    bound = max_words(longest(offsets))
    text_words = np.empty(bound, np.uint64)
    text_shingles = np.empty(bound, np.uint64)
    mixed = np.empty(_BLOCK, np.uint32)
    values = np.full((texts, len(factors)), np.uint32(0xFFFFFFFF), np.uint32)
    counts = np.zeros(texts, np.int64)
    for i in range(texts):
        count = hash_words(data, offsets[i], offsets[i + 1], table, text_words)
        count = hash_shingles(text_words, count, shingle_size, text_shingles)
        counts[i] = count
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            for j in range(size):
                mixed[j] = mix32(np.uint32(text_shingles[start + j] >> np.uint64(32)))
            _lower(mixed[:size], factors, summands, values[i])
    return values, counts


@kernel
def _lower(
    mixed: npt.NDArray[np.uint32],
    factors: npt.NDArray[np.uint32],
    summands: npt.NDArray[np.uint32],
    signature: npt.NDArray[np.uint32],
) -> None:
    """Lower each value of `signature` to the least permuted value of `mixed`, in place."""
    for k in range(len(factors)):
        factor, summand, least = factors[k], summands[k], signature[k]
        for j in range(len(mixed)):
            value = np.uint32(np.uint32(factor * mixed[j]) + summand)
            least = min(least, value)
        signature[k] = least
