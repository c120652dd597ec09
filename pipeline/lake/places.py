"""Where every document ever read lies: for each batch a file of its documents' ids, sorted, with shard and row.

`places/<batch>-<fingerprint>.arrow` belongs to one snapshot of `ingest` and is written before that is committed, so that a batch which can be
read has it; what a crash leaves without a snapshot names nothing, and `sluice gc` removes it. A file is cut into record batches by id: on a
local disk it is mapped into memory, elsewhere one record batch is read. It holds digests and numbers, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from pipeline.errors import ContractViolation
from pipeline.lake.ids import numbers
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import Chain, read_file_columns
from pipeline.lake.store import Store

FOLDER = "places"
_PIECE = 1 << 16
"""Documents in a record batch: 1.5 MB, what one request to an object store is worth."""
_AT_ONCE = 16
"""Files of an object store that are read at once: each takes some requests, and there is one for each batch."""
_FIRSTS = b"firsts"
_SCHEMA = pa.schema([("id_high", pa.uint64()), ("id_low", pa.uint64()), ("shard", pa.uint32()), ("row", pa.uint32())])


class Place(NamedTuple):
    """Where a document lies in a snapshot of its batch."""

    batch_id: str
    fingerprint: str
    """Of the snapshot of `ingest`."""
    shard: int
    row: int


def write_places(store: Store, batch_id: str, fingerprint: str, shards: Sequence[ShardFile]) -> None:
    """Write where the documents of a snapshot lie, given its files of columns; the file appears complete or not at all."""
    ids, shard, row = [np.empty((0, 2), np.uint64)], [np.empty(0, np.uint32)], [np.empty(0, np.uint32)]
    for file in shards:
        names = read_file_columns(store, file, ["document_id"]).column(0).to_pylist()
        ids.append(numbers(names))
        shard.append(np.full(len(names), file.shard, np.uint32))
        row.append(np.arange(len(names), dtype=np.uint32))
    known, shards_, rows = (np.concatenate(parts) for parts in (ids, shard, row))
    order = np.lexsort((rows, shards_, known[:, 1], known[:, 0]))
    table = pa.table([known[order, 0], known[order, 1], shards_[order], rows[order]], schema=_SCHEMA)
    firsts = np.ascontiguousarray(known[order[::_PIECE], 0]).tobytes()
    with store.open_output(name_of(batch_id, fingerprint)) as sink:
        schema = _SCHEMA.with_metadata({_FIRSTS: firsts.hex()})
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_table(table.replace_schema_metadata(schema.metadata), max_chunksize=_PIECE)


def find_places(store: Store, document_id: str) -> list[Place]:
    """Return every place of a document; none for what is no id."""
    try:
        high, low = numbers([document_id])[0]
    except ContractViolation:
        return []
    names = [name for name in store.list(FOLDER) if name.endswith(".arrow")]
    if store.is_local:
        return [place for name in names for place in _find(store, name, high, low)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [
            place for found in threads.map(lambda name: list(_find(store, name, high, low)), names) for place in found
        ]


def rows_of(chain: Chain, document_id: str) -> list[tuple[int, int]]:
    """Return shard and row of a document in a batch; several where its record was read more than once.

    A batch that is older than its file of places, or lost it, is looked through.
    """
    if not chain.manifests:
        return []
    ingest = chain.manifests[0]
    name = name_of(ingest.batch_id, ingest.fingerprint)
    try:
        high, low = numbers([document_id])[0]
    except ContractViolation:
        return []
    if chain.lake.exists(name):
        return [(place.shard, place.row) for place in _find(chain.lake, name, high, low)]
    return [
        (shard, int(row))
        for shard in range(chain.shards)
        for row in np.flatnonzero(
            pc.equal(chain.read("ingest", shard, ["document_id"]).column(0), document_id).to_numpy(zero_copy_only=False)
        )
    ]


def name_of(batch_id: str, fingerprint: str) -> str:
    """Return the name of a snapshot's file."""
    return f"{FOLDER}/{batch_id}-{fingerprint}.arrow"


def snapshot_of(name: str) -> tuple[str, str]:
    """Return batch and fingerprint of a file's name."""
    batch, _, fingerprint = name.removeprefix(f"{FOLDER}/").removesuffix(".arrow").partition("-")
    return batch, fingerprint


def _find(store: Store, name: str, high: np.uint64, low: np.uint64) -> Iterator[Place]:
    try:
        source = pa.memory_map(str(store.local_path(name))) if store.is_local else store.open_input(name)
    except FileNotFoundError:  # collected meanwhile
        return
    with source, pa.ipc.open_file(source) as file:
        firsts = np.frombuffer(bytes.fromhex((file.schema.metadata or {})[_FIRSTS].decode()), np.uint64)
        # Ids with equal leading halves may lie on both sides of a cut.
        piece = max(int(np.searchsorted(firsts, high, "left")) - 1, 0)
        while piece < len(firsts) and firsts[piece] <= high:
            for shard, row in _rows(file.get_batch(piece), high, low):
                yield Place(*snapshot_of(name), shard, row)
            piece += 1


def _rows(batch: pa.RecordBatch, high: np.uint64, low: np.uint64) -> Iterator[tuple[int, int]]:
    columns: list[npt.NDArray[np.uint64]] = [column.to_numpy() for column in batch.columns]
    start, end = (int(np.searchsorted(columns[0], high, side)) for side in ("left", "right"))
    for i in range(start, end):
        if columns[1][i] == low:
            yield int(columns[2][i]), int(columns[3][i])
