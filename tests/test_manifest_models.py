"""What a snapshot says of the models that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import config
from pipeline.batch import open_batch
from pipeline.models import MODELS
from pipeline.run import run_stage
from tests.end_to_end.conftest import documents, write_jsonl

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_manifest_names_the_models_that_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    write_jsonl(tmp_path / "input" / "papers" / "a.jsonl", documents(2))
    text = "data_pipeline: {ingestion: {sources: [{name: papers, kind: licensed}], deduplication: false}}"
    batch = open_batch(config.parse(text, tmp_path))
    found = {name: run_stage(batch, name).manifest.models for name in ("ingest", "dedup", "language")}
    assert found["ingest"] == found["dedup"] == {}
    assert found["language"]["lid.176"] == MODELS["lid.176"].sha256
