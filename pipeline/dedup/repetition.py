"""Passages that many documents of one source have in common, counted over a batch; where they are cut, one document keeps its copy.

A passage (`pipeline.text.lines`) is repeated if at least so many documents of one source hold it. It stays in the document with the least
id among them, an arbitrary one that no order of reading changes. What is cut is known by its place in the raw text; the
text itself is written nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document import REPETITION
from pipeline.text.cuts import without
from pipeline.text.kernels import kernel
from pipeline.text.lines import Passages, passages

Hashes = npt.NDArray[np.uint64]
_MOST = 2**16 - 1
_COUNTERS = 26
"""Bits of the number of counters at most: 128 MB."""
_CUTS = REPETITION.field("cuts").type


class Counts(NamedTuple):
    """In how many documents passages stand."""

    hashes: Hashes
    """Of passage and source, ascending, each once."""
    documents: npt.NDArray[np.int64]
    keepers: Hashes
    """The least id among the documents that hold it, its first 64 bits."""


def find_passages(texts: pa.Array, sources: pa.Array, characters: int) -> Passages:
    """Return the passages of some documents, with hashes that differ between sources.

    Parameters
    ----------
    texts, sources
        Of each document: text and name of its source.
    characters
        Least length of a passage.
    """
    found = passages(texts, characters)
    encoded = sources.dictionary_encode()
    salts = np.array([_salt(name) for name in encoded.dictionary.to_pylist()], np.uint64)
    return found._replace(hashes=found.hashes ^ salts[encoded.indices.to_numpy()[found.texts]])


def count(found: Passages, ids: pa.Array) -> Counts:
    """Count the passages of documents with these ids."""
    order = np.argsort(found.hashes, kind="stable")  # so each hash has its texts in their order
    hashes, rows = found.hashes[order], found.texts[order]
    once = np.ones(len(hashes), np.bool_)  # a passage that one document holds twice counts once
    once[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    return _sum(hashes[once], np.ones(int(once.sum()), np.int64), short_ids(ids)[rows[once]])


def merge(parts: Iterable[Counts], least: int = 1) -> Counts:
    """Add up counts of different documents, and leave out what stands in fewer than `least`."""
    listed = list(parts) or [_sum(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.uint64))]
    if least > 1:
        listed = _sifted(listed, least)
    hashes, documents, keepers = (np.concatenate(column) for column in zip(*listed, strict=True))
    order = np.argsort(hashes, kind="stable")
    found = _sum(hashes[order], documents[order], keepers[order])
    many = found.documents >= least
    return Counts(found.hashes[many], found.documents[many], found.keepers[many])


def mark(found: Passages, lengths: npt.NDArray[np.int64], repeated: Counts) -> pa.Array:
    """Return of each document what is repeated in it, as the column `repetition`; nothing is cut.

    Parameters
    ----------
    found
        The documents' passages.
    lengths
        Bytes of each document's text.
    repeated
        The repeated passages of the whole batch.
    """
    _, counts, size = _stretches(_chosen(found, _place(found, repeated) >= 0), len(lengths))
    share = size / np.maximum(lengths, 1)
    cuts = pa.nulls(len(lengths), _CUTS)
    return pa.StructArray.from_arrays(
        [pa.array(counts, pa.int32()), pa.array(share, pa.float32()), cuts], fields=list(REPETITION)
    )


def with_cuts(marked: pa.Array, found: Passages, texts: pa.Array, ids: pa.Array, repeated: Counts) -> pa.Array:
    """Return the column `repetition` with what is to be cut: what another document keeps, unless only white space would be left."""
    place = _place(found, repeated)
    goes = place >= 0
    goes[goes] = repeated.keepers[place[goes]] != short_ids(ids)[found.texts[goes]]
    ranges, counts, _ = _stretches(_chosen(found, goes), len(texts))
    cuts = _lists(ranges, counts)
    left = pc.utf8_length(pc.utf8_trim_whitespace(without(texts, cuts)))
    kept = pc.if_else(pc.and_(pa.array(counts > 0), pc.greater(left, 0)), cuts, pa.scalar(None, _CUTS))
    passages_, share, _ = marked.flatten()
    return pa.StructArray.from_arrays([passages_, share, kept], fields=list(REPETITION))


def short_ids(ids: pa.Array) -> Hashes:
    """Return the first 64 bits of document ids."""
    digits = "".join(pc.utf8_slice_codeunits(ids, 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64)


def _salt(source: str) -> int:
    return int.from_bytes(hashlib.blake2b(source.encode(), digest_size=8).digest(), "little")


def _place(found: Passages, repeated: Counts) -> npt.NDArray[np.int64]:
    """Return the place of each passage among the repeated ones, -1 where it is none."""
    if not len(repeated.hashes):
        return np.full(len(found.hashes), -1, np.int64)
    known = np.zeros(_power_of_two(16 * len(repeated.hashes)), np.uint16)  # most are none, and this says so at once
    _tally(known, repeated.hashes, np.ones(len(repeated.hashes), np.int64))
    maybe = np.flatnonzero(_reaching(known, found.hashes, 1))
    nearest = np.minimum(np.searchsorted(repeated.hashes, found.hashes[maybe]), len(repeated.hashes) - 1)
    place = np.full(len(found.hashes), -1, np.int64)
    place[maybe] = np.where(repeated.hashes[nearest] == found.hashes[maybe], nearest, -1)
    return place


def _sifted(parts: list[Counts], least: int) -> list[Counts]:
    """Leave out most of what stands in fewer than `least` documents, and nothing else: to sort all of it would take most of the time.

    Passages are added up in counters, as in a Bloom filter that counts, with one hash: two passages may share a counter, so none has less than
    its own.
    """
    counters = np.zeros(_power_of_two(2 * sum(len(part.hashes) for part in parts)), np.uint16)
    for part in parts:
        _tally(counters, part.hashes, part.documents)
    sifted = []
    for part in parts:
        of = _reaching(counters, part.hashes, min(least, _MOST))
        sifted.append(Counts(part.hashes[of], part.documents[of], part.keepers[of]))
    return sifted


def _power_of_two(least: int) -> int:
    return 1 << min(max(least - 1, 1).bit_length(), _COUNTERS)


def _sum(hashes: Hashes, documents: npt.NDArray[np.int64], keepers: Hashes) -> Counts:
    """Sum runs of equal hashes."""
    if not len(hashes):
        return Counts(hashes, documents, keepers)
    starts = np.concatenate([[0], np.flatnonzero(hashes[1:] != hashes[:-1]) + 1])
    return Counts(hashes[starts], np.add.reduceat(documents, starts), np.minimum.reduceat(keepers, starts))


def _chosen(found: Passages, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return text, start and end of some passages, those of a text by their start; shape ``(m, 3)``."""
    texts, starts, ends = found.texts[which], found.starts[which], found.ends[which]
    order = np.lexsort((starts, texts))
    return np.column_stack([texts[order], starts[order], ends[order]])


