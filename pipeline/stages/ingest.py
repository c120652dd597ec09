"""Ingest: records become documents, every one of them accounted for.

A task reads its files, or its part of a large one, and writes shards of bounded size, raw text in one file and the columns
in another, under the raw root and the lake. The driver then finds records that were read twice and numbers the shards.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import accounts
from pipeline.document import INGEST, RAW, subjects_of
from pipeline.history import base_release
from pipeline.lake.manifest import ShardFile
from pipeline.lake.places import write_places
from pipeline.lake.rows import Selection
from pipeline.lake.snapshots import COLUMNS_ROLE, RAW_ROLE, read_file_columns, write_shard
from pipeline.lake.store import Store
from pipeline.sources.access import OPEN, Access, access_of
from pipeline.sources.records import FileAccount, read_file
from pipeline.sources.rows import FileChunk
from pipeline.stages.ingest_tasks import Share, Task, read_all
from pipeline.stages.posts import settle, write_deleted
from pipeline.verdict import Finding, verdict_array
from pipeline.work import Output, Work


class Destination(NamedTuple):
    """Where a worker writes, and how much of it."""

    lake: Store
    raw: Store
    folder: str
    shard_documents: int
    shard_characters: int
    tombstones: Selection
    access: Mapping[str, Access] = {}
    """What the sources' file systems are opened with, by source."""


@dataclass
class Counted:
    """What a worker found beside documents: sums over its files, each file's account, and what the files say was deleted."""

    figures: dict[str, float] = field(default_factory=dict)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    stopped: int | None = None

    def add(self, figure: str, value: float) -> None:
        """Add to a figure."""
        self.figures[figure] = self.figures.get(figure, 0) + value

    def close(self, share: Share, place: str, account: FileAccount) -> None:
        """Take in a file, or a part of one, that was read to its end; `place` as its rows state it."""
        source, size = share.source, share.size
        self.accounts.append(accounts.read_account(place, size, account))
        self.stopped = account.stopped
        self.deleted.update(account.deleted)
        self.add(f"read/{source}", account.records_read)
        self.add(f"other_records/{source}", account.other_records)
        self.add(f"bytes/{source}", size)
        self.add(f"files/{source}", share.begins)


def run(work: Work) -> Output:
    """Read every file of the batch and write its shards."""
    settings = work.batch.settings
    present = {file.source for file in work.batch.record.inputs}
    destination = Destination(
        lake=work.batch.lake,
        raw=work.batch.raw,
        folder=work.folder,
        shard_documents=settings.ingestion.shard_documents,
        shard_characters=settings.ingestion.shard_characters,
        tombstones=work.batch.corpus.tombstones(base_release(work.batch)),
        access={source.name: access_of(source) for source in settings.ingestion.sources if source.name in present},
    )
    columns: list[ShardFile] = []
    raw: list[ShardFile] = []
    deleted: list[ShardFile] = []
    metrics: dict[str, float | str | None] = {f"read/{source.name}": 0 for source in settings.ingestion.sources}
    read: dict[str, list[dict[str, Any]]] = {}
    for task, answer in read_all(work, destination.access, partial(read_task, destination=destination)):
        read.setdefault(task.source.name, []).extend(answer["accounts"])
        for pair in answer["shards"]:
            number = len(columns)
            columns.append(ShardFile.model_validate(pair["columns"]).model_copy(update={"shard": number}))
            raw.append(ShardFile.model_validate(pair["raw"]).model_copy(update={"shard": number}))
        if answer["deleted"]:
            deleted.append(ShardFile.model_validate(answer["deleted"]).model_copy(update={"shard": len(deleted)}))
        for name, value in answer["figures"].items():
            metrics[name] = float(metrics.get(name) or 0) + value
    if not columns:
        # A batch without a single document has one shard of no rows, so that no later stage needs to know of this case.
        empty = _write_pair(RAW.empty_table(), INGEST.empty_table(), destination)
        columns, raw = [empty["columns"]], [empty["raw"]]
    columns = mark_repeated(work.batch.lake, work.folder, columns)
    if any(name.startswith("posts/") for name in metrics):
        columns, raw, figures = settle(work, columns, raw, deleted)
        metrics |= figures
    write_places(work.batch.lake, work.batch.batch_id, work.fingerprint, columns)
    table = accounts.write(work.batch.lake, work.folder, columns, read, uuid.uuid4().hex[:8])
    return Output([*columns, *raw, *deleted, table], metrics)


def read_task(task: Task, destination: Destination) -> str:
    """Read one task's files and write their shards (on a worker); the answer names the files and gives the readers' counts."""
    found = Counted()
    pairs = [_write_pair(raw, columns, destination) for raw, columns in _shards(task, destination, found)]
    shards = [{role: file.model_dump() for role, file in pair.items()} for pair in pairs]
    deleted = write_deleted(destination.lake, destination.folder, found.deleted)
    return json.dumps(
        {
            "shards": shards,
            "figures": found.figures,
            "accounts": found.accounts,
            "deleted": deleted and deleted.model_dump(),
            "stopped": found.stopped,
        }
    )


