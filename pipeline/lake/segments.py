"""Segments of the index of near-duplicates: which published document has which band hashes, in files that never change.

A segment is two Arrow files, which can be mapped into memory or read in ranges: ``...-documents.arrow`` has a row for each document, in
the order of their ids; ``...-bands.arrow`` has a row for each band hash, in the order of the hashes, with the number of its document's
row. The latter is cut into record batches, its *buckets*, by the leading bits of the hash. Hashes are uniform, so buckets are alike in
size: a lookup reads those only that may hold what it looks for, and a merge goes bucket by bucket in little memory.

Nothing else is in them: ids, hashes, and the names of the data files that hold the documents.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from pipeline.errors import SnapshotError
from pipeline.faults import point
from pipeline.lake.ids import Words
from pipeline.lake.release import IndexFile, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.lake.store import Store

Rows = npt.NDArray[np.uint32]

BUCKET_BITS = 18
"""A bucket holds at most so many hashes, as a power of two, on average: 3 MB, what one request to an object store is worth."""

_FILES = b"files"
_DOCUMENTS = pa.schema([("id_high", pa.uint64()), ("id_low", pa.uint64()), ("file", pa.uint32())])
_BANDS = pa.schema([("hash", pa.uint64()), ("row", pa.uint32())])
_NEXT_STEP = "run `sluice lake reindex`"


class DataFile(NamedTuple):
    """Where published documents lie."""

    stem: str
    """Of the name of a data file of the table `documents`: what stays the same when a takedown writes the file anew."""
    release: int
    """The release that published them."""


class Documents(NamedTuple):
    """The documents of a segment, in the order of their ids."""

    high: Words
    """Leading half of each id."""
    low: Words
    file: Rows
    """Place of each document's data file in `files`."""
    files: tuple[DataFile, ...]


class Bucket(NamedTuple):
    """Band hashes in ascending order, and the document's row of each."""

    hashes: Words
    rows: Rows


class Matches(NamedTuple):
    """Where hashes that were looked up occur in a segment."""

    places: npt.NDArray[np.int64]
    """Place among the hashes that were looked up."""
    rows: Rows
    hot: list[tuple[int, Rows]]
    """The hashes that occur more often than the limit: place and rows of each."""


def rows_of(documents: Documents, ids: Words) -> npt.NDArray[np.int64]:
    """Return the row of each id, as `pipeline.lake.ids` gives it; -1 where it is not among the documents."""
    high, low = documents.high, documents.low
    found = np.full(len(ids), -1, np.int64)
    row = np.searchsorted(high, ids[:, 0])
    pending = np.arange(len(ids))
    while len(pending):  # more than once only where ids have equal halves
        pending = pending[row[pending] < len(high)]
        pending = pending[high[row[pending]] == ids[pending, 0]]
        equal = low[row[pending]] == ids[pending, 1]
        found[pending[equal]] = row[pending[equal]]
        pending = pending[~equal]
        row[pending] += 1
    return found


def bits_for(hashes: int) -> int:
    """Return into how many buckets, as a power of two, so many hashes are cut.

    >>> [bits_for(count) for count in (0, 1 << 18, (1 << 18) + 1, 5_000_000 * 20)]
    [0, 0, 1, 9]
    """
    return max(0, (max(1, hashes) - 1).bit_length() - BUCKET_BITS)


def bounds(bits: int) -> Words:
    """Return the smallest hash of each of ``2**bits`` buckets."""
    return np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits) if bits else np.zeros(1, np.uint64)


def write_documents(store: Store, name: str, documents: Documents) -> IndexFile:
    """Write a segment's documents; the file appears complete or not at all."""
    metadata = {_FILES: json.dumps(documents.files, separators=(",", ":")).encode()}
    batch = pa.record_batch([pa.array(column) for column in documents[:3]], schema=_DOCUMENTS)
    return _write(store, name, _DOCUMENTS.with_metadata(metadata), [batch])


def write_bands(store: Store, name: str, buckets: Iterable[Bucket]) -> IndexFile:
    """Write band hashes, a power of two of buckets that are consumed one by one; the file appears complete or not at all."""
    return _write(
        store, name, _BANDS, (pa.record_batch([pa.array(c) for c in bucket], schema=_BANDS) for bucket in buckets)
    )


