"""The command: what it prints, its JSON, its exit codes; a user's mistake is a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import listing
from pipeline.cli import app, main
from pipeline.commands.options import reference_of
from pipeline.errors import UserError
from tests.end_to_end.conftest import YAML, documents, write_jsonl

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose batch was run once; the tests below only read it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    write_jsonl(folder / "input" / "licensed_content" / "a.jsonl", [*documents(16), *documents(2, prefix="again")])
    result = call("run", folder / "pipeline.yaml")
    assert result.returncode == 0, result.stderr
    return folder


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLUICE_SPARK_MASTER": "inline", "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "pipeline.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)


def data(*arguments: object) -> object:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"], env={"SLUICE_SPARK_MASTER": "inline"})
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_run_ends_with_funnel_indicators_release_and_report(curated: Path) -> None:
    again = call("run", curated / "pipeline.yaml")
    assert again.returncode == 0
    assert "read = kept + rejected + failed holds in every row" in again.stdout
    assert "data quality score, lower bound" in again.stdout
    assert "release 1" in again.stdout
    assert "nothing new" in again.stdout
    assert "data_docs" in again.stdout
    assert "reused" in again.stderr


def test_listings_are_data_with_json(curated: Path) -> None:
    config = curated / "pipeline.yaml"
    [batch] = data("batch", "list", "-c", config)
    assert batch["last_stage"] == "publish"
    funnel = data("batch", "funnel", "-c", config)
    assert all(row["lost"] == 0 for row in funnel)
    rejected = data("quarantine", "list", "-c", config, "--stage", "dedup")
    assert {row["reason"] for row in rejected} == {"dedup.exact_duplicate@1"}
    assert [release["release"] for release in data("release", "list", "-c", config)] == [1]
    assert data("release", "show", "-c", config)["kpis"]["provenance_completeness"] == 1
    assert data("gate", "dedup", "-c", config)["verdict"] == "pass"


def test_explain_tells_why_a_document_is_gone(curated: Path) -> None:
    config = curated / "pipeline.yaml"
    [row, *_] = data("quarantine", "list", "-c", config, "--stage", "dedup")
    story = data("explain", row["document_id"], "-c", config)
    last = story["batches"][0]["stages"][-1]
    assert last["stage"] == "dedup"
    assert last["values"]["similarity"] == 1.0
    assert last["findings"][0]["evidence"] == last["values"]["survivor"]
    survivor = data("explain", last["values"]["survivor"], "-c", config)
    assert survivor["batches"][0]["outcome"] == "kept by every stage"


def test_explain_writes_a_page_that_runs_nothing(curated: Path, tmp_path: Path) -> None:
    config = curated / "pipeline.yaml"
    [row, *_] = data("quarantine", "list", "-c", config, "--stage", "dedup")
    survivor = row["findings"][0]["evidence"]
    for document, said in ((row["document_id"], survivor), (survivor, "in log-odds, the sum of these terms")):
        page = tmp_path / f"{document}.html"
        assert call("explain", document, "-c", config, "--html", page).returncode == 0
        text = page.read_text()
        assert said in text
        assert "default-src 'none'" in text
        assert "<script" not in text
        assert page.stat().st_mode & 0o777 == 0o600
    inside = call("explain", survivor, "-c", config, "--html", curated / "lake" / "story.html")
    assert inside.returncode == 2
    assert "is inside the lake" in inside.stderr


def test_explain_without_an_index_of_places_tells_the_same(curated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = curated / "pipeline.yaml"
    [row, *_] = data("quarantine", "list", "-c", config, "--stage", "dedup")
    story = data("explain", row["document_id"], "-c", config)
    monkeypatch.setattr("pipeline.explain.PLACES", "no such folder")  # as in a lake that is older than the index
    monkeypatch.setattr("pipeline.lake.places.FOLDER", "no such folder")
    assert data("explain", row["document_id"], "-c", config) == story


def test_a_quarantined_text_can_be_read_back(curated: Path) -> None:
    config = curated / "pipeline.yaml"
    [row, *_] = data("quarantine", "list", "-c", config, "--stage", "dedup")
    shown = call("quarantine", "show", row["document_id"], "-c", config)
    assert shown.stdout.strip() in {str(document["text"]).strip() for document in documents(2)}


def test_quarantined_bytes_cannot_drive_a_terminal(curated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"caf\xc3\xa9 \x1b]0;owned\x07\x1b[2J \xe2\x80\xae \xff\x00\r\n"
    monkeypatch.setattr("pipeline.lake.quarantine.content", lambda *_: (None, content))

    def show(*options: str) -> bytes:
        result = CliRunner().invoke(app, ["quarantine", "show", "any", "-c", str(curated / "pipeline.yaml"), *options])
        return result.stdout_bytes

    assert show().decode() == "café \\x1b]0;owned\\x07\\x1b[2J \\xe2\\x80\\xae \\xff\\x00\\x0d\n"
    assert show("--hex").startswith(b"00000000  63 61 66 c3 a9 20 1b 5d 30 3b 6f 77 6e 65 64 07  caf.. .]0;owned.\n")
    assert show("--raw") == content
    monkeypatch.setattr("pipeline.lake.quarantine.content", lambda *_: (None, None))
    with pytest.raises(UserError, match="nothing is kept of 'any'"):
        listing.quarantined_content(reference_of(curated / "pipeline.yaml", None), "any")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "missing.yaml"], 2, "cannot read the configuration missing.yaml"),
        (["run", "CONFIG", "--set", "cleaning.quality_treshold=0.5"], 2, "did you mean 'quality_threshold'?"),
        (["run", "CONFIG", "--set", "cleaning.quality_threshold"], 2, "wants KEY=VALUE"),
        (["run", "CONFIG", "--set", "cleaning.quality_threshold=["], 2, "the value is not YAML"),
        (["run", "CONFIG", "--input", "web=here"], 2, "no source 'web'; it has licensed_content"),
        (["run", "CONFIG", "--input", "licensed_content=/nowhere"], 75, "licensed_content"),
        (["stage", "dedupe", "-c", "CONFIG"], 2, "there is no stage 'dedupe'"),
        (["explain", "0" * 32, "-c", "CONFIG"], 2, "no batch of the lake"),
        (["release", "show", "7", "-c", "CONFIG"], 2, "7"),
        (["evaluate", "publish", "x.jsonl"], 2, "cannot be evaluated"),
        (["evaluate", "language", "x.jsonl"], 2, "cannot read x.jsonl"),
        (["review", "decide", "case-1", "maybe", "-c", "CONFIG", "--who", "Ada", "--why", "x"], 2, "case-1"),
    ],
)
def test_a_mistake_is_a_sentence(
    curated: Path,
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [str(curated / "pipeline.yaml") if word == "CONFIG" else word for word in arguments]
    monkeypatch.setattr(sys, "argv", ["sluice", *words])
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    with pytest.raises(SystemExit) as ended:  # anything else would be a traceback
        main()
    shown = capsys.readouterr()
    assert ended.value.code == code, shown.err
    assert said in " ".join(shown.err.split())
    assert "Traceback" not in shown.err


def test_a_mistake_ends_the_process_without_a_traceback() -> None:
    result = call("run", "missing.yaml")
    assert result.returncode == 2
    assert "cannot read the configuration missing.yaml" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_help_teaches() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for command in (
        "run",
        "stage",
        "gate",
        "explain",
        "evaluate",
        "doctor",
        "release",
        "batch",
        "quarantine",
        "review",
    ):
        assert command in shown


def test_evaluate_prints_figures_with_intervals(tmp_path: Path) -> None:
    file = write_jsonl(
        tmp_path / "pairs.jsonl",
        [
            {"id": "a", "text": "one two three four five six seven eight nine ten"},
            {"id": "b", "text": "one two three four five six seven eight nine ten"},
            {"id": "c", "text": "quite another text about locks and gates and boats on rivers"},
            {"a": "a", "b": "b", "jaccard": 1.0},
        ],
    )
    figures = data("evaluate", "dedup", file)
    recall = figures["figures"][0]
    assert (recall["value"], recall["upper"], recall["of"]) == (1.0, 1.0, 1)
    assert 0 < recall["lower"] < 0.1
