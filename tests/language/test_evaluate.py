"""The figures of the evaluation, by hand, and the page that shows them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.language.evaluate import CLD2, LID176, NGRAMS, STAGE, evaluate, reliability, score
from pipeline.report.reliability_page import reliability_page
from tests.browser import check_shown, needs_browser
from tests.language.test_detect import SENTENCES

ROWS = [{"text": text, "language": code} for code, text in SENTENCES.items()]


def test_undetermined_counts_as_wrong() -> None:
    figures = score(["de", "en"], ["und", "en"])
    assert figures.accuracy.share == 0.5
    assert figures.undetermined == 1
    assert figures.macro_precision == 0.5
    assert list(figures.by_language) == ["de", "en"], "the worst first"
    assert figures.by_language["de"].recall.share == 0


def test_nothing_is_nothing() -> None:
    figures = score([], [])
    assert math.isnan(figures.accuracy.share)
    assert figures.macro_f1.share == 0


def test_the_interval_of_macro_f1_holds_the_figure_and_narrows_with_more_texts() -> None:
    labels, found = ["de", "en"] * 20, (["de"] * 3 + ["en"]) * 10
    few, many = score(labels, found).macro_f1, score(labels * 16, found * 16).macro_f1
    assert few.lower < few.share < few.upper
    assert many.share == few.share
    assert many.upper - many.lower < 0.5 * (few.upper - few.lower)


def test_a_score_that_boasts_is_seen() -> None:
    right = np.arange(1_000) % 2 == 0
    assert reliability(np.full(1_000, 0.5), right).error < 0.001
    assert reliability(np.full(1_000, 0.9), right).error == pytest.approx(0.4)


def test_rows() -> None:
    found = evaluate(ROWS)
    assert list(found.scores) == [STAGE, LID176, CLD2, NGRAMS]
    assert found.scores[STAGE].accuracy.share == 1
    assert evaluate(ROWS, min_score=1.01, alone=False).scores[STAGE].undetermined == len(ROWS)


def test_the_page_shows_every_language_and_quotes_nothing() -> None:
    rows = [*ROWS, {"text": "Ein Satz über <b>nichts</b>, der hier nicht stehen soll.", "language": "<i>x</i>"}]
    page = reliability_page(evaluate(rows), "labelled.jsonl")
    assert all(f"<td>{code}</td>" in page for code in SENTENCES)
    assert page.count("<svg") == 2
    assert "nichts" not in page
    assert "<i>x</i>" not in page
    assert "&lt;i&gt;x&lt;/i&gt;" in page
    assert "default-src 'none'" in page


@needs_browser
def test_a_browser_shows_the_page_and_its_curves(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(reliability_page(evaluate(ROWS), "<script>alert(1)</script>.jsonl"))
    seen = check_shown(tmp_path / "page.html")
    assert seen.pictures == 2
    assert "<script>alert(1)</script>.jsonl" in seen.text


def test_the_command(tmp_path: Path) -> None:
    file, page = tmp_path / "labelled.jsonl", tmp_path / "page.html"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    found = CliRunner().invoke(app, ["evaluate", "language", str(file), "--json"])
    figures = {row["figure"]: row for row in json.loads(found.stdout)["figures"]}
    assert figures["macro F1, the stage"]["value"] == 1
    assert figures["de precision"]["of"] == 1
    assert {"macro F1, lid.176 alone", "accuracy, CLD2 alone", "calibration error of language_score"} <= set(figures)
    assert CliRunner().invoke(app, ["evaluate", "language", str(file), "--page", str(page)]).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
