"""Data Docs: pages that open without a network and hold no value of a row."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from gate_cases import CANARY, FAULTS, N, clean_metrics, clean_rows, document_id, parameters, plant, table

from pipeline.errors import UserError
from pipeline.gates import engine
from pipeline.gates.docs import build_data_docs
from pipeline.gates.gate import judge
from pipeline.gates.result import GateResult
from pipeline.gates.suites import load_suite
from pipeline.gates.vocabulary import ALWAYS
from tests.browser import check_shown, needs_browser


@pytest.fixture(scope="module")
def results() -> list[GateResult]:
    """Return a gate of each kind: passed, flagged, blocked, with a stage that is off and history that warms up."""
    found = []
    for stage in ("ingest", "dedup", "language", "pii", "provenance"):
        rows, metrics = clean_rows(stage), clean_metrics(stage)
        if stage == "dedup":
            plant(FAULTS[stage], rows, metrics)
        if stage == "language":
            metrics |= {"failed_share": 0.2, "und_share": None, "share_change_max": 0.9}
        if stage == "pii":
            rows = {name: rows[name] for name in ALWAYS}
        arrow = table(stage, rows)
        if stage == "provenance":
            for name in ("source", "lineage_digest"):
                arrow = arrow.set_column(arrow.column_names.index(name), name, pa.array([CANARY] * N))
            arrow = arrow.append_column("text", pa.array([CANARY] * N))
        values = parameters(stage, warming_up=stage == "language")
        found.append(judge(stage, arrow, metrics, load_suite(stage), values))
    return found


@pytest.fixture(scope="module")
def site(results: list[GateResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_data_docs(results, tmp_path_factory.mktemp("docs") / "new" / "folder").parent


class Page(HTMLParser):
    """Collects the text, the tags and every address of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "data", "style"}]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_every_gate_has_a_page_that_the_index_names(site: Path) -> None:
    index = Page(site / "index.html")
    pages = {file.stem for file in site.glob("*.html")} - {"index"}
    assert pages == {"ingest", "dedup", "language", "pii", "provenance"}
    assert {f"{page}.html" for page in pages} == set(index.addresses)
    assert "Gates block" in index.text, "the gravest verdict of the batch"


def test_pages_need_no_network_and_no_script(site: Path) -> None:
    for file in site.glob("*.html"):
        page = Page(file)
        assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
        assert not re.search(r"https?:|//[a-z]|@import|url\(", file.read_text(encoding="utf-8"))
        local = [a for a in page.addresses if not a.startswith("width:")]
        assert all((site / address).is_file() for address in local)
        assert "default-src 'none'" in file.read_text(encoding="utf-8")


def test_no_value_of_a_row_gets_into_any_file(site: Path) -> None:
    for file in site.iterdir():
        content = file.read_bytes()
        assert b"canary-7f3a" not in content
        assert b"Jane" not in content


def test_a_page_says_what_failed_and_where_to_look(site: Path) -> None:
    text = Page(site / "dedup.html").text
    assert "Gate dedup block" in text
    assert "an exact comparison stands behind every removal" in text
    assert "pairs_below_threshold values must be greater than or equal to 0.0 and less than or equal to 0.0" in text
    assert "sluice explain <document_id>" in text, "escaped, so that the page shows it"
    assert document_id(39) in text
    assert "1 of 40 unexpected" in text


def test_what_decided_nothing_has_a_heading_of_its_own(site: Path) -> None:
    language, pii = Page(site / "language.html").text, Page(site / "pii.html").text
    assert [title for title in ("Flags (1)", "Warming up (1)", "Not applicable (1)", "Blocks") if title in language] == [
        "Flags (1)", "Warming up (1)", "Not applicable (1)",
    ]  # fmt: skip
    assert "would fail" in language
    assert "Not applicable (5)" in pii
    assert "Gate pii pass" in pii


def test_validation_results_are_great_expectations_own(site: Path) -> None:
    engine.import_gx()
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema

    for file in site.glob("*.json"):
        loaded = expectationSuiteValidationResultSchema.load(json.loads(file.read_text(encoding="utf-8")))
        assert loaded["suite_name"] == file.stem
        assert loaded["success"] == (file.stem in {"ingest", "pii"})
        assert loaded["statistics"]["evaluated_expectations"] == len(loaded["results"])


def test_hostile_words_of_a_suite_stay_text(results: list[GateResult], tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>"
    first = results[1]
    entries = tuple(
        entry.model_copy(
            update={
                "says": attack,
                "look": attack,
                "error": attack if place == 0 else None,
                "observed": attack if entry.on == "metrics" else entry.observed,
                "limit": entry.limit | ({"regex": attack} if "regex" in entry.limit else {}),
            }
        )
        for place, entry in enumerate(first.expectations)
    )
    build_data_docs([first.model_copy(update={"expectations": entries})], tmp_path)
    for file in tmp_path.glob("*.html"):
        assert Page(file).tags.isdisjoint({"script"})
        assert attack in Page(file).text


def test_building_again_gives_the_same_bytes(results: list[GateResult], tmp_path: Path) -> None:
    found = results[:2]
    first = {file.name: file.read_bytes() for file in build_data_docs(found, tmp_path / "a").parent.iterdir()}
    second = {file.name: file.read_bytes() for file in build_data_docs(found, tmp_path / "b").parent.iterdir()}
    assert first == second


def test_a_page_is_rendered_once_and_again_where_its_result_is_another(
    results: list[GateResult], tmp_path: Path
) -> None:
    build_data_docs(results, tmp_path)
    (tmp_path / f"{results[0].stage}.html").write_text("as it was")
    build_data_docs(results, tmp_path)
    assert (tmp_path / f"{results[0].stage}.html").read_text() == "as it was"
    other = results[0].model_copy(update={"suite_digest": "f" * 64})
    build_data_docs([other, *results[1:]], tmp_path)
    assert results[0].stage in (tmp_path / f"{results[0].stage}.html").read_text()


def test_no_gate_at_all_and_two_of_one_stage(results: list[GateResult], tmp_path: Path) -> None:
    assert build_data_docs([], tmp_path).is_file()
    first = results[0]
    with pytest.raises(UserError, match="two results of gate ingest"):
        build_data_docs([first, first], tmp_path)
    with pytest.raises(UserError, match="no stage"):
        build_data_docs([first.model_copy(update={"stage": "../ingest"})], tmp_path)


@needs_browser
def test_a_browser_shows_the_pages(site: Path) -> None:
    assert "Gates" in check_shown(site / "index.html").text
    assert "dedup" in check_shown(site / "dedup.html").text
