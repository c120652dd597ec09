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


class Counts(NamedTuple):
    """In how many documents passages stand."""

    hashes: Hashes
    """Of passage and source, ascending, each once."""
    documents: npt.NDArray[np.int64]
    keepers: Hashes
    """The least id among the documents that hold it, its first 64 bits."""


def count(texts: pa.Array, sources: pa.Array, ids: pa.Array, characters: int) -> Counts:
    """Count the passages of some documents.

    Parameters
    ----------
    texts, sources, ids
        Of each document: text, name of its source, document id.
    characters
        Least length of a passage.
    """
    found = passages(texts, characters)
    hashes = _of_source(found, sources)
    order = np.argsort(hashes, kind="stable")  # so each hash has its texts in their order
    hashes, rows = hashes[order], found.texts[order]
    once = np.ones(len(hashes), np.bool_)  # a passage that one document holds twice counts once
    once[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    return _sum(hashes[once], np.ones(int(once.sum()), np.int64), short_ids(ids)[rows[once]])


def merge(parts: Iterable[Counts], least: int = 1) -> Counts:
    """Add up counts of different documents, and leave out what stands in fewer than `least`."""
    listed = list(parts) or [_sum(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.uint64))]
    hashes, documents, keepers = (np.concatenate(column) for column in zip(*listed, strict=True))
    order = np.argsort(hashes, kind="stable")
    found = _sum(hashes[order], documents[order], keepers[order])
    many = found.documents >= least
    return Counts(found.hashes[many], found.documents[many], found.keepers[many])


def mark(
    texts: pa.Array, sources: pa.Array, ids: pa.Array, repeated: Counts, characters: int, *, cut: bool
) -> pa.Array:
    """Return of each document what is repeated in it, as the column `repetition`.

    Parameters
    ----------
    texts, sources, ids
        As for `count`.
    repeated
        The repeated passages of the whole batch.
    characters
        As for `count`.
    cut
        Say also what is to be cut: what another document keeps, unless nothing but white space would be left.
    """
    found = passages(texts, characters)
    hashes = _of_source(found, sources)
    place = np.searchsorted(repeated.hashes, hashes)
    place[place == len(repeated.hashes)] = 0
    hit = repeated.hashes[place] == hashes if len(repeated.hashes) else np.zeros(len(hashes), np.bool_)
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    ranges, counts, size = _stretches(_chosen(found, hit), len(texts))
    share = size / np.maximum(lengths, 1)
    cuts = pa.nulls(len(texts), REPETITION.field("cuts").type)
    if cut:
        kept = repeated.keepers[place] == short_ids(ids)[found.texts] if len(repeated.hashes) else hit
        ranges, cut_counts, _ = _stretches(_chosen(found, hit & ~kept), len(texts))
        cuts = _lists(ranges, cut_counts, cut_counts > 0)
        left = pc.utf8_length(pc.utf8_trim_whitespace(without(texts, cuts))).to_numpy(zero_copy_only=False)
        keep = cuts.is_valid().to_numpy(zero_copy_only=False) & (left > 0)
        cuts = pc.if_else(pa.array(keep), cuts, pa.scalar(None, cuts.type))
    return pa.StructArray.from_arrays(
        [pa.array(counts, pa.int32()), pa.array(share, pa.float32()), cuts], fields=list(REPETITION)
    )


def short_ids(ids: pa.Array) -> Hashes:
    """Return the first 64 bits of document ids."""
    digits = "".join(pc.utf8_slice_codeunits(ids, 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64)


def _of_source(found: Passages, sources: pa.Array) -> Hashes:
    """Return the passages' hashes, other ones for each source."""
    encoded = (sources.combine_chunks() if isinstance(sources, pa.ChunkedArray) else sources).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    salts = np.array(
        [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") for name in names], np.uint64
    )
    return found.hashes ^ salts[encoded.indices.to_numpy()[found.texts]] if len(names) else found.hashes


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


def _lists(values: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(2 * counts)])
    kind = REPETITION.field("cuts").type
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values.ravel()), type=kind)
    return pc.if_else(pa.array(valid), lists, pa.scalar(None, kind))


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
