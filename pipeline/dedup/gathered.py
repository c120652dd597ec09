"""The shingle sets of the candidates, made in one pass over their texts.

Candidates lie all over a batch. To read the texts of one block of pairs after the other would read every shard once for every block:
with a batch four times as large, sixteen times as much. So each text is read and shingled once, and what does not fit into memory is
laid aside in a file without a name, which the system removes with the process, however that ends. It holds 64-bit hashes of word
n-grams; no text.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.text.shingles import ShingleSets, shingle_sets

if TYPE_CHECKING:
    from pipeline.dedup.sides import Texts


@contextmanager
def gathered_sets(
    texts: Texts, rows: npt.NDArray[np.int64], characters: npt.NDArray[np.int64], shingle_size: int, budget: int
) -> Iterator[ShingleSets]:
    """Give the shingle sets of some rows, in their order.

    Parameters
    ----------
    texts
        Reads them.
    rows
        Rising, so that neighbours are read together.
    characters
        Of each of these rows.
    shingle_size
        Words in a shingle.
    budget
        Characters that are read at once (or one text); sets of more than that are laid aside.
    """
    pieces = list(_pieces(characters, budget))
    if len(pieces) <= 1:
        yield shingle_sets(texts(rows), shingle_size)
        return
    with tempfile.TemporaryFile(prefix="sluice-") as file:
        ends = [np.zeros(1, np.int64)]
        for piece in pieces:
            sets = shingle_sets(texts(rows[piece]), shingle_size)
            file.write(sets.hashes.data)
            ends.append(sets.offsets[1:] + ends[-1][-1])
        file.flush()
        offsets = np.concatenate(ends)
        yield ShingleSets(_mapped(file.fileno(), int(offsets[-1])), offsets)


def _mapped(descriptor: int, length: int) -> npt.NDArray[np.uint64]:
    """Return a file of hashes as an array that is read from it when it is looked at; writes would stay in memory."""
    if not length:
        return np.empty(0, np.uint64)  # nothing can be mapped of an empty file
    return np.frombuffer(mmap.mmap(descriptor, length * 8, access=mmap.ACCESS_COPY), np.uint64)


def _pieces(weights: npt.NDArray[np.int64], budget: int) -> Iterator[slice]:
    """Cut a sequence into pieces of at most `budget` (or of one element)."""
    ends = np.cumsum(weights)
    start = 0
    while start < len(weights):
        before = int(ends[start] - weights[start])
        end = max(start + 1, int(np.searchsorted(ends, before + budget, "right")))
        yield slice(start, end)
        start = end
