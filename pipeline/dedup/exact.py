"""Exact duplicates: texts that are equal once runs of white space are one space and none stands at the ends.

Case, digits, punctuation and marks count. The normal form is ``" ".join(text.split())``, white space being what `str.split`
takes for it; its key is the 128-bit BLAKE2b digest of its UTF-8 bytes.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.text.arrow import string_buffers
from pipeline.text.kernels import kernel
from pipeline.text.words import decode, is_space

if TYPE_CHECKING:
    import pyarrow as pa

Keys = npt.NDArray[np.uint64]
"""Shape ``(n, 2)``: the halves of each text's digest."""

_CHUNK_BYTES = 64 << 20


def exact_keys(texts: pa.Array) -> Keys:
    """Return the key of each text; two texts have one key if and only if their normal forms are equal."""
    data, offsets = string_buffers(texts)
    digests = []
    start = 0
    while start < len(texts):  # in chunks: the normal forms are a copy of the text
        end = max(start + 1, int(np.searchsorted(offsets, offsets[start] + _CHUNK_BYTES, "right")) - 1)
        end = min(end, len(texts))
        normal, bounds = _collapse(data, offsets[start : end + 1], _KINDS)
        view = normal.data
        edges = bounds.tolist()
        digests += [hashlib.blake2b(view[i:j], digest_size=16).digest() for i, j in pairwise(edges)]
        start = end
    return np.frombuffer(b"".join(digests), np.dtype("<u8")).reshape(-1, 2)


def groups(keys: Keys) -> npt.NDArray[np.int64]:
    """Return a number for each row, equal where the keys are equal, from 0 on."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    new = np.ones(len(keys), np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    out = np.empty(len(keys), np.int64)
    out[order] = np.cumsum(new) - 1
    return out


def _kinds() -> npt.NDArray[np.uint8]:
    """Return what each byte may begin: `_SPACE`, a character that may be white space (`_MAYBE`), or nothing of the kind.

    U+3000 is the last white space there is.
    """
    kinds = np.zeros(256, np.uint8)
    for point in range(0x3001):
        if chr(point).isspace():
            first = chr(point).encode()[0]
            kinds[first] = _SPACE if point < 0x80 else _MAYBE
    return kinds


_SPACE, _MAYBE = 1, 2
_KINDS = _kinds()


@kernel
def _collapse(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Write the normal form of each text, one after the other."""
    texts = len(offsets) - 1
    out = np.empty(offsets[texts] - offsets[0], np.uint8)
    bounds = np.zeros(texts + 1, np.int64)
    written = 0
    for i in range(texts):
        position, end = offsets[i], offsets[i + 1]
        after_space = 1  # white space at the beginning is not written
        while position < end:
            first = data[position]
            following = position + 1
            kind = kinds[first]
            if kind == _MAYBE:
                point, following = decode(data, position, end)
                if is_space(point):
                    kind = _SPACE
                else:
                    for j in range(position, following):
                        out[written] = data[j]
                        written += 1
                    after_space = 0
                    position = following
                    continue
            # No branch on where a word ends: nobody could foresee it, and a wrong guess costs more than all the rest.
            out[written] = 32 if kind else first
            written += 1 - (kind & after_space)
            after_space = kind
            position = following
        written -= after_space if written > bounds[i] else 0
        bounds[i + 1] = written
    return out[:written], bounds
