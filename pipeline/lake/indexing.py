"""Making the index of near-duplicates: a segment for what a release adds, and merges that keep the segments few.

A segment is merged with the newer ones once these hold as many documents together. So there are at most as many segments as the corpus
is doublings of the smallest, and a document is written anew at most as often over the whole life of the corpus. A merge leaves out what
was taken down.
"""

from __future__ import annotations

import tempfile
import uuid
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ContractViolation
from pipeline.lake.ids import numbers
from pipeline.lake.release import Segment
from pipeline.lake.rows import read
from pipeline.lake.segments import (
    BandReader,
    Bucket,
    DataFile,
    Documents,
    SegmentReader,
    bits_for,
    piece,
    rows_of,
    write_bands,
    write_documents,
)
from pipeline.lake.store import Store
from pipeline.lake.tables import WAREHOUSE, stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.lake.index import Index
    from pipeline.lake.segments import Rows

FOLDER = Store.join(WAREHOUSE, "index")

_AT_ONCE = 5_000_000
"""Band hashes that are sorted at once: 60 MB, and as much again for their order."""
_GONE = np.uint32(2**32 - 1)
"""In place of a row: its document was taken down."""


class _Part(NamedTuple):
    """Sorted band hashes to be merged."""

    piece: Callable[[int, int], Bucket]
    rows: Rows | None
    """The new number of each row; None: the same."""


def extended(store: Store, index: Index, new: Segment | None, fence: str) -> tuple[Segment, ...]:
    """Return the segments of an index with one more, merged where it is time for that.

    Parameters
    ----------
    store
        The lake.
    index
        The index so far.
    new
        What is added, if anything.
    fence
        Of the lease under which this happens.

    Raises
    ------
    SnapshotError
        If a file that is to be merged is not what was written.
    """
    known = [segment.segment for segment in index.segments]
    if new is None:
        return tuple(known)
    known.append(new)
    newer = new.documents
    first = len(known) - 1  # of those that are merged
    for place in reversed(range(first)):
        if known[place].documents <= newer:
            first = place
        newer += known[place].documents
    if first == len(known) - 1:
        return tuple(known)
    merged = merge(store, index, [SegmentReader(store, segment) for segment in known[first:]], fence)
    return (*known[:first], *([merged] if merged else ()))


def merge(store: Store, index: Index, segments: Sequence[SegmentReader], fence: str) -> Segment | None:
    """Write one segment in place of several, without what was taken down; return None if nothing is left."""
    for segment in segments:
        segment.check_digests()
    held = [segment.documents for segment in segments]
    starts = np.cumsum([0, *(len(documents.high) for documents in held)])
    first_file = np.cumsum([0, *(len(documents.files) for documents in held)]).astype(np.uint32)
    high, low = (np.concatenate([documents[half] for documents in held]) for half in (0, 1))
    file = np.concatenate([documents.file + start for documents, start in zip(held, first_file, strict=False)])
    live = np.ones(len(high), np.bool_)
    for segment, start in zip(segments, starts, strict=False):
        live[start + index.taken_down(segment)] = False
    old = np.flatnonzero(live)
    old = old[np.lexsort((low[old], high[old]))]
    if not len(old):
        return None
    new = np.full(len(high), _GONE, np.uint32)
    new[old] = np.arange(len(old), dtype=np.uint32)
    files = tuple(entry for documents in held for entry in documents.files)
    parts = [_Part(s.bands.piece, rows) for s, rows in zip(segments, np.split(new, starts[1:-1]), strict=True)]
    # What is left may be less than what a segment was once cut for; its buckets can be read as finely as they are or finer.
    bits = max(bits_for(sum(segment.segment.hashes for segment in segments)), *(s.bands.bits for s in segments))
    return _write(store, fence, Documents(high[old], low[old], file[old], files), parts, bits)


