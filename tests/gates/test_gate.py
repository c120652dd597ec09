"""The gate: every fault is seen by its own expectation, and what was not measured decides nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gate_cases import (
    FAULTS,
    N,
    clean_metrics,
    clean_rows,
    document_id,
    metric,
    plant,
)
from gate_runs import key, run

from pipeline.gates.result import GateResult
from pipeline.gates.suites import load_suite, parse_suite
from pipeline.gates.vocabulary import ALWAYS, OPTIONAL_STAGES, STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_clean_case_passes(stage: str) -> None:
    result = run(stage)
    assert result.verdict == "pass"
    assert {outcome.outcome for outcome in result.expectations} == {"passed"}
    assert result.rows == N
    assert result.message() == f"gate {stage}: pass. {len(result.expectations)} expectations passed"
    looked_at = [
        outcome.element_count for outcome in result.expectations if outcome.on == "rows" and outcome.subject != "table"
    ]
    assert all(count in {N, 30, 10} for count in looked_at), "all rows, the kept ones, or the rejected ones"


@pytest.mark.parametrize("stage", STAGES)
def test_every_planted_fault_is_seen_by_its_own_expectation_and_no_other(stage: str) -> None:
    rows, metrics = clean_rows(stage), clean_metrics(stage)
    planted = plant(FAULTS[stage], rows, metrics)
    result = run(stage, rows, metrics)
    failed = {key(outcome): outcome for outcome in result.failed}
    assert set(failed) == set(planted)
    assert result.verdict == "block"
    for place, positions in planted.items():
        outcome = failed[place]
        assert outcome.error is None
        if not positions:
            continue
        repeated = outcome.type == "expect_column_values_to_be_unique"
        assert outcome.unexpected_count == len(positions) + repeated
        ids = {rows["document_id"][i] for i in positions} - {None}
        shown = {name if len(name) == 32 else "(malformed id)" for name in ids}
        assert set(outcome.samples) == shown


@pytest.mark.parametrize("stage", STAGES)
def test_each_metric_fault_alone_is_seen(stage: str) -> None:
    """All at once could hide that one value stands in for another; a warning flags, a critical one blocks."""
    entries = load_suite(stage).data["expectations"]
    severities = {entry["kwargs"]["column"]: entry["severity"] for entry in entries if entry["meta"]["on"] == "metrics"}
    on_metrics = [entry for entry in entries if entry["meta"]["on"] == "metrics"]
    suite = parse_suite(stage, json.dumps({"name": stage, "expectations": on_metrics}), "suite")
    for fault in FAULTS[stage]:
        if fault.on == "metrics":
            result = run(stage, metrics=clean_metrics(stage) | {fault.subject: fault.value}, suite=suite)
            assert [outcome.subject for outcome in result.failed] == [fault.subject]
            assert result.verdict == {"critical": "block", "warning": "flag"}[severities[fault.subject]]
            assert result.failed[0].observed == fault.value


def test_severity_decides() -> None:
    warning, critical, info = metric("failed_share", 0.5), metric("pii_left", 1), metric("removed_share_max", 0.6)
    for faults, verdict in (
        ([info], "pass"),
        ([warning, info], "flag"),
        ([critical, warning, info], "block"),
    ):
        metrics = clean_metrics("pii")
        plant(faults, {}, metrics)
        result = run("pii", metrics=metrics)
        assert result.verdict == verdict
        assert [outcome.subject for outcome in result.failed] == [fault.subject for fault in faults], (
            "the gravest first"
        )


def test_message_names_what_how_many_and_where_to_look() -> None:
    rows, metrics = clean_rows("quality", 2_000), clean_metrics("quality") | {"failed_share": 0.06}
    for position in (4, 8, 16):
        rows["quality_score"][position] = 1.5
    rule = "expect_column_values_to_be_between"
    look = f"sluice explain <document_id> (e.g. {document_id(4)}, {document_id(8)}, {document_id(16)})"
    lines = run("quality", rows, metrics).message().splitlines()
    assert lines == [
        f"gate quality: block. {rule} on column quality_score: 3 of 2,000 values outside [0, 1]; look: {look}",
        f"{rule} on metric failed_share: 0.06 above 0.05; look: the quarantine's quality reasons with the outcome 'failed'",
    ]


# What was not measured.


def test_a_null_metric_is_not_applicable_and_said_so() -> None:
    result = run("publish", metrics=clean_metrics("publish") | {"duplicate_upper": None})
    (outcome,) = [outcome for outcome in result.expectations if outcome.outcome == "not_applicable"]
    assert (outcome.subject, outcome.met, outcome.observed) == ("duplicate_upper", None, None)
    assert result.verdict == "pass"
    assert "1 not applicable" in result.message()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), "the metric 'und_share' is not a number"),
        ("half", "TypeError"),
    ],
)
def test_a_metric_that_is_no_number_blocks(value: Any, error: str) -> None:
    result = run("language", metrics=clean_metrics("language") | {"und_share": value})
    assert result.verdict == "block", "although the expectation is a warning: it could not be checked"
    assert result.failed[0].error == error
    assert f"could not be checked: {error}" in result.message()


def test_an_absent_metric_blocks() -> None:
    metrics = clean_metrics("dedup")
    del metrics["survivors_removed"]
    result = run("dedup", metrics=metrics)
    assert result.verdict == "block"
    assert result.failed[0].error == "the stage gave no metric 'survivors_removed'"


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_an_infinite_metric_is_outside_every_range(value: float) -> None:
    result = run("quality", metrics=clean_metrics("quality") | {"mean_score": value, "failed_share": abs(value)})
    assert result.verdict == "flag"
    assert GateResult.from_json(result.to_json()) == result


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_off_is_not_applicable_where_it_may_be_off(stage: str) -> None:
    rows = {name: values for name, values in clean_rows(stage).items() if name in ALWAYS}
    result = run(stage, rows)
    own = [outcome for outcome in result.expectations if outcome.on == "rows" and outcome.subject not in ALWAYS]
    assert own
    if stage in OPTIONAL_STAGES:
        assert {outcome.outcome for outcome in own} == {"not_applicable"}
        assert result.verdict == "pass"
    else:
        assert result.verdict == "block"
        assert {outcome.outcome for outcome in own} == {"failed"}


def test_one_missing_column_of_a_stage_that_is_on_blocks() -> None:
    rows = clean_rows("quality")
    del rows["quality_score"]
    errors = {outcome.error for outcome in run("quality", rows).failed}
    assert errors == {None, "the column 'quality_score' is missing"}, "None: the schema's expectation fails as itself"


def test_missing_ids_block() -> None:
    rows = clean_rows("pii")
    del rows["document_id"]
    result = run("pii", rows)
    assert result.verdict == "block"
    assert "the column 'document_id' is missing" in result.message()


# History.


@pytest.mark.parametrize(("change", "met"), [(0.9, False), (0.1, True)])
def test_history_reports_and_decides_nothing_while_warming_up(change: float, met: bool) -> None:
    metrics = clean_metrics("ingest") | {"volume_change_max": change}
    early = run("ingest", metrics=metrics, warming_up=True)
    (outcome,) = [outcome for outcome in early.expectations if outcome.subject == "volume_change_max"]
    assert (outcome.outcome, outcome.met, outcome.observed) == ("warm_up", met, change)
    assert early.verdict == "pass"
    assert "3 warming up" in early.message()
    assert run("ingest", metrics=metrics).verdict == ("pass" if met else "flag")


def test_warm_up_does_not_excuse_what_could_not_be_checked() -> None:
    result = run("ingest", metrics=clean_metrics("ingest") | {"volume_change_max": "much"}, warming_up=True)
    assert result.verdict == "block"
