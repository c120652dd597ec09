"""The language gate on real batches: each planted fault blocks or holds, and the same batch without it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, gating
from pipeline.batch import load_batch
from tests.end_to_end.conftest import publish_figures

CONFIG = """data_pipeline:
  ingestion:
    deduplication: false
    sources:
      - {name: feed, kind: licensed, license: CC0-1.0}
      - {name: steady, kind: licensed, license: CC0-1.0}
  history: {warm_up_batches: 1}
  language: {wanted: [WANTED], mixed: {policy: flag, min_share: 0.7}}
"""
LINES = {
    "en": "Note {n} of night {night}: the committee will publish what it found before the end of the year.",
    "fr": "Note {n} de la nuit {night} : le comité publiera ses conclusions avant la fin de l'année prochaine.",
    "digits": "{n} {night} 4711 0815 --- 12345 67890 +++ 3.14159",
}
LINES["mixed"] = "\n".join([LINES["en"]] * 5 + [LINES["fr"]] * 4)


def fill(project: Path, night: int, wanted: str = "en, fr", **languages: str) -> dict[str, Any]:
    """Write a night, 25 documents a source, English unless another language is named, and open its batch."""
    for source in ("feed", "steady"):
        lines = [
            json.dumps({"id": f"{night}-{n}", "text": LINES[languages.get(source, "en")].format(n=n, night=night)})
            for n in range(25)
        ]
        (project / "input" / source).mkdir(parents=True, exist_ok=True)
        (project / "input" / source / "a.jsonl").write_text("\n".join(lines) + "\n")
    (project / "pipeline.yaml").write_text(CONFIG.replace("WANTED", wanted))
    return api.open_batch(str(project / "pipeline.yaml"))


def judge(reference: dict[str, Any]) -> Any:
    for stage in ("ingest", "dedup", "language"):
        api.run_stage(reference, stage)
        result = gating.run_gate(load_batch(reference), stage)
    return result


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one English night whose figures a release kept."""
    project = tmp_path_factory.mktemp("languages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        reference = fill(project, 1)
        assert judge(reference).verdict == "pass"
        publish_figures(reference)
    return project


@pytest.mark.parametrize(
    ("night", "verdict", "failed"),
    [
        ({}, "pass", set()),
        ({"wanted": "de"}, "block", {"sources_wiped_out", "sources_lost", "nothing_kept"}),
        (
            {"wanted": "en", "steady": "fr"},
            "block",
            {"sources_wiped_out", "sources_lost", "share_change_max"},
        ),
        (
            {"feed": "digits"},
            "block",
            {"sources_wiped_out", "sources_lost", "und_share_max", "share_change_max"},
        ),
        ({"feed": "fr"}, "flag", {"share_change_max"}),
        ({"feed": "mixed"}, "flag", {"mixed_flagged"}),
    ],
    ids=["clean", "no document is wanted", "a source is lost", "no language", "another language", "mixed"],
)
def test_planted_faults(
    released: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    night: dict[str, str],
    verdict: str,
    failed: set[str],
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    project = tmp_path / "project"
    shutil.copytree(released, project)
    result = judge(fill(project, 2, **night))
    found = {entry.subject for entry in result.expectations if entry.outcome == "failed" and entry.severity != "info"}
    assert found == failed
    assert result.verdict == verdict
