"""The whole way of a batch, as the command and the DAG call it."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from pipeline import api, chain, listing, run
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.errors import GateBlocked, SnapshotError, UserError
from pipeline.explain import explain
from pipeline.lake import snapshots
from pipeline.recipe import STAGES
from pipeline.report.funnel import balanced
from tests.end_to_end.conftest import documents, make_project, texts, write_jsonl


def curate(project: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    reference = api.open_batch(str(project / "pipeline.yaml"), **options)
    return reference, api.run_all(reference)


def break_lines(project: Path) -> None:
    """Plant what the gate of ingest flags: more than one line in twenty that is no JSON."""
    with (project / "input" / "licensed_content" / "a.jsonl").open("a") as file:
        file.write("{broken\n" * 4)


def approve(project: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Let a held batch pass; a small batch is held where an indicator's bound cannot be reached."""
    if result["published"]:
        return result
    return listing.decide_case(project / "pipeline.yaml", result["case_id"], "approve", "a curator", "looked at it")[
        "commit"
    ]


class Curated(NamedTuple):
    """A project whose batch was published, or waits for it: what the runs returned, and how the lake looked then."""

    project: Path
    reference: dict[str, Any]
    result: dict[str, Any]
    released: dict[str, Any]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Curated:
    """One batch that was curated and published; what must not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        folder = make_project(tmp_path_factory.mktemp("once") / "project")
        reference, result = curate(folder)
        released = approve(folder, result)
    shutil.copytree(folder, folder.with_suffix(".saved"))
    return Curated(folder, reference, result, released)


@pytest.fixture
def published(once: Curated, monkeypatch: pytest.MonkeyPatch) -> Curated:
    """The published batch, put back as it was, in the same place."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    shutil.rmtree(once.project)
    shutil.copytree(once.project.with_suffix(".saved"), once.project)
    return once


def test_a_batch_becomes_a_release_and_every_row_is_accounted_for(published: Curated) -> None:
    reference, released = published.reference, published.released
    assert released["release"] == 1
    rows = api.funnel(reference)
    assert [row["stage"] for row in rows] == list(STAGES)
    assert balanced(rows)
    assert rows[0]["read"] == 24
    for before, after in pairwise(rows):
        assert after["read"] == before["kept"]
    assert released["documents"] == rows[-1]["kept"] > 0
    indicators = api.indicators(reference)
    assert indicators["provenance_completeness"] == 1
    assert indicators["bias_coverage"] == 1
    assert indicators["duplicate_share"] == 0


def test_an_unchanged_batch_does_no_work_and_publishes_nothing(published: Curated) -> None:
    project = published.project
    again = api.open_batch(str(project / "pipeline.yaml"))
    assert again == published.reference
    assert all(api.run_stage(again, stage)["reused"] for stage in STAGES)
    assert api.commit(again, published.result.get("case_id"))["published"] is False
    assert len(listing.releases(project / "pipeline.yaml")) == 1


def test_repeats_of_a_published_document_name_their_published_survivor(published: Curated) -> None:
    project = published.project
    released = {row["document_id"] for part in _corpus(project) for row in part.to_pylist()}
    write_jsonl(
        project / "input" / "licensed_content" / "a.jsonl", documents(8, prefix="again") + documents(12, start=24)
    )
    reference = api.open_batch(str(project / "pipeline.yaml"))
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    api.run_stage(reference, "dedup")
    rejected = listing.quarantined(reference, "dedup", None, 100)
    assert len(rejected) == 8
    for row in rejected:
        story = explain(load_batch(reference).settings, row["document_id"])["batches"][0]["stages"][-1]
        assert story["values"]["survivor"] in released
        assert story["values"]["survivor_release"] == 1
        assert story["values"]["similarity"] >= 0.8


def test_a_changed_threshold_runs_quality_and_what_follows(published: Curated) -> None:
    reference = api.open_batch(str(published.project / "pipeline.yaml"), overrides={"cleaning.quality_threshold": 0.1})
    reused = {}
    for stage in STAGES:
        reused[stage] = api.run_stage(reference, stage)["reused"]
        api.run_gate(reference, stage)
    assert reused == {stage: stage in ("ingest", "dedup", "language", "pii") for stage in STAGES}


