"""Suites: the eight of the project, and every slip in one gets a sentence."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gate_cases import FAULTS

from pipeline.errors import ConfigError, UserError
from pipeline.gates import suites
from pipeline.gates.suites import columns_in, load_suite, parameters_in, parse_suite
from pipeline.gates.vocabulary import (
    PARAMETERS,
    STAGES,
    WARMING_UP,
    gate_parameters,
    metrics_of,
    narrow_columns,
)
from pipeline.reasons import REASONS
from pipeline.settings import Settings


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_suite(stage: str) -> None:
    suite = load_suite(stage)
    assert suite.stage == suite.data["name"] == stage
    assert re.fullmatch("[0-9a-f]{64}", suite.digest)
    assert suite.data is not suite.data, "each caller gets a copy of its own"


@pytest.mark.parametrize("stage", STAGES)
def test_schema_expectation_states_the_stages_narrow_columns(stage: str) -> None:
    (schema,) = [
        entry
        for entry in load_suite(stage).data["expectations"]
        if entry["type"] == "expect_table_columns_to_match_set"
    ]
    assert set(schema["kwargs"]["column_set"]) == set(narrow_columns(stage))
    assert schema["kwargs"]["exact_match"] is True


@pytest.mark.parametrize("stage", STAGES)
def test_every_metric_is_looked_at(stage: str) -> None:
    """The counts themselves are stated by `accounting_difference`; all else that a stage measures has an expectation."""
    entries = [entry for entry in load_suite(stage).data["expectations"] if entry["meta"]["on"] == "metrics"]
    named = {name for entry in entries for name in columns_in(entry["kwargs"])}
    assert set(metrics_of(stage)) - named <= {"read", "kept", "rejected", "failed"}


@pytest.mark.parametrize("stage", STAGES)
def test_named_reasons_exist(stage: str) -> None:
    named = re.findall(r'"([a-z]+\.[a-z0-9_.]+@\d+)"', load_suite(stage).text)
    assert set(named) <= set(REASONS)


@pytest.mark.parametrize("stage", STAGES)
def test_every_expectation_that_decides_has_a_planted_fault(stage: str) -> None:
    deciding = [
        (entry["meta"]["on"], entry["type"], entry["kwargs"].get("column", "table"), "row_condition" in entry["kwargs"])
        for entry in load_suite(stage).data["expectations"]
        if entry["severity"] != "info"
    ]
    assert len(set(deciding)) == len(deciding), "two expectations that a fault could not tell apart"
    assert set(deciding) == {fault.key for fault in FAULTS[stage]}


def test_digest_follows_the_content_and_not_the_layout() -> None:
    suite = load_suite("quality")
    reordered = json.dumps(dict(reversed(suite.data.items())), indent=7)
    assert parse_suite("quality", reordered, "x").digest == suite.digest
    edited = suite.data
    edited["expectations"][0]["meta"]["says"] += "!"
    assert parse_suite("quality", json.dumps(edited), "x").digest != suite.digest


def test_parameters_come_from_the_settings() -> None:
    found = gate_parameters(Settings(), "dedup", warming_up=True)
    assert set(found) == {*PARAMETERS, WARMING_UP}
    assert found["max_removed_share"] == 0.9
    assert gate_parameters(Settings(), "pii", warming_up=False)["max_removed_share"] == 1.0
    with pytest.raises(UserError, match="no stage 'dedupe'"):
        gate_parameters(Settings(), "dedupe", warming_up=False)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"min_value": {"$PARAMETER": "quality_threshold"}}, ["quality_threshold"]),
        ({"max_value": {"$PARAMETER": "2 * max_failed_share + 1e-3"}}, ["max_failed_share"]),
        ({"value_set": [1, {"$PARAMETER": "max_regression"}]}, ["max_regression"]),
        ({"min_value": 1}, []),
    ],
)
def test_parameters_are_found_in_expressions(value: dict[str, Any], names: list[str]) -> None:
    assert list(parameters_in(value)) == names


def change(path: str, value: Any) -> Any:
    """Return an edit of the first expectation on rows (or metrics) of a suite."""

    def edit(data: dict[str, Any]) -> None:
        on, *keys = path.split("/")
        place: Any = data
        if on != "suite":
            place = next(
                entry for entry in data["expectations"] if entry["meta"]["on"] == on and "column" in entry["kwargs"]
            )
        for key in keys[:-1]:
            place = place[key]
        if value is DELETED:
            del place[keys[-1]]
        else:
            place[keys[-1]] = value

    return edit


DELETED = object()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("suite/name", "quality"), "must be the stage's, 'ingest'"),
        (change("suite/expectations", []), "non-empty list"),
        (change("suite/expectation", []), "unknown key 'expectation'; did you mean 'expectations'?"),
        (change("rows/type", "expect_column_values_to_be_unqiue"), "did you mean 'expect_column_values_to_be_unique'?"),
        (change("rows/type", None), "unknown expectation None"),
        (change("rows/severity", "critcal"), "did you mean 'critical'?"),
        (change("rows/severity", DELETED), "unknown severity None"),
        (change("rows/kwargs/column", "document_ids"), "unknown column 'document_ids'; did you mean 'document_id'?"),
        (change("rows/kwargs/column", "text"), "unknown column 'text'"),
        (change("rows/kwargs/column", ["source"]), "unknown column"),
        (
            change("metrics/kwargs/column", "empty_source"),
            "unknown metric 'empty_source'; did you mean 'empty_sources'?",
        ),
        (change("metrics/kwargs/column", "und_share"), "unknown metric 'und_share'"),
        (change("metrics/kwargs/column", DELETED), "names one in 'column'"),
        (change("metrics/kwargs/max_value", {"$PARAMETER": "max_failed_shares"}), "did you mean 'max_failed_share'?"),
        (change("metrics/kwargs/max_value", {"$PARAMETER": "2 * now()"}), "unknown $PARAMETER 'now'"),
        (change("rows/kwargs/row_condition", "reason.isnull()"), "row_condition is an object such as"),
        (
            change("rows/kwargs/row_condition", {"type": "nullity", "column": {"name": "reasn"}, "is_null": True}),
            "unknown column 'reasn'; did you mean 'reason'?",
        ),
        (change("rows/meta", DELETED), "'meta'"),
        (change("rows/meta/on", "row"), "unknown value of meta.on 'row'; did you mean 'rows'?"),
        (change("rows/meta/says", " "), "meta.says"),
        (change("rows/meta/says", DELETED), "meta.says is missing"),
        (change("rows/meta/look", 3), "meta.look"),
        (change("rows/meta/histroy", True), "did you mean 'history'?"),
        (change("rows/meta/history", "yes"), "meta.history is true or false"),
        (change("rows/kwargs", []), "an expectation is an object with"),
    ],
)
def test_a_slip_is_a_sentence(edit: Any, message: str) -> None:
    data = copy.deepcopy(load_suite("ingest").data)
    edit(data)
    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        parse_suite("ingest", json.dumps(data), "ingest.json")
    assert str(raised.value).startswith("ingest.json")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON at line 1, column 1"),
        ('{"name": "ingest",\n}', "not valid JSON at line 2"),
        ("[]", "a suite is an object"),
        ("null", "a suite is an object"),
        ('{"name": "ingest", "name": "ingest"}', "the key 'name' stands twice"),
        ('{"name": NaN}', "NaN is not a number"),
        ("[" * 100_000, "recursion"),
        ('{"name": "ingest", "expectations": [3]}', "expectation 1: an expectation is an object"),
    ],
)
def test_broken_text_is_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_suite("ingest", text, "ingest.json")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the suite of stage pii at .*pii\.json: No such file"):
        load_suite("pii", tmp_path)
    (tmp_path / "pii.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_suite("pii", tmp_path)
    with pytest.raises(UserError, match="there is no stage 'pi'"):
        load_suite("pi")


def test_folder_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pipeline"
    (package / "gates").mkdir(parents=True)
    monkeypatch.setattr(suites, "__file__", str(package / "gates" / "suites.py"))
    stranger = tmp_path / "expectations"
    stranger.mkdir()
    with pytest.raises(ConfigError, match="folder of the suites is missing"):
        suites.suites_folder()
    (package / "_expectations").mkdir()
    assert suites.suites_folder() == package / "_expectations"


def test_reading_a_suite_does_not_import_great_expectations() -> None:
    """The digest of a suite keys a verdict: looking one up may not cost ten seconds."""
    program = (
        "import sys; from pipeline.gates import gate, suites; suites.load_suite('pii');"
        "print([m for m in ('great_expectations', 'pandas', 'pyspark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


GUIDE = Path(__file__).parents[2] / "docs" / "gates.md"


def test_the_guides_example_is_a_valid_expectation() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    text = json.dumps({"name": "quality", "expectations": [json.loads(example)]})
    assert json.loads(example) in load_suite("quality").data["expectations"]
    assert parse_suite("quality", text, "guide").stage == "quality"


def test_the_guide_lists_every_parameter() -> None:
    (lines,) = re.findall(r"\| parameter \| setting \|\n\|---\|---\|\n(.*?)\n\n", GUIDE.read_text("utf-8"), re.DOTALL)
    listed = re.findall(r"^\| `(\w+)` \|", lines, re.MULTILINE)
    assert listed == list(PARAMETERS)


def test_the_guides_slip_reads_as_it_says() -> None:
    """The edit that the guide shows, and the sentence for its misspelling."""
    text = load_suite("provenance").text
    assert '"min_value": 0.5\n' in text
    slip = text.replace("license_stated_share", "licence_stated_share")
    with pytest.raises(ConfigError) as raised:
        parse_suite("provenance", slip, "expectations/provenance.json")
    assert str(raised.value) in GUIDE.read_text(encoding="utf-8")
