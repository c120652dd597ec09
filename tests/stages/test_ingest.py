"""Ingest: what a worker writes of the records that it reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.batch import input_files
from pipeline.document import text_digest
from pipeline.lake.manifest import ShardFile
from pipeline.lake.rows import Selection
from pipeline.lake.snapshots import read_file_columns
from pipeline.lake.store import Store
from pipeline.source import Source
from pipeline.stages.ingest import Destination, Task, read_task

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["first text", "taken down", "third text"]


def read(folder: Path, tombstones: Selection) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Read a file of three records; return the rows of the columns and those of the raw root."""
    (folder / "a.jsonl").write_text("".join(json.dumps({"id": text, "text": text}) + "\n" for text in TEXTS))
    source = Source(name="papers", kind="licensed", paths=(str(folder / "a.jsonl"),))
    lake, raw = Store(str(folder / "lake")), Store(str(folder / "raw"))
    task = Task(source, input_files(source)[0])
    [shard] = json.loads(read_task(task, Destination(lake, raw, "batch", 10, 1_000, tombstones)))["shards"]
    columns, texts = ShardFile.model_validate(shard["columns"]), ShardFile.model_validate(shard["raw"])
    return (
        read_file_columns(lake, columns, ["document_id", "verdict", "text_digest", "record_digest"]).to_pylist(),
        read_file_columns(raw, texts, ["document_id", "text", "record"]).to_pylist(),
    )


@pytest.mark.parametrize("by", ["id", "digest"])
def test_of_what_was_taken_down_the_place_and_digest_stay_and_never_the_text(tmp_path: Path, by: str) -> None:
    before, _ = read(tmp_path, Selection())
    known = str(before[1]["document_id"])
    columns, raw = read(
        tmp_path,
        Selection(ids=frozenset({known})) if by == "id" else Selection(digests=frozenset({text_digest(TEXTS[1])})),
    )
    assert [row["verdict"] and row["verdict"][0]["reason"] for row in columns] == [None, "ingest.tombstone@1", None]
    assert [row["text"] for row in raw] == [TEXTS[0], None, TEXTS[2]]
    assert [row["record"] for row in raw] == [None, None, None]
    assert [row["document_id"] for row in raw] == [row["document_id"] for row in columns]
    assert columns[1]["record_digest"] == before[1]["record_digest"]