def test_a_lost_row_blocks(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = api.open_batch(str(project / "pipeline.yaml"))
    for stage in ("ingest", "dedup", "language"):
        api.run_stage(reference, stage)
        api.run_gate(reference, stage)
    honest = snapshots.write_shard

    def careless(store: Any, folder: str, shard: int, role: str, table: Any, attempt: str) -> Any:
        return honest(store, folder, shard, role, table.slice(1), attempt)

    monkeypatch.setattr(run, "write_shard", careless)
    api.run_stage(reference, "pii")
    monkeypatch.undo()
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    with pytest.raises(GateBlocked, match=r"accounting_difference|misaligned_shards"):
        api.run_gate(reference, "pii")
    with pytest.raises(GateBlocked, match="quality does not start"):
        api.run_stage(reference, "quality")


def test_a_stage_does_not_start_before_its_predecessors_gate_has_judged(project: Path) -> None:
    reference = api.open_batch(str(project / "pipeline.yaml"))
    with pytest.raises(SnapshotError, match="run `sluice stage ingest` first"):
        api.run_stage(reference, "language")
    api.run_stage(reference, "ingest")
    with pytest.raises(SnapshotError, match="run `sluice gate ingest` first"):
        api.run_stage(reference, "dedup")


def test_a_flagged_batch_waits_and_a_curator_decides(project: Path) -> None:
    break_lines(project)
    reference, result = curate(project)
    assert result["published"] is False
    assert "ingest" in {flag["stage"] for flag in result["flagged"]}
    assert listing.releases(project / "pipeline.yaml") == []
    with pytest.raises(UserError, match="curator"):
        api.commit(reference)
    with pytest.raises(UserError, match="not approved"):
        api.commit(reference, result["case_id"])
    decided = listing.decide_case(project / "pipeline.yaml", result["case_id"], "approve", "Ada", "junk as expected")
    assert decided["commit"]["release"] == 1
    release = listing.release(project / "pipeline.yaml", 1)
    assert (release["approved"]["who"], release["approved"]["why"]) == ("Ada", "junk as expected")


def test_a_rejected_batch_is_not_published_and_keeps_everything(project: Path) -> None:
    break_lines(project)
    reference, result = curate(project)
    assert result["published"] is False
    listing.decide_case(project / "pipeline.yaml", result["case_id"], "reject", "Ada", "not yet")
    with pytest.raises(UserError, match="rejected"):
        api.commit(reference, result["case_id"])
    assert listing.releases(project / "pipeline.yaml") == []
    assert full_chain(load_batch(reference)).stages == STAGES
    [case] = listing.reviews(project / "pipeline.yaml")
    assert (case["state"], case["who"], case["why"]) == ("rejected", "Ada", "not yet")
    assert (
        listing.reopen_case(project / "pipeline.yaml", result["case_id"], "Ada", "the feed was mended")["state"]
        == "reopened"
    )
    decided = listing.decide_case(project / "pipeline.yaml", result["case_id"], "approve", "Ada", "fine now")
    assert decided["commit"]["release"] == 1


def test_personal_data_never_reaches_the_release_or_what_lies_beside_it(project: Path) -> None:
    mail, card = "jane.roe.4711@example.org", "4111 1111 1111 1111"
    rows = documents(20)
    rows[3]["text"] = f"Write to {mail} or pay with {card}.\n\n{rows[3]['text']}"
    write_jsonl(project / "input" / "licensed_content" / "a.jsonl", rows)
    _, result = curate(project)
    approve(project, result)
    lake = project / "lake"
    for file in sorted(path for path in lake.rglob("*") if path.is_file()):
        if file.relative_to(lake).parts[0] == "raw":
            continue
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content = json.dumps(pq.read_table(file).to_pylist(), default=str).encode()
        assert mail.encode() not in content, file
        assert card.encode() not in content, file


def test_a_stage_that_is_switched_off_passes_documents_through_and_marks_the_release(project: Path) -> None:
    reference, result = curate(project, overrides={"cleaning.remove_pii": False, "ingestion.deduplication": False})
    approve(project, result)
    release = listing.release(project / "pipeline.yaml", 1)
    assert release["marks"] == ["dedup: switched off, not measured", "pii: switched off, not measured"]
    assert release["kpis"]["duplicate_upper"] is None
    assert release["documents"] == api.funnel(reference)[-1]["kept"] > 0


def test_an_upgrade_of_the_code_hides_nothing_and_is_said(published: Curated, monkeypatch: pytest.MonkeyPatch) -> None:
    project, reference = published.project, published.reference
    before = api.funnel(reference)
    monkeypatch.setattr(chain, "code_digest", lambda places: "f" * 64 if "stages/pii.py" in places else "e" * 64)
    assert api.funnel(reference) == before
    assert listing.batches(project / "pipeline.yaml")[0]["last_stage"] == "publish"
    with pytest.raises(SnapshotError, match="the code of stage ingest changed since it ran"):
        api.run_stage(reference, "quality")


def test_a_released_text_is_the_text_that_came_in(published: Curated) -> None:
    found = {row["text"] for part in _corpus(published.project) for row in part.to_pylist()}
    assert found <= {text.strip() for text in texts(24)} | set(texts(24))


def _corpus(project: Path) -> Any:
    from pipeline import config
    from pipeline.batch import corpus

    return corpus(config.load(project / "pipeline.yaml")).documents(columns=["document_id", "text"])
