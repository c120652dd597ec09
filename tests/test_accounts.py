"""The accounts of a batch's files: every record of every file on one side, by the reader's count and by the rows."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipeline import accounts, api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.cli import app
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import read_file_columns
from pipeline.lake.store import Store
from pipeline.report import terminal
from pipeline.sources import records

CONFIG = """data_pipeline:
  ingestion:
    sources:
      - {name: crawl, kind: web}
      - {name: feed, kind: social}
"""
WARC = b"".join(
    b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: http://a.example/%d\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 6\r\n\r\nwarc %d\r\n\r\n" % (kind, n, n)
    for n, kind in enumerate([b"conversion", b"request", b"metadata", b"conversion"])
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a mixed batch; stages run without Spark."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    (tmp_path / "pipeline.yaml").write_text(CONFIG)
    feed, crawl = tmp_path / "input" / "feed", tmp_path / "input" / "crawl"
    for folder in (feed / "deep", crawl):
        folder.mkdir(parents=True)
    (feed / "a.jsonl").write_text('{"id": 1, "text": "one"}\n{"id": 2}\nno json\n\n{"id": 3, "text": "three"}\n')
    (feed / "b.jsonl").write_text('{"id": 1, "text": "one"}\n{"id": 4, "text": "four"}\n')
    (feed / "deep" / "c\n.jsonl").write_text('{"id": 5, "text": "five"}\n')
    (feed / "empty.jsonl").touch()
    (feed / "notes.bin").write_text("?")
    (crawl / "a.warc").write_bytes(WARC)
    pq.write_table(pa.table({"text": ["row 0", None], "id": [0, 1]}), crawl / "b.parquet")
    (crawl / "c.parquet").write_bytes(b"PAR1 is not enough")
    return tmp_path


def ingest(project: Path) -> dict[str, Any]:
    reference = api.open_batch(str(project / "pipeline.yaml"))
    api.run_stage(reference, "ingest")
    return reference


def listed(project: Path, *options: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["batch", "files", "--json", "-c", str(project / "pipeline.yaml"), *options])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def shown(rows: list[dict[str, Any]], limit: int = 50) -> str:
    out = Console(file=io.StringIO(), width=200)
    terminal.print_files(out, rows, limit)
    return out.file.getvalue()


def metrics(reference: dict[str, Any]) -> dict[str, Any]:
    return full_chain(load_batch(reference)).manifest("ingest").metrics


def test_every_file_of_a_mixed_batch_adds_up(project: Path) -> None:
    reference = ingest(project)
    found = {(row["source"], row["file"]): row for row in listed(project)}
    assert found.pop(("feed", "notes.bin")) == {"source": "feed", "file": "notes.bin", "not_read": "unknown_format"}
    said = {
        key: [row["read"], row["written"], row["kept"], row["rejected"], row["failed"], row["errors"], row["other"]]
        for key, row in found.items()
    }
    unreadable, no_text = "ingest.unreadable_record@1", "ingest.no_text@1"
    lost = next(iter(found["crawl", "c.parquet"]["errors"]))
    assert said == {
        ("crawl", "a.warc"): [2, 2, 2, {}, {}, {}, said["crawl", "a.warc"][6]],
        ("crawl", "b.parquet"): [2, 2, 1, {no_text: 1}, {}, {}, {}],
        ("crawl", "c.parquet"): [1, 1, 0, {}, {unreadable: 1}, {lost: 1}, {}],
        ("feed", "a.jsonl"): [
            4,
            4,
            2,
            {no_text: 1},
            {unreadable: 1},
            {"JSONDecodeError": 1},
            said["feed", "a.jsonl"][6],
        ],
        ("feed", "b.jsonl"): [2, 2, 1, {"ingest.repeated_record@1": 1}, {}, {}, {}],
        ("feed", "deep/c .jsonl"): [1, 1, 1, {}, {}, {}, {}],
        ("feed", "empty.jsonl"): [0, 0, 0, {}, {}, {}, {}],
    }
    assert sum(said["crawl", "a.warc"][6].values()) == 2
    assert sum(said["feed", "a.jsonl"][6].values()) == 1
    for row in found.values():
        assert row["written"] == row["kept"] + sum(row["rejected"].values()) + sum(row["failed"].values())
    for count in api.funnel(reference):
        own = [row for (source, _), row in found.items() if source == count["source"]]
        assert count["read"] == sum(row["read"] for row in own)
        assert count["kept"] == sum(row["kept"] for row in own)
    assert metrics(reference)["reader_difference"] == 0
    assert metrics(reference)["volume/feed"] == 7


def test_the_table_shows_the_same_and_says_what_was_left_out(project: Path) -> None:
    ingest(project)
    rows = listed(project)
    said = shown(rows)
    assert "no_text 1, unreadable_record 1, (JSONDecodeError 1)" in said
    assert "not read: unknown_format" in said
    assert "read = written in every file" in said
    assert {row["source"] for row in listed(project, "--source", "feed")} == {"feed"}
    assert "the first 2 are shown" in shown(rows, 2)


def test_what_normalisation_changed_is_counted_by_file_and_source(project: Path) -> None:
    texts = ["clean", "caf\u00c3\u00a9 \r\nna\u0308her", "two\r\nlines", "\u00c3\u00bcber", "  ", *["two\r\nlines"] * 3]
    lines = [json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(texts)]
    (project / "input" / "feed" / "changed.jsonl").write_text("".join(lines))
    (project / "input" / "feed" / "again.jsonl").write_text("".join(lines[1:3]))
    reference = ingest(project)
    found = {row["file"]: row["normalised"] for row in listed(project, "--source", "feed") if not row.get("not_read")}
    changed = {"line_ends": 5, "mojibake": 2, "nfc": 1, "trailing_space": 1}
    again = {"line_ends": 2, "mojibake": 1, "nfc": 1, "trailing_space": 1}
    assert found.pop("changed.jsonl") == changed
    assert found.pop("again.jsonl") == again
    assert set(map(str, found.values())) == {"{}"}
    figures = {name: value for name, value in metrics(reference).items() if name.startswith("normalised/")}
    assert figures == {f"normalised/feed/{change}": changed[change] + again[change] for change in changed}
    assert "~line_ends 5, ~mojibake 2, ~nfc 1, ~trailing_space 1" in shown(listed(project))


def test_accounts_of_an_earlier_version_are_read(project: Path) -> None:
    chain = full_chain(load_batch(ingest(project)))
    (file,) = chain.manifest("ingest").shards(accounts.ROLE)
    with chain.lake.open_input(file.name) as stream:
        table = pq.read_table(stream).drop_columns(["normalised"])
    pq.write_table(table, project / "old.parquet")
    chain.lake.write_atomic(file.name, (project / "old.parquet").read_bytes())
    assert [row["normalised"] for row in accounts.rows_of(chain)] == [{}] * table.num_rows
    assert [row["read"] for row in accounts.rows_of(chain)] == table.column("read").to_pylist()


def test_what_one_file_loses_another_cannot_make_up(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = records.READERS["jsonl"]

    def careless(source: Any, file: Any, tally: Any) -> Any:
        yield from list(honest(source, file, tally))[file.path == "a.jsonl" :]
        tally.records -= file.path == "b.jsonl"

    monkeypatch.setitem(records.READERS, "jsonl", careless)
    reference = ingest(project)
    assert [(row["read"], row["written"]) for row in listed(project)[3:5]] == [(4, 3), (1, 2)]
    assert metrics(reference)["reader_difference"] == 2
    assert metrics(reference)["accounting_difference"] == 0, "by source alone nothing would show"
    assert "2 with a DIFFERENCE" in shown(listed(project))


def test_the_accounts_of_a_batch_are_the_same_whatever_the_order_of_its_tasks(project: Path) -> None:
    reference = ingest(project)
    batch = load_batch(reference)
    chain = full_chain(batch)
    once = chain.manifest("ingest").shards(accounts.ROLE)
    rows = accounts.rows_of(chain)
    read: dict[str, list[dict[str, Any]]] = {}
    for row in random.Random(3).sample(rows, len(rows)):
        read.setdefault(row["source"], []).append(row)
    again = accounts.write(batch.lake, "elsewhere", chain.manifest("ingest").shards()[::-1], read, "x")
    assert again.sha256 == once[0].sha256


def test_a_batch_without_accounts_is_told_what_to_do(project: Path) -> None:
    api.open_batch(str(project / "pipeline.yaml"))
    done = CliRunner().invoke(app, ["batch", "files", "-c", str(project / "pipeline.yaml")])
    assert "ingest has not run yet; run `sluice stage ingest` first" in str(done.exception)


@pytest.mark.slow
def test_accounts_of_a_hundred_thousand_files_stay_small(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    counter = random.Random(5)
    read = {
        "crawl": [
            {"file": f"2026/11/{n % 28:02d}/part-{n:06d}.warc.gz", "bytes": counter.randrange(10**6, 10**9),
             "read": 0, "errors": {}, "other": {"request": counter.randrange(1000), "warcinfo": 1}}
            for n in range(100_000)
        ]
    }  # fmt: skip
    file = accounts.write(store, "batch", [], read, "x")
    assert isinstance(file, ShardFile)
    assert file.bytes < 4 * 2**20
    assert read_file_columns(store, file, ["file"]).num_rows == 100_000
