"""Posts of a batch against one another: what was deleted goes, of several versions the latest stays, threads are joined.

A worker sees some files only, so this is done when all are read: narrow columns tell which rows are concerned, and workers write
the shards of these anew.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document import INGEST, RAW, subjects_of, text_digest
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import read_file_columns, write_shard
from pipeline.lake.store import Store
from pipeline.verdict import Finding, verdict_array
from pipeline.work import Work

DELETED_ROLE = "deleted"
"""Role of the files that hold what the batch's feeds say was deleted: one column, `subject`."""
REPEATED = "ingest.repeated_record@1"
_GONE_ALREADY = frozenset({"ingest.deleted@1", "ingest.tombstone@1", "ingest.opted_out@1", "ingest.private_message@1"})
"""Reasons of rows whose text is not kept anyway."""
_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


class Place(NamedTuple):
    """A row of the batch."""

    shard: int
    row: int


@dataclass(frozen=True)
class Row:
    """A post of the batch, without its text."""

    place: Place
    document_id: str
    source: str
    published_at: dt.datetime | None
    post: Mapping[str, Any]
    reason: str | None

    @property
    def version_at(self) -> dt.datetime:
        """When this version was made; long ago where that is not known."""
        return self.post["version_at"] or _NEVER


class Joined(NamedTuple):
    """A thread's document: it takes the place of its first post's row."""

    document_id: str
    members: tuple[Place, ...]
    parts: tuple[str, ...]
    missing: int
    max_characters: int


@dataclass
class Changes:
    """What becomes of the rows of one shard."""

    rejected: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    """Reason and evidence, by row."""
    joined: dict[int, Joined] = field(default_factory=dict)


def write_deleted(lake: Store, folder: str, subjects: Iterable[str]) -> ShardFile | None:
    """Write what a task's files say was deleted; None where that is nothing."""
    table = pa.table({"subject": pa.array(sorted(set(subjects)), pa.string())})
    return write_shard(lake, folder, 0, DELETED_ROLE, table, uuid.uuid4().hex[:8]) if table.num_rows else None


def read_deleted(lake: Store, files: Sequence[ShardFile]) -> set[str]:
    """Return all that some files say was deleted."""
    return {subject for file in files for subject in read_file_columns(lake, file, ["subject"]).column(0).to_pylist()}


def settle(
    work: Work, columns: list[ShardFile], raw: list[ShardFile], deleted: Sequence[ShardFile]
) -> tuple[list[ShardFile], list[ShardFile], dict[str, float]]:
    """Return the batch's shards with posts judged against one another, and figures."""
    from pipeline.stages.threads import join

    lake = work.batch.lake
    rows = [row for file in columns for row in _rows(lake, file)]
    changes: dict[int, Changes] = {}
    gone = read_deleted(lake, deleted)
    live = []
    for row, reason, evidence in judge(rows, gone):
        if reason is not None:
            changes.setdefault(row.place.shard, Changes()).rejected[row.place.row] = (reason, evidence)
        elif row.reason is None:
            live.append(row)
    sources = {s.name: s for s in work.batch.settings.ingestion.sources if s.documents == "thread"}
    figures = join([row for row in live if row.source in sources], sources, changes)
    if not changes:
        return columns, raw, figures
    tasks = [(shard, changes[shard]) for shard in sorted(changes)]
    rewrite = partial(rewrite_shard, columns=columns, raw=raw, lake=lake, raw_store=work.batch.raw, folder=work.folder)
    columns, raw = list(columns), list(raw)
    for answer in work.on_workers(tasks, rewrite):
        shard = answer["shard"]
        columns[shard] = ShardFile.model_validate(answer["columns"])
        raw[shard] = ShardFile.model_validate(answer["raw"])
    return columns, raw, figures


