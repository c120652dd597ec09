"""What an exact comparison needs of the candidates, made in one pass over their texts.

Candidates lie all over a batch. To read the texts of one block of pairs after the other would read every shard once for every block:
with a batch four times as large, sixteen times as much. So each text is read and shingled once, piece by piece, by workers or here, and
what does not fit into memory is laid aside in a file without a name, which the system removes with the process, however that ends. It
holds 64-bit hashes of word n-grams; no text.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.exact import Keys, exact_keys
from pipeline.text.shingles import ShingleSets, shingle_sets

if TYPE_CHECKING:
    from pipeline.dedup.sides import Texts
    from pipeline.text.shingling import Shingling


NO_KEYS = np.empty((0, 2), np.uint64)
"""Of documents of which only shingles are compared."""


class Comparable(NamedTuple):
    """What is compared of some documents."""

    keys: Keys
    """Exact keys of the texts that are compared; empty where only their shingles are."""
    sets: ShingleSets


def pieces_here(
    texts: Texts,
    rows: npt.NDArray[np.int64],
    characters: npt.NDArray[np.int64],
    shingling: Shingling,
    budget: int,
    redact: Callable[[pa.Array], pa.Array] | None = None,
) -> Iterator[Comparable]:
    """Read, redact and shingle documents in this process, piece by piece.

    Parameters
    ----------
    texts
        Reads them.
    rows
        Rising, so that neighbours are read together.
    characters
        Of each of these rows.
    shingling
        How shingles are made.
    budget
        Characters that are read at once (or one text).
    redact
        What to do to a text before it is compared with published ones; without it the documents are compared with one another.
    """
    for piece in _pieces(characters, budget):
        read = texts(rows[piece])
        yield within(read, shingling) if redact is None else across(redact(read), shingling)


def within(texts: pa.Array, shingling: Shingling) -> Comparable:
    """Return what is compared of texts of one batch, among which none equals another."""
    return Comparable(NO_KEYS, shingle_sets(texts, shingling))


def across(texts: pa.Array, shingling: Shingling) -> Comparable:
    """Return what is compared of texts of the batch and of published ones, which may be equal."""
    return Comparable(exact_keys(texts), shingle_sets(texts, shingling))


@contextmanager
def gathered(pieces: Iterator[Comparable]) -> Iterator[Comparable]:
    """Give the pieces as one; shingles of more than one piece are laid aside."""
    first = next(pieces, None)
    if first is None:
        yield Comparable(NO_KEYS, ShingleSets(np.empty(0, np.uint64), np.zeros(1, np.int64)))
        return
    second = next(pieces, None)
    if second is None:
        yield first
        return
    with tempfile.TemporaryFile(prefix="sluice-") as file:
        keys, ends = list[Keys](), [np.zeros(1, np.int64)]
        for piece in chain([first, second], pieces):
            file.write(np.ascontiguousarray(piece.sets.hashes).data)
            keys.append(piece.keys)
            ends.append(piece.sets.offsets[1:] + ends[-1][-1])
        file.flush()
        offsets = np.concatenate(ends)
        yield Comparable(np.concatenate(keys), ShingleSets(_mapped(file.fileno(), int(offsets[-1])), offsets))


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
