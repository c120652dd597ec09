"""Layouts of the index that were tried beside the chosen one, for `benchmarks.dedup_index`; each says how many hashes it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake.indexing import band_values
from pipeline.lake.release import Segment
from pipeline.lake.rows import read
from pipeline.lake.segments import SegmentReader
from pipeline.lake.store import Store
from pipeline.text.kernels import kernel

_SIGN = np.uint64(1 << 63)
BITS_A_HASH = 10


class Prepared(NamedTuple):
    """What a layout laid down."""

    files: list[str]
    data: Any


class Layout(NamedTuple):
    """How a layout is made from segments and files of the table `signatures`, and how it is asked."""

    prepare: Callable[[Store, Sequence[Segment], Sequence[str]], tuple[Prepared, int]]
    """Returns its size in bytes as well."""
    find: Callable[[Store, Prepared, np.ndarray], int]
    most: int = 10_000_000
    """The largest corpus, in documents, that it is tried on."""


def _table(store: Store, _: Sequence[Segment], signed: Sequence[str]) -> tuple[Prepared, int]:
    return Prepared(list(signed), None), sum(store.size(name) for name in signed)


def _scan_rows(store: Store, table: Prepared, wanted: np.ndarray) -> int:
    """Look through the table as it was done before there was an index."""
    found = 0
    for block in read(store, table.files, ["document_id", "bands"]):
        hashes = block["bands"].flatten().to_numpy().reshape(block.num_rows, -1)
        found += int(np.isin(hashes, wanted.view(np.int64)).any(axis=1).sum())
    return found


def _scan_hashes(store: Store, table: Prepared, wanted: np.ndarray) -> int:
    """Look through the table with the batch's hashes sorted: what a release without an index costs now."""
    found = 0
    for block in read(store, table.files, ["document_id", "bands"]):
        hashes, _ = band_values(block["bands"])
        found += int((wanted[np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)] == hashes).sum())
    return found


def _write_parquet(store: Store, held: Sequence[Segment], _: Sequence[str]) -> tuple[Prepared, int]:
    schema = pa.schema([("hash", pa.int64()), ("row", pa.uint32())])
    files = []
    for number, segment in enumerate(held):
        bands = SegmentReader(store, segment).bands
        files.append(f"parquet/{number}.parquet")
        options = {"use_dictionary": False, "compression": "none", "column_encoding": {"hash": "DELTA_BINARY_PACKED"}}
        with store.open_output(files[-1]) as sink, pq.ParquetWriter(sink, schema, **options) as writer:
            for i in range(1 << bands.bits):
                bucket = bands.bucket(i)
                columns = [pa.array((bucket.hashes ^ _SIGN).view(np.int64)), pa.array(bucket.rows)]
                writer.write_table(pa.table(columns, schema=schema))
    return Prepared(files, None), sum(store.size(name) for name in files)


def _find_parquet(store: Store, prepared: Prepared, wanted: np.ndarray) -> int:
    """Read the row groups whose bounds hold something wanted."""
    signed, found = (wanted ^ _SIGN).view(np.int64), 0
    for name in prepared.files:
        with store.open_input(name) as source, pq.ParquetFile(source) as file:
            for group in range(file.num_row_groups):
                bounds = file.metadata.row_group(group).column(0).statistics
                mine = signed[np.searchsorted(signed, bounds.min) : np.searchsorted(signed, bounds.max, "right")]
                if len(mine):
                    hashes = file.read_row_group(group)["hash"].combine_chunks().to_numpy()
                    place = np.minimum(np.searchsorted(hashes, mine), len(hashes) - 1)
                    found += int((hashes[place] == mine).sum())
    return found


def _write_filters(store: Store, held: Sequence[Segment], _: Sequence[str]) -> tuple[Prepared, int]:
    names = []
    for number, segment in enumerate(held):
        reader = SegmentReader(store, segment)
        filter_ = np.zeros((segment.hashes * BITS_A_HASH // 512 + 1) * 8, np.uint64)
        for i in range(1 << reader.bands.bits):
            _fill(filter_, reader.bands.bucket(i).hashes)
        names.append(f"filter/{number}")
        store.write_atomic(names[-1], filter_.tobytes())
    size = sum(store.size(name) for name in names) + sum(file.bytes for part in held for file in part.files)
    files = [*names, *(file.name for part in held for file in part.files)]
    return Prepared(files, (names, list(held))), size


def _find_filtered(store: Store, prepared: Prepared, wanted: np.ndarray) -> int:
    """Ask each segment's filter, then the segment for what passes."""
    found = 0
    for name, segment in zip(*prepared.data, strict=True):
        filter_ = np.memmap(store.local_path(name), np.uint64, "r")
        found += len(SegmentReader(store, segment).find(wanted[_passes(filter_, wanted)], 1_000).rows)
    return found


def _find_plain(store: Store, prepared: Prepared, wanted: np.ndarray) -> int:
    return sum(len(SegmentReader(store, part).find(wanted, 1_000).rows) for part in prepared.data)


def _segments(store: Store, held: Sequence[Segment], _: Sequence[str]) -> tuple[Prepared, int]:
    files = [file.name for part in held for file in part.files]
    return Prepared(files, list(held)), sum(store.size(name) for name in files)


@kernel
def _bit(value: np.uint64, number: np.int64) -> np.uint64:
    return np.uint64((value * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(9 * number)) & np.uint64(511)


@kernel
def _block(value: np.uint64, blocks: np.int64) -> np.int64:
    return np.int64(((value >> np.uint64(32)) * np.uint64(blocks)) >> np.uint64(32))


@kernel
def _fill(filter_: np.ndarray, hashes: np.ndarray) -> None:
    blocks = len(filter_) // 8
    for value in hashes:
        block = _block(value, blocks)
        for number in range(6):
            bit = _bit(value, number)
            filter_[block * 8 + np.int64(bit >> np.uint64(6))] |= np.uint64(1) << (bit & np.uint64(63))


@kernel
def _passes(filter_: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    out = np.ones(len(hashes), np.bool_)
    blocks = len(filter_) // 8
    for i in range(len(hashes)):
        block = _block(hashes[i], blocks)
        for number in range(6):
            bit = _bit(hashes[i], number)
            if not (filter_[block * 8 + np.int64(bit >> np.uint64(6))] >> (bit & np.uint64(63))) & np.uint64(1):
                out[i] = False
                break
    return out


LAYOUTS = {
    "table scanned row by row (before)": Layout(_table, _scan_rows, 100_000),
    "table scanned, batch sorted (no index)": Layout(_table, _scan_hashes, 100_000),
    "sorted Parquet, bounds of row groups": Layout(_write_parquet, _find_parquet),
    "sorted Arrow, mapped (chosen)": Layout(_segments, _find_plain),
    "the same with a Bloom filter a segment": Layout(_write_filters, _find_filtered),
}