def _write_pair(raw: pa.Table, columns: pa.Table, destination: Destination) -> dict[str, ShardFile]:
    """Write the two files of one shard; its number is given later, by the driver."""
    attempt = uuid.uuid4().hex[:8]
    return {
        "columns": write_shard(destination.lake, destination.folder, 0, COLUMNS_ROLE, columns, attempt),
        "raw": write_shard(destination.raw, destination.folder, 0, RAW_ROLE, raw, attempt),
    }


def _shards(task: Task, destination: Destination, counted: Counted) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Collect the chunks of a task's files to shards of at most the stated documents and characters; count what was read."""
    raw: list[pa.RecordBatch] = []
    columns: list[pa.RecordBatch] = []
    rows = characters = 0
    name = task.source.name
    for share in task.shares:
        file = share.opened(destination.access.get(name, OPEN))
        reading, place = read_file(task.source, file), file.path
        for chunk in reading:
            found = _without_tombstones(chunk, destination.tombstones)
            for start in range(0, found.columns.num_rows, destination.shard_documents):
                part = found.columns.slice(start, destination.shard_documents)
                place = part.column("record_file")[0].as_py()
                size = pc.sum(part.column("characters")).as_py() or 0
                if rows and (
                    rows + part.num_rows > destination.shard_documents
                    or characters + size > destination.shard_characters
                ):
                    yield pa.Table.from_batches(raw, RAW), pa.Table.from_batches(columns, INGEST)
                    raw, columns, rows, characters = [], [], 0, 0
                raw.append(found.raw.slice(start, destination.shard_documents))
                columns.append(part)
                rows += part.num_rows
                characters += size
                if posts := part.num_rows - part.column("post").null_count:
                    counted.add(f"posts/{name}", posts)
        counted.close(share, place, reading.account)
        share.check(file)
    if rows:
        yield pa.Table.from_batches(raw, RAW), pa.Table.from_batches(columns, INGEST)


def _without_tombstones(chunk: FileChunk, tombstones: Selection) -> FileChunk:
    """Reject documents that were taken down, by id or by the digest of their text; of these not even the raw text is kept.

    Posts that were deleted before, or by an author whose account was, are among them: tombstones hold their digests as well.
    """
    if not tombstones:
        return chunk
    columns = chunk.columns
    keys = (columns.column(name).to_pylist() for name in ("document_id", "text_digest", "post"))
    gone = [
        id_ in tombstones.ids or digest in tombstones.digests or not tombstones.ids.isdisjoint(subjects_of(post))
        for id_, digest, post in zip(*keys, strict=True)
    ]
    if not any(gone):
        return chunk
    stays = pa.array([not hit for hit in gone], pa.bool_())
    kept = [chunk.raw.column("document_id")]
    kept += [pc.if_else(stays, chunk.raw.column(name), None) for name in RAW.names[1:]]
    raw = pa.RecordBatch.from_arrays(kept, schema=RAW)
    return FileChunk(raw, reject(columns, np.array(gone, bool), "ingest.tombstone@1"))


def reject(columns: Any, which: Any, reason: str) -> Any:
    """Put a reason first in the verdicts of some rows; the others keep theirs."""
    verdicts = columns.column("verdict").to_pylist()
    rows = [
        [Finding(reason), *(Finding(**finding) for finding in old or ())] if hit else [Finding(**f) for f in old or ()]
        for old, hit in zip(verdicts, which.tolist(), strict=True)
    ]
    place = columns.schema.get_field_index("verdict")
    return columns.set_column(place, columns.schema.field("verdict"), verdict_array(rows))


def mark_repeated(lake: Store, folder: str, files: list[ShardFile]) -> list[ShardFile]:
    """Reject every record but the first whose document was read before in this batch; rewrite only the shards concerned.

    The first is the one that comes first in the order of sources, files and places, which the input alone decides.
    """
    ids = [read_file_columns(lake, file, ["document_id", "verdict"]) for file in files]
    seen: set[str] = set()
    result = []
    for file, table in zip(files, ids, strict=True):
        names = table.column("document_id").to_pylist()
        live = table.column("verdict").is_null().to_pylist()
        again = []
        for name, alive in zip(names, live, strict=True):
            again.append(alive and name in seen)
            if alive:
                seen.add(name)
        if any(again):
            whole = read_file_columns(lake, file, INGEST.names)
            marked = reject(whole.combine_chunks(), np.array(again, bool), "ingest.repeated_record@1")
            result.append(write_shard(lake, folder, file.shard, file.role, marked, uuid.uuid4().hex[:8]))
        else:
            result.append(file)
    return result
