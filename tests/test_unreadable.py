"""A file that cannot be read costs its source, whole, and no other: named in batch, account and gate."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, gating, listing
from pipeline.batch import load_batch
from pipeline.errors import SourceUnavailable, SourceUnreadable
from pipeline.sources.stream import SourceStream

CONFIG = """data_pipeline:
  ingestion:
    sources:
      - {name: feed, kind: social}
      - {name: press, kind: licensed}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sources of two files; stages run without Spark."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    (tmp_path / "pipeline.yaml").write_text(CONFIG)
    for source in ("feed", "press"):
        folder = tmp_path / "input" / source
        folder.mkdir(parents=True)
        for name in ("a.jsonl", "b.jsonl"):
            (folder / name).write_text(json.dumps({"id": name, "text": f"{source} {name}"}) + "\n")
    return tmp_path


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set of files that are refused; permissions do not hold back the user who runs tests in a container."""
    refused: set[str] = set()
    honest = SourceStream._opened

    def opened(self: SourceStream) -> Any:
        if f"{self._file.source}/{self._file.path}" in refused:
            raise PermissionError(13, "Permission denied")
        return honest(self)

    monkeypatch.setattr(SourceStream, "_opened", opened)
    return refused


def opened(project: Path) -> dict[str, Any]:
    return api.open_batch(str(project / "pipeline.yaml"))


def test_the_other_source_goes_on_and_the_failure_is_named_everywhere(
    project: Path, locked: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    locked.add("feed/b.jsonl")
    with caplog.at_level(logging.WARNING):
        reference = opened(project)
    assert "source 'feed': cannot open b.jsonl (PermissionError)" in caplog.text
    record = load_batch(reference).record
    assert [(file.source, file.path) for file in record.inputs] == [("press", "a.jsonl"), ("press", "b.jsonl")]
    assert [(entry.source, entry.path, entry.error) for entry in record.failed] == [
        ("feed", "b.jsonl", "PermissionError")
    ]
    api.run_stage(reference, "ingest")
    assert {row["source"]: (row["read"], row["kept"]) for row in api.funnel(reference)} == {
        "feed": (0, 0),
        "press": (2, 2),
    }
    files = listing.batch_files(reference)
    assert {
        "source": "feed",
        "file": "b.jsonl",
        "not_read": "unreadable (PermissionError), and so the whole source",
    } in files
    result = gating.run_gate(load_batch(reference), "ingest")
    assert result.verdict == "flag"
    assert "unreadable_sources" in {entry.subject for entry in result.expectations if entry.consequence == "flag"}


def test_once_the_file_can_be_read_it_is_another_batch_and_nothing_else_changed(
    project: Path, locked: set[str]
) -> None:
    whole = opened(project)["batch_id"]
    locked.add("feed/b.jsonl")
    without = opened(project)["batch_id"]
    (project / "input" / "feed" / "b.jsonl").unlink()
    locked.clear()
    gone = opened(project)["batch_id"]
    assert len({whole, without, gone}) == 3


def test_a_source_alone_opens_nothing(project: Path, locked: set[str]) -> None:
    locked.update({"feed/a.jsonl", "press/a.jsonl"})
    with pytest.raises(SourceUnreadable, match=r"source 'feed': cannot open a.jsonl \(PermissionError\)"):
        opened(project)
    with pytest.raises(SourceUnavailable, match="source 'feed'"):
        api.open_batch(str(project / "pipeline.yaml"), sources=["feed"])
    assert listing.batches(project / "pipeline.yaml") == []


def test_a_file_that_becomes_unreadable_later_fails_the_stage_and_can_be_tried_again(
    project: Path, locked: set[str]
) -> None:
    reference = opened(project)
    locked.add("press/b.jsonl")
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match=r"source 'press': cannot open b.jsonl \(PermissionError\)"):
            api.run_stage(reference, "ingest")
        assert api.funnel(reference) == []
    locked.clear()
    assert api.run_stage(reference, "ingest")["kept"] == 4
    assert load_batch(reference).record.failed == ()


def test_a_folder_that_cannot_be_listed_fails_its_source_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Path.resolve

    def closed(self: Path, strict: bool = False) -> Path:
        if self.name == "feed":
            raise PermissionError(13, "Permission denied")
        return honest(self, strict)

    monkeypatch.setattr(Path, "resolve", closed)
    record = load_batch(opened(project)).record
    assert [(entry.source, entry.path, entry.error) for entry in record.failed] == [("feed", "", "PermissionError")]
    assert len(record.inputs) == 2


def test_a_missing_path_is_a_mistake_and_stops_the_run(project: Path) -> None:
    (project / "pipeline.yaml").write_text(CONFIG.replace("kind: social}", "kind: social, paths: [absent/]}"))
    with pytest.raises(SourceUnavailable, match="source 'feed': nothing found at"):
        opened(project)
