"""A batch keeps the key's epoch that it was opened with, other keys give other results, and no key is written anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from tests.end_to_end.conftest import YAML, documents, write_jsonl

KEYS = {1: "one-key-of-thirty-two-characters!", 2: "another-key-of-thirty-two-chars!!"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    for epoch, key in KEYS.items():
        monkeypatch.setenv(f"SLUICE_PII_KEY_{epoch}", key)
    (tmp_path / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    rows = [
        {**row, "text": f"{row['text']}\n\nQuestions go to ann{i}@example.org."} for i, row in enumerate(documents(3))
    ]
    write_jsonl(tmp_path / "input" / "licensed_content" / "a.jsonl", rows)
    return tmp_path


def tokens(project: Path, epoch: int) -> tuple[int, list[str], bool]:
    overrides = {"pii.replacement": "pseudonym", "pii.key_epoch": epoch}
    reference = api.open_batch(str(project / "pipeline.yaml"), overrides=overrides)
    for stage in ("ingest", "dedup", "language", "pii"):
        result = api.run_stage(reference, stage)
        assert api.run_gate(reference, stage)["verdict"] != "block"
    batch = load_batch(reference)
    spans = full_chain(batch).upto("quality").read("pii", 0, ["pii_spans"]).column(0).to_pylist()
    return batch.settings.pii.key_epoch, [span["token"] for row in spans for span in row or ()], result["reused"]


@pytest.mark.slow
def test_epoch_and_key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tokens(project, 1)
    assert first[0] == 1
    assert first[1]
    # Opened again with another epoch in the configuration: the batch's own counts, and so do its results.
    assert tokens(project, 2) == (1, first[1], True)
    monkeypatch.setenv("SLUICE_PII_KEY_1", KEYS[2])
    other = tokens(project, 1)
    assert not other[2]
    assert set(first[1]).isdisjoint(other[1])
    written = [file.read_bytes() for file in project.rglob("*") if file.is_file()]
    assert not any(key.encode() in data for key in KEYS.values() for data in written)
