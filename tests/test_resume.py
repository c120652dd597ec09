"""A stage that cannot build on an earlier result says what changed since, and what to do; a removed snapshot is made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, chain, run
from pipeline.batch import Batch, load_batch
from pipeline.errors import SnapshotError
from tests.end_to_end.conftest import YAML, documents, write_jsonl

NEXT = "in Airflow clear ingest.run and everything after it, on the command line `sluice run`"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Batch]:
    """A function that opens the one batch of a small project, with overrides."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    (tmp_path / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    write_jsonl(tmp_path / "input" / "licensed_content" / "a.jsonl", documents(4))
    return lambda **overrides: load_batch(api.open_batch(str(tmp_path / "pipeline.yaml"), overrides))


def refused(batch: Batch, stage: str = "dedup") -> str:
    with pytest.raises(SnapshotError) as caught:
        run.run_stage(batch, stage)
    return str(caught.value)


def test_a_stage_that_never_ran_is_named(opened: Callable[..., Batch]) -> None:
    assert "stage ingest has not run yet; run `sluice stage ingest` first" in refused(opened())


def test_changed_code_is_said(opened: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    batch = opened()
    run.run_stage(batch, "ingest")
    honest = chain.code_digest
    with monkeypatch.context() as upgrade:
        upgrade.setattr(chain, "code_digest", lambda p: "0" * 64 if "stages/ingest.py" in p else honest(p))
        said = refused(batch)
        assert f"batch {batch.batch_id}: the code of stage ingest changed since it ran" in said
        assert NEXT in said
        assert not run.run_stage(batch, "ingest").reused
        run.run_stage(batch, "dedup")
    assert run.run_stage(batch, "ingest").reused, "the old code finds its old result"


def test_a_changed_library_is_said_with_its_versions(
    opened: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = opened()
    run.run_stage(batch, "ingest")
    honest = chain.library_versions

    def upgraded(names: tuple[str, ...]) -> dict[str, str]:
        return honest(names) | ({"ftfy": "99.0"} if "ftfy" in names else {})

    old = honest(("ftfy",))["ftfy"]
    monkeypatch.setattr(chain, "library_versions", upgraded)
    said = refused(batch)
    assert f": library ftfy ({old}, now 99.0) changed since it ran" in said
    assert "the code" not in said


def test_a_changed_configuration_is_said(opened: Callable[..., Batch]) -> None:
    run.run_stage(opened(), "ingest")
    said = refused(opened(**{"ingestion.shard_documents": 2}))
    assert ": the configuration of stage ingest changed since it ran" in said
    assert "the code" not in said


def test_several_changes_are_all_said(opened: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    run.run_stage(opened(), "ingest")
    monkeypatch.setattr(chain, "code_digest", lambda _: "0" * 64)
    said = refused(opened(**{"ingestion.shard_documents": 2}))
    assert "the code of stage ingest and the configuration of stage ingest changed" in said


@pytest.mark.parametrize("stage", ["ingest", "dedup"])
def test_a_snapshot_that_was_removed_is_made_again(opened: Callable[..., Batch], stage: str) -> None:
    batch = opened()
    first: dict[str, Any] = {name: run.run_stage(batch, name).manifest for name in ("ingest", "dedup", "language")}
    shutil.rmtree(batch.lake.local_path(f"batches/{batch.batch_id}/{stage}"))
    assert chain.full_chain(batch).stages == ("ingest", "dedup", "language")[: list(first).index(stage)]
    for name, before in first.items():
        again = run.run_stage(batch, name)
        assert again.reused == (name != stage)
        assert again.manifest.fingerprint == before.fingerprint
    assert chain.full_chain(batch).stages == ("ingest", "dedup", "language")
