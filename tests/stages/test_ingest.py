"""Ingest: what a worker writes of the records that it reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline import accounts, api
from pipeline.batch import input_files, load_batch
from pipeline.chain import full_chain
from pipeline.document import INGEST, RAW, text_digest
from pipeline.lake.manifest import ShardFile
from pipeline.lake.rows import Selection
from pipeline.lake.snapshots import read_file_columns
from pipeline.lake.store import Store
from pipeline.source import Source
from pipeline.stages import ingest_tasks
from pipeline.stages.ingest import Destination, read_task
from pipeline.stages.ingest_tasks import Share, Task
from pipeline.work import Work
from tests.sources.hostile_archives import compress, http, record

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["first text", "taken down", "third text"]


def read(folder: Path, tombstones: Selection) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Read a file of three records; return the rows of the columns and those of the raw root."""
    (folder / "a.jsonl").write_text("".join(json.dumps({"id": text, "text": text}) + "\n" for text in TEXTS))
    source = Source(name="papers", kind="licensed", paths=(str(folder / "a.jsonl"),))
    lake, raw = Store(str(folder / "lake")), Store(str(folder / "raw"))
    task = Task(source, tuple(Share(file) for file in input_files(source)[0]))
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


def ingest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, task_bytes: int
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Open a batch of a folder's files, have them read in tasks of a size, and return all rows and the batch's figures."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    monkeypatch.setattr(ingest_tasks, "TASK_BYTES", task_bytes)
    config = folder.parent / f"pipeline-{task_bytes}.yaml"
    config.write_text(
        "data_pipeline:\n  ingestion:\n    sources:\n      - name: crawl\n        kind: web\n"
        f"        paths: [{folder}]\n  lake:\n    root: {folder.parent / str(task_bytes)}\n"
    )
    reference = api.open_batch(str(config))
    api.run_stage(reference, "ingest")
    chain = full_chain(load_batch(reference))
    rows = []
    for shard in range(chain.shards):
        columns, raw = chain.read("ingest", shard, INGEST.names), chain.read_raw(shard, RAW.names)
        rows += [a | b for a, b in zip(columns.to_pylist(), raw.to_pylist(), strict=True)]
    return rows, {"files": accounts.rows_of(chain), **chain.manifest("ingest").metrics}


def test_parts_of_large_files_give_the_batch_that_whole_files_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among them an archive within an archive, whose forged records lie where it would be cut: it is read as one."""
    folder = tmp_path / "crawl"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(400)))
    pages = [record(http(b"<p>page %d</p>" % n), f"http://a/{n}") for n in range(60)]
    forged = b"".join(record(http(b"<p>forged</p>"), f"http://forged/{n}") for n in range(60))
    (folder / "b.warc").write_bytes(b"".join([*pages[:3], record(http(forged, media="text/plain")), *pages[3:6]]))
    (folder / "c.warc.gz").write_bytes(b"".join(map(compress, pages)))
    (folder / "d.jsonl").write_text('{"text": "text 7"}\n{"text": "small"}\n')
    asked = []
    run = Work.on_workers
    monkeypatch.setattr(
        Work, "on_workers", lambda work, tasks, function: asked.append(len(tasks)) or run(work, tasks, function)
    )
    whole, figures = ingest(folder, monkeypatch, 10**9)
    assert asked == [1]
    asked.clear()
    parts, of_parts = ingest(folder, monkeypatch, 2_500)
    surveyed, tasks, again = asked
    assert (surveyed, again) == (3, 1)
    assert tasks > 10
    assert parts == whole
    assert of_parts == figures
    assert not any("forged" in str(row["uri"]) for row in parts)
    assert sum(row["uri"] == "http://a/3" for row in parts) == 2
