"""Samples that anyone can draw again: decided by a keyed digest of each id, not by order or by a random generator."""

from __future__ import annotations

import hashlib
import heapq
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable


def keyed_sample(ids: pa.Array | pa.ChunkedArray | Iterable[str], size: int, key: str) -> npt.NDArray[np.int64]:
    """Return the rows of the `size` documents whose keyed digest is smallest, in that order; all of them, if there are fewer.

    The digest is BLAKE2b of the id, keyed by the BLAKE2b digest of `key` (a release's or batch's name, say), so one key's
    sample says nothing about another's, and a document that joins or leaves changes the sample by one document at most.

    >>> rows = keyed_sample(["a", "b", "c"], 2, "release 1")
    >>> len(rows), len(set(rows))
    (2, 2)
    """
    names = ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else ids
    secret = hashlib.blake2b(key.encode(), digest_size=32).digest()
    digests = (
        (hashlib.blake2b(name.encode(), key=secret, digest_size=16).digest(), row) for row, name in enumerate(names)
    )
    return np.array([row for _, row in heapq.nsmallest(size, digests)], np.int64)