def judge(rows: Sequence[Row], gone: set[str]) -> Iterator[tuple[Row, str | None, str | None]]:
    """Yield each row with the reason that speaks against it, and the evidence: the document that took its place.

    A deletion holds whenever it was made and whatever came after it. Of the versions of one post the latest stays, of those of one
    moment the last one in the order of sources, files and places. A row that repeats another of the same version counts for when
    that version was last seen.
    """
    latest: dict[str, tuple[dt.datetime, Place, str]] = {}
    for row in rows:
        if row.reason in {None, REPEATED}:
            version = (row.version_at, row.place, row.document_id)
            latest[row.post["id"]] = max(latest.get(row.post["id"], version), version)
    for row in rows:
        reason, evidence = None, None
        if row.reason not in _GONE_ALREADY and gone & subjects_of(row.post):
            reason = "ingest.deleted@1"
        elif row.reason is None and (stays := latest[row.post["id"]][2]) != row.document_id:
            reason, evidence = "ingest.superseded@1", stays
        yield row, reason, evidence


def _rows(lake: Store, file: ShardFile) -> Iterator[Row]:
    """Yield the posts of a shard."""
    names = ["document_id", "source", "published_at", "post", "verdict"]
    table = read_file_columns(lake, file, names)
    is_post = pc.is_valid(table.column("post"))
    numbers = pa.array(range(table.num_rows), pa.int64()).filter(is_post.combine_chunks())
    for number, row in zip(numbers.to_pylist(), table.filter(is_post).to_pylist(), strict=True):
        reason = row["verdict"][0]["reason"] if row["verdict"] else None
        place = Place(file.shard, number)
        yield Row(place, row["document_id"], row["source"], row["published_at"], row["post"], reason)


def rewrite_shard(
    task: tuple[int, Changes],
    columns: Sequence[ShardFile],
    raw: Sequence[ShardFile],
    lake: Store,
    raw_store: Store,
    folder: str,
) -> str:
    """Write one shard anew (on a worker)."""
    shard, changes = task
    rows = read_file_columns(lake, columns[shard], INGEST.names).to_pylist()
    texts = read_file_columns(raw_store, raw[shard], RAW.names).to_pylist()
    for number, (reason, evidence) in changes.rejected.items():
        rows[number]["verdict"] = [Finding(reason, evidence=evidence)._asdict(), *(rows[number]["verdict"] or ())]
        if reason == "ingest.deleted@1":
            texts[number] |= {"text": None, "title": None, "record": None}
    parts = _texts(raw_store, raw, changes)
    for number, thread in changes.joined.items():
        text = "\n\n".join(parts[place] for place in thread.members)
        texts[number] |= {"document_id": thread.document_id, "text": text}
        rows[number] |= {
            "document_id": thread.document_id,
            "text_digest": text_digest(text),
            "characters": len(text),
            "post": {**rows[number]["post"], "parts": list(thread.parts), "missing": thread.missing},
        }
        if len(text) > thread.max_characters:
            rows[number]["verdict"] = [Finding("ingest.text_too_long@1", len(text), thread.max_characters)._asdict()]
    attempt = uuid.uuid4().hex[:8]
    return json.dumps(
        {
            "shard": shard,
            "columns": write_shard(lake, folder, shard, "columns", _table(rows), attempt).model_dump(),
            "raw": write_shard(raw_store, folder, shard, "raw", pa.Table.from_pylist(texts, RAW), attempt).model_dump(),
        }
    )


def _texts(raw_store: Store, raw: Sequence[ShardFile], changes: Changes) -> dict[Place, str]:
    """Return the texts of the posts that a shard's threads are made of, from whichever shards they lie in."""
    wanted: dict[int, list[int]] = {}
    for thread in changes.joined.values():
        for place in thread.members:
            wanted.setdefault(place.shard, []).append(place.row)
    found: dict[Place, str] = {}
    for shard, numbers in sorted(wanted.items()):
        texts = read_file_columns(raw_store, raw[shard], ["text"]).column(0).take(pa.array(numbers, pa.int64()))
        found |= {Place(shard, n): text or "" for n, text in zip(numbers, texts.to_pylist(), strict=True)}
    return found


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows of the stage's columns as a table."""
    verdicts = verdict_array([[Finding(**finding) for finding in row["verdict"] or ()] for row in rows])
    table = pa.Table.from_pylist([{**row, "verdict": None} for row in rows], INGEST)
    place = INGEST.get_field_index("verdict")
    return table.set_column(place, INGEST.field("verdict"), verdicts)