def make(
    store: Store, documents: Sequence[str], signatures: Sequence[str], release_of: Mapping[str, int], fence: str
) -> Segment | None:
    """Make a segment of published rows; return None if there are none.

    Parameters
    ----------
    store
        The lake.
    documents, signatures
        Names of files of these tables. A document need not have a signature.
    release_of
        The release that published each batch.
    fence
        Of the lease under which this happens.

    Notes
    -----
    Memory holds the documents, about 100 bytes each while they are sorted, and five million band hashes; more are sorted in parts that
    lie in a temporary folder of this machine until they are merged.

    Raises
    ------
    ContractViolation
        If an id does not have 32 hexadecimal digits.
    """
    described = _described(store, documents, release_of)
    if described is None:
        return None
    with tempfile.TemporaryDirectory(prefix="sluice-index-") as folder:
        scratch, parts, total, waiting = Store(folder), list[_Part](), 0, list[Bucket]()
        for block in _signed(store, signatures, described):
            waiting.append(block)
            total += len(block.hashes)
            if sum(len(part.hashes) for part in waiting) >= _AT_ONCE:
                name = f"{len(parts)}.arrow"
                write_bands(scratch, name, [_sorted(waiting)])
                parts.append(_Part(BandReader(scratch, name).piece, None))
                waiting.clear()
        parts.append(_Part(partial(piece, _sorted(waiting)), None))
        return _write(store, fence, described, parts, bits_for(total))


def _write(store: Store, fence: str, documents: Documents, parts: Sequence[_Part], bits: int) -> Segment:
    stem = Store.join(FOLDER, f"{fence}-{uuid.uuid4().hex}")
    document_file = write_documents(store, f"{stem}-documents.arrow", documents)
    written = 0

    def buckets() -> Iterator[Bucket]:
        nonlocal written
        for bucket in _merged(parts, bits):
            written += len(bucket.hashes)
            yield bucket

    band_file = write_bands(store, f"{stem}-bands.arrow", buckets())
    return Segment(documents=len(documents.high), hashes=written, document_file=document_file, band_file=band_file)


def _merged(parts: Sequence[_Part], bits: int) -> Iterator[Bucket]:
    """Yield the buckets of all parts together."""
    for number in range(1 << bits):
        found = []
        for part in parts:
            bucket = part.piece(number, bits)
            if part.rows is not None:
                rows = part.rows[bucket.rows]
                bucket = Bucket(bucket.hashes[rows != _GONE], rows[rows != _GONE])
            found.append(bucket)
        yield found[0] if len(found) == 1 else _sorted(found)


def _sorted(blocks: Sequence[Bucket]) -> Bucket:
    hashes = np.concatenate([np.empty(0, np.uint64), *(block.hashes for block in blocks)])
    rows = np.concatenate([np.empty(0, np.uint32), *(block.rows for block in blocks)])
    order = np.argsort(hashes, kind="stable")
    return Bucket(hashes[order], rows[order])


def _described(store: Store, names: Sequence[str], release_of: Mapping[str, int]) -> Documents | None:
    """Return the documents of some files of the table `documents`."""
    ids, file, files = [np.empty((0, 2), np.uint64)], [np.empty(0, np.uint32)], list[DataFile]()
    for name in names:
        for batch in read(store, [name], ["document_id", "batch_id"]):
            entry = DataFile(stem_of(name), release_of[batch["batch_id"][0].as_py()])  # a file's rows are of one batch
            if not files or files[-1] != entry:
                files.append(entry)
            ids.append(numbers(batch["document_id"].to_pylist()))
            file.append(np.full(batch.num_rows, len(files) - 1, np.uint32))
    known, of = np.concatenate(ids), np.concatenate(file)
    order = np.lexsort((known[:, 1], known[:, 0]))
    return Documents(known[order, 0], known[order, 1], of[order], tuple(files)) if len(order) else None


def _signed(store: Store, names: Sequence[str], documents: Documents) -> Iterator[Bucket]:
    """Yield the band hashes of some files of the table `signatures`, unsorted."""
    for batch in read(store, names, ["document_id", "bands"]):
        rows = rows_of(documents, numbers(batch["document_id"].to_pylist()))
        if (rows < 0).any():
            raise ContractViolation("a signature is of no document: the index cannot be made")
        hashes, places = band_values(batch["bands"])
        yield Bucket(hashes, rows[places].astype(np.uint32))


def band_values(lists: pa.Array) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the band hashes of a column `bands`, and the row of each; a document without words has zeros, which are none."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    hashes = lists.flatten().to_numpy().view(np.uint64)
    rows = np.repeat(np.arange(len(lists)), lengths)
    return hashes[hashes != 0], rows[hashes != 0]