def _write(store: Store, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> IndexFile:
    point("index.file.before")
    with store.open_output(name) as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    size, sha256 = store.digest(name)
    point("index.file.after")
    return IndexFile(name=name, bytes=size, sha256=sha256)


class BandReader:
    """A file of band hashes; locally it is mapped into memory, elsewhere a bucket is fetched when it is asked for."""

    def __init__(self, store: Store, name: str) -> None:
        self._file = open_file(store, name)
        self.bits = int(self._file.num_record_batches).bit_length() - 1
        """The number of buckets, as a power of two."""
        self._last: tuple[int, Bucket] | None = None

    def bucket(self, number: int) -> Bucket:
        """Return a bucket."""
        if self._last is None or self._last[0] != number:
            self._last = number, Bucket(*(column.to_numpy() for column in self._file.get_batch(number).columns))
        return self._last[1]

    def piece(self, number: int, bits: int) -> Bucket:
        """Return bucket `number` of a division into ``2**bits``, at least as fine as the file's own."""
        return piece(self.bucket(number >> (bits - self.bits)), number, bits)


def piece(bucket: Bucket, number: int, bits: int) -> Bucket:
    """Return what of sorted hashes is in bucket `number` of ``2**bits``."""
    limits = bounds(bits)[number : number + 2]
    edges = [*np.searchsorted(bucket.hashes, limits).tolist(), len(bucket.hashes)]
    return Bucket(bucket.hashes[edges[0] : edges[1]], bucket.rows[edges[0] : edges[1]])


def open_file(store: Store, name: str) -> pa.ipc.RecordBatchFileReader:
    """Open a file of the index.

    Raises
    ------
    SnapshotError
        If it is missing or is no Arrow file.
    """
    try:
        source = pa.memory_map(str(store.local_path(name))) if store.is_local else store.open_input(name)
        return pa.ipc.open_file(source)
    except FileNotFoundError:
        raise SnapshotError(f"{name} is missing, and a release names it: {_NEXT_STEP}") from None
    except pa.ArrowInvalid:
        raise SnapshotError(f"{name} is damaged, and a release names it: {_NEXT_STEP}") from None


@dataclass(frozen=True)
class SegmentReader:
    """A segment to be read. Locally its files are mapped into memory; elsewhere the documents are held and buckets are fetched."""

    store: Store
    segment: Segment

    def check(self) -> None:
        """Open both files, and make sure that they are there in their full length.

        Raises
        ------
        SnapshotError
            If one is not.
        """
        for file in self.segment.files:
            try:
                size = self.store.size(file.name)
            except FileNotFoundError:
                raise SnapshotError(f"{file.name} is missing, and a release names it: {_NEXT_STEP}") from None
            if size != file.bytes:
                raise SnapshotError(f"{file.name} is damaged, and a release names it: {_NEXT_STEP}")
        _ = self.documents, self.bands

    def check_digests(self) -> None:
        """Read both files and make sure that they are what was written; `SnapshotError` if not."""
        self.check()
        for file in self.segment.files:
            if self.store.digest(file.name)[1] != file.sha256:
                raise SnapshotError(f"{file.name} is damaged, and a release names it: {_NEXT_STEP}")

    @cached_property
    def documents(self) -> Documents:
        """The documents."""
        file = open_file(self.store, self.segment.document_file.name)
        batch = file.get_batch(0)
        stated = json.loads(file.schema.metadata[_FILES])
        high, low, place = (column.to_numpy() for column in batch.columns)
        return Documents(high, low, place, tuple(DataFile(*row) for row in stated))

    @cached_property
    def releases(self) -> npt.NDArray[np.int64]:
        """The release of each data file."""
        return np.array([file.release for file in self.documents.files], np.int64)

    def find(self, hashes: Words, limit: int) -> Matches:
        """Look up hashes, which must be ascending and different; one that occurs more than `limit` times is returned apart."""
        edges = np.append(np.searchsorted(hashes, bounds(self.bands.bits)), len(hashes))
        index, found, hot = [np.empty(0, np.int64)], [np.empty(0, np.uint32)], []
        for number in np.flatnonzero(np.diff(edges)).tolist():
            wanted = hashes[edges[number] : edges[number + 1]]
            bucket = self.bands.bucket(number)
            start = np.searchsorted(bucket.hashes, wanted)
            inside = np.flatnonzero(start < len(bucket.hashes))
            hits = inside[bucket.hashes[start[inside]] == wanted[inside]]
            start, count = start[hits], np.searchsorted(bucket.hashes, wanted[hits], "right") - start[hits]
            few = count <= limit
            hot += [
                (int(edges[number] + hits[i]), bucket.rows[start[i] : start[i] + count[i]])
                for i in np.flatnonzero(~few).tolist()
            ]
            start, count = start[few], count[few]
            places = np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())
            index.append(np.repeat(edges[number] + hits[few], count))
            found.append(bucket.rows[places])
        return Matches(np.concatenate(index), np.concatenate(found), hot)

    @cached_property
    def bands(self) -> BandReader:
        """The band hashes."""
        return BandReader(self.store, self.segment.band_file.name)
