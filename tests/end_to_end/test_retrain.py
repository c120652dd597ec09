"""Verdicts of curators as training data: what a new model would change is what a run under it does, and nothing changes before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.cli import app
from pipeline.errors import UserError
from pipeline.recipe import STAGES
from pipeline.retrain import labelled, read_verdicts
from pipeline.run import run_stage
from tests.end_to_end.conftest import YAML, texts, write_jsonl


def run(folder: Path, overrides: dict[str, Any]) -> dict[str, str]:
    reference = api.open_batch(str(folder / "pipeline.yaml"), overrides)
    batch = load_batch(reference)
    for stage in STAGES[: STAGES.index("quality") + 1]:
        run_stage(batch, stage)
    return reference


def rows_of(reference: dict[str, str]) -> list[dict[str, Any]]:
    chain = full_chain(load_batch(reference))
    columns = ["document_id", "quality_score", "quality.verdict"]
    return [row for shard in range(chain.shards) for row in chain.documents(shard, columns).to_pylist()]


def kept(reference: dict[str, str]) -> int:
    return sum(count.kept for count in full_chain(load_batch(reference)).manifest("quality").counts)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pipeline.yaml").write_text(
        YAML.replace("      - social_feeds\n", "").replace("      - licensed_content\n", "")
    )
    worse = [
        " ".join(w for i, w in enumerate(t.split()) if i % (2 + n % 4)) + " $ 0" * 6 * (n % 5)
        for n, t in enumerate(texts(16, 24))
    ]
    listed = [
        {"id": str(i), "text": text, "url": f"https://example.org/{i}"} for i, text in enumerate([*texts(24), *worse])
    ]
    write_jsonl(folder / "input" / "web_crawl" / "a.jsonl", listed)
    return folder


def test_strict_curators_make_a_stricter_model_and_it_does_what_was_said(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    reference = run(project, {"quality.hard_rules": []})
    scored = [row for row in rows_of(reference) if row["quality_score"] is not None]
    verdicts = project / "verdicts.jsonl"
    lines = [{"document_id": row["document_id"], "verdict": "reject"} for row in scored] + [
        {"document_id": "f" * 32, "verdict": "keep"}
    ]
    verdicts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    model = project / "model.json"
    words = ["quality", "train", "--output", str(model), "--with-reviews", str(verdicts)]
    result = CliRunner().invoke(
        app, [*words, "--config", str(project / "pipeline.yaml"), "--json"], catch_exceptions=False
    )
    said = json.loads(result.stdout)
    assert said["reviews"] == {"used": len(scored), "unknown": 1}
    (change,) = said["changes"]
    assert change["kept_before"] == kept(reference)
    assert change["newly_rejected"] > 0 == change["newly_kept"]
    assert [row["value"] for row in change["by_source"]] == ["web_crawl"]
    assert kept(run(project, {"quality.hard_rules": []})) == change["kept_before"]  # nothing is adopted by itself
    adopted = run(project, {"quality.hard_rules": [], "quality.model": str(model)})
    assert kept(adopted) == change["kept_after"]


def test_a_verdict_that_nobody_can_read_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    file.write_text('{"document_id": "a", "verdict": "perhaps"}\n')
    with pytest.raises(UserError, match=r"object 1: verdict must be keep or reject, not 'perhaps'"):
        read_verdicts(file)
    file.write_text('{"document_id": "a", "verdict": "keep"}\n{"document_id": "a", "verdict": "reject"}\n')
    assert read_verdicts(file) == {"a": False}


def test_labelled_texts_need_both_sides_and_a_known_kind(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    file.write_text('{"text": "x", "label": "good"}\n')
    with pytest.raises(UserError, match="both labels"):
        labelled([file])
    file.write_text('{"text": "x", "label": "good", "kind": "radio"}\n')
    with pytest.raises(UserError, match="kind one of web, social, licensed"):
        labelled([file])
    file.write_text(
        '{"text": "x", "label": "good"}\n{"text": "y", "label": "bad", "origin": "spam", "kind": "social"}\n'
    )
    assert [(row.origin, row.kind) for row in labelled([file])] == [("news/good", "web"), ("spam/bad", "social")]
