"""Ingest's gate compares a source with its history: real batches, a planted change flags, and the same batch without it does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, gating, listing
from pipeline.batch import load_batch
from tests.end_to_end.conftest import publish_figures

CONFIG = """data_pipeline:
  ingestion:
    max_failed_share: 1
    deduplication: false
    language_detection: false
    sources:
      - {name: feed, kind: licensed, license: CC0-1.0}
      - {name: steady, kind: licensed, license: CC0-1.0}
LATE  cleaning: {remove_pii: false, filter_low_quality: false}
  publish: {min_quality: 0, max_duplicate_rate: 1}
  history: {warm_up_batches: 2}
"""
LATE = "      - {name: late, kind: licensed, license: CC0-1.0}\n"
"""A source that came in the second night: after the warm-up it has less history than a warm-up's worth."""
RULES = {"volume_change_max", "failed_rise_max", "no_text_rise_max"}


def fill(project: Path, night: int, *, source: str = "feed", texts: int = 30, broken: int = 1, empty: int = 2) -> None:
    """Write a source's night: so many texts, so many lines that are no JSON, so many records without text."""
    lines = [
        json.dumps({"id": f"{night}-{n}", "text": f"Night {night}, note {n}: " + f"word{night}x{n} " * 30})
        for n in range(texts)
    ]
    lines += [f"broken {night} {n}" for n in range(broken)]
    lines += [json.dumps({"id": f"{night}-empty-{n}"}) for n in range(empty)]
    folder = project / "input" / source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two nights that were ingested, and whose figures were kept by a release as a commit keeps them."""
    return two_nights(tmp_path_factory.mktemp("history"), release_figures)


def two_nights(project: Path, release: Callable[[Path, dict[str, Any]], None]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        for night, late in ((1, ""), (2, LATE)):
            (project / "pipeline.yaml").write_text(CONFIG.replace("LATE", late))
            for source in ("feed", "steady", "late"):
                fill(project, night, source=source)
            release(project, api.open_batch(str(project / "pipeline.yaml")))
    return project


def release_figures(_: Path, reference: dict[str, Any]) -> None:
    api.run_stage(reference, "ingest")
    publish_figures(reference)


def release_whole(project: Path, reference: dict[str, Any]) -> None:
    result = api.run_all(reference)
    if result["release"] is None:
        listing.decide_case(project / "pipeline.yaml", result["case_id"], "approve", "cora", "a test")


def judged(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **night: int) -> dict[str, Any]:
    """Ingest a third night on a copy of the project and return what its gate says of the history, by metric."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    project = tmp_path / "project"
    shutil.copytree(base, project)
    fill(project, 3, **night)
    fill(project, 3, source="steady")
    fill(project, 3, source="late", texts=3, broken=3, empty=3)
    reference = api.open_batch(str(project / "pipeline.yaml"))
    api.run_stage(reference, "ingest")
    result = gating.run_gate(load_batch(reference), "ingest")
    assert result.verdict in {"pass", "flag"}
    return {entry.subject: entry for entry in result.expectations if entry.subject in RULES}


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("night", "flagged"),
    [
        pytest.param({}, set(), id="like the others"),
        pytest.param({"texts": 26, "empty": 1}, set(), id="a little less", marks=SLOW),
        pytest.param({"texts": 15, "broken": 0, "empty": 1}, {"volume_change_max"}, id="fell"),
        pytest.param({"texts": 60, "broken": 2, "empty": 4}, {"volume_change_max"}, id="rose", marks=SLOW),
        pytest.param({"texts": 28, "broken": 3}, {"failed_rise_max"}, id="more broken"),
        pytest.param({"texts": 25, "empty": 7}, {"no_text_rise_max"}, id="more without text"),
        pytest.param(
            {"texts": 10, "broken": 10, "empty": 13}, {"failed_rise_max", "no_text_rise_max"}, id="both", marks=SLOW
        ),
    ],
)
def test_a_planted_change_flags_and_nothing_else_does(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, night: dict[str, int], flagged: set[str]
) -> None:
    outcomes = judged(base, tmp_path, monkeypatch, **night)
    assert set(outcomes) == RULES
    assert {name for name, entry in outcomes.items() if entry.consequence == "flag"} == flagged
    assert {name for name, entry in outcomes.items() if entry.outcome == "passed"} == RULES - flagged


@pytest.mark.slow
@pytest.mark.parametrize(
    ("night", "flagged"), [({}, set()), ({"texts": 15, "broken": 3}, {"volume_change_max", "failed_rise_max"})]
)
def test_nights_that_went_all_the_way_are_the_same_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, night: dict[str, int], flagged: set[str]
) -> None:
    (tmp_path / "base").mkdir()
    outcomes = judged(two_nights(tmp_path / "base", release_whole), tmp_path, monkeypatch, **night)
    assert {name for name, entry in outcomes.items() if entry.consequence == "flag"} == flagged
