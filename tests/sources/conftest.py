"""Reading a file in tests: always through `read_file`, always with its account checked."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pipeline.document import INGEST, RAW
from pipeline.source import Source
from pipeline.sources.files import SourceFile, format_of
from pipeline.sources.records import FileAccount, FileReading, read_file
from pipeline.verdict import outcome

if TYPE_CHECKING:
    from pathlib import Path


class Reading(NamedTuple):
    rows: list[dict]
    account: FileAccount

    @property
    def reasons(self) -> list[str]:
        """Each row's deciding reason without stage and version, "kept" where there is none."""
        return [
            row["verdict"][0]["reason"].split(".")[1].split("@")[0] if row["verdict"] else "kept" for row in self.rows
        ]


def read_path(path: Path, kind: str = "web", **fields) -> Reading:
    """Read a file and check what holds for every file: aligned batches, one row for each record that the reader counted."""
    source = Source(name="feed", kind=kind, **fields)
    reading = read_file(
        source, SourceFile("feed", str(path), path.name, path.stat().st_size, format_of(path.name, kind) or "jsonl")
    )
    return check(reading)


def check(reading: FileReading) -> Reading:
    """Read to the end and check what holds for every file."""
    rows = []
    for chunk in reading:
        assert chunk.raw.schema == RAW
        assert chunk.columns.schema == INGEST
        chunk.raw.validate(full=True)
        chunk.columns.validate(full=True)
        for raw, columns in zip(chunk.raw.to_pylist(), chunk.columns.to_pylist(), strict=True):
            assert raw["document_id"] == columns["document_id"]
            rows.append(columns | raw)
    account = reading.account
    assert account.records_read == len(rows)
    failed = sum(bool(row["verdict"]) and outcome(row["verdict"][0]["reason"]) == "failed" for row in rows)
    assert sum(account.errors.values()) == failed
    for row in rows:
        assert (row["text"] is None) == (row["text_digest"] is None) == (row["characters"] is None)
        assert row["text"] is not None or row["verdict"]
        assert row["text"] is None or row["record"] is None
        if row["consent"] == "opted_out":
            assert row["text"] is None
            assert row["record"] is None
    return Reading(rows, account)


@pytest.fixture
def read(tmp_path):
    """Return a function that writes bytes to a file and reads it."""

    def write_and_read(content: bytes, name: str = "a.jsonl", kind: str = "web", **fields) -> Reading:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / name).write_bytes(content)
        return read_path(folder / name, kind, **fields)

    return write_and_read
