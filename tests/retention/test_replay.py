"""What needs expired text says so; from the source's files it is made again, and a rejected batch can still be published."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, config, listing
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.errors import SnapshotError
from pipeline.recipe import STAGES
from pipeline.retention.collect import collect
from tests.end_to_end.conftest import YAML, documents, write_jsonl

pytestmark = pytest.mark.slow
LATER = dt.timedelta(days=200)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch that a curator has to look at, run up to there."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    (tmp_path / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    source = write_jsonl(tmp_path / "input" / "licensed_content" / "a.jsonl", documents(8))
    with source.open("a") as file:
        file.write("{broken\n")
    return tmp_path


def decide(project: Path, decision: str) -> tuple[dict[str, Any], dict[str, Any]]:
    reference = api.open_batch(str(project / "pipeline.yaml"))
    case = api.run_all(reference)["case_id"]
    return reference, listing.decide_case(project / "pipeline.yaml", case, decision, "a curator", "looked at it")


def gc(project: Path, **policy: Any) -> dict[str, int]:
    settings = config.override(
        config.load(project / "pipeline.yaml"), {f"retention.{key}": value for key, value in policy.items()}
    )
    report = collect(settings, dt.datetime.now(dt.UTC) + LATER)
    assert report.skipped == []
    return {row["kind"]: row["files"] for row in report.rows() if row["files"]}


def test_a_batch_whose_text_expired_is_replayed_from_its_sources_files(project: Path) -> None:
    reference, decided = decide(project, "approve")
    before = full_chain(load_batch(reference))
    assert gc(project) == {"raw text": 1, "text": 1}

    # The same call again needs no text: nothing is done, nothing is said.
    assert all(api.run_stage(reference, stage)["reused"] for stage in STAGES)
    stricter = api.open_batch(str(project / "pipeline.yaml"), overrides={"cleaning.quality_threshold": 0.3})
    for stage in ("ingest", "dedup", "language", "pii"):
        assert api.run_stage(stricter, stage)["reused"]
        api.run_gate(stricter, stage)
    with pytest.raises(SnapshotError, match=r"the redacted text of batch .* expired on .*--replay"):
        api.run_stage(stricter, "quality")

    reused = {stage: api.run_stage(reference, stage, replay=True)["reused"] for stage in STAGES}
    assert [stage for stage, was in reused.items() if not was] == ["ingest", "pii"]
    after = full_chain(load_batch(reference))
    assert [m.content_digest() for m in after.manifests] == [m.content_digest() for m in before.manifests]
    assert after.texts(0).null_count < len(after.texts(0))
    assert api.commit(reference, decided["case_id"])["published"] is False
    assert api.run_stage(stricter, "quality")["kept"] > 0


def test_a_rejected_batch_whose_candidate_went_is_published_after_all(project: Path) -> None:
    reference, decided = decide(project, "reject")
    assert gc(project, raw_text_days=None, text_days=None) == {"candidate": 2}
    listing.reopen_case(project / "pipeline.yaml", decided["case_id"], "a curator", "the feed was mended")
    again = listing.decide_case(project / "pipeline.yaml", decided["case_id"], "approve", "a curator", "fine now")
    assert again["commit"]["release"] == 1
    published = load_batch(reference).corpus
    assert published.recompute(texts=True) == published.newest().digest
    assert again["commit"]["documents"] > 0