def _lists(ranges: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(2 * counts)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(ranges.ravel()), type=_CUTS)


@kernel
def _stretches(
    chosen: npt.NDArray[np.int64], total: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Unite passages that touch; return start and end of each stretch, how many each text has, and their bytes in each."""
    out = np.empty((len(chosen), 2), np.int64)
    counts, size = np.zeros(total, np.int64), np.zeros(total, np.int64)
    found = 0
    for i in range(len(chosen)):
        text, start, end = chosen[i]
        if counts[text] and start <= out[found - 1, 1]:
            size[text] += max(end - out[found - 1, 1], 0)
            out[found - 1, 1] = max(out[found - 1, 1], end)
            continue
        out[found, 0], out[found, 1] = start, end
        found += 1
        counts[text] += 1
        size[text] += end - start
    return out[:found].copy(), counts, size


@kernel
def _tally(counters: npt.NDArray[np.uint16], hashes: Hashes, documents: npt.NDArray[np.int64]) -> None:
    """Add each passage's documents to its counter, which stops at the most that it can hold."""
    mask = np.uint64(len(counters) - 1)
    for i in range(len(hashes)):
        place = hashes[i] & mask
        counters[place] = min(counters[place] + documents[i], _MOST)


@kernel
def _reaching(counters: npt.NDArray[np.uint16], hashes: Hashes, least: int) -> npt.NDArray[np.bool_]:
    """Return whose counter has at least so many."""
    out = np.empty(len(hashes), np.bool_)
    mask = np.uint64(len(counters) - 1)
    for i in range(len(hashes)):
        out[i] = counters[hashes[i] & mask] >= least
    return out
