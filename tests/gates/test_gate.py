"""The gate: every fault is seen by its own expectation, and nothing of a row gets out."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import Any

import pyarrow as pa
import pytest
from gate_cases import (
    CANARY,
    FAULTS,
    Columns,
    N,
    clean_metrics,
    clean_rows,
    document_id,
    metric,
    parameters,
    plant,
    table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError, ContractViolation, UserError
from pipeline.gates import engine, gate
from pipeline.gates.gate import judge
from pipeline.gates.result import MAX_SAMPLES, ExpectationOutcome, GateResult
from pipeline.gates.suites import Suite, load_suite, parse_suite
from pipeline.gates.vocabulary import ALWAYS, EXPECTATIONS, OPTIONAL_STAGES, STAGES

Key = tuple[str, str, str, bool]


def run(
    stage: str,
    rows: Columns | pa.Table | None = None,
    metrics: dict[str, Any] | None = None,
    suite: Suite | None = None,
    *,
    warming_up: bool = False,
    spark: Any = None,
) -> GateResult:
    columns = clean_rows(stage) if rows is None else rows
    return judge(
        stage,
        columns if isinstance(columns, pa.Table) else table(stage, columns),
        clean_metrics(stage) if metrics is None else metrics,
        suite or load_suite(stage),
        parameters(stage, warming_up=warming_up),
        spark,
    )


def key(outcome: ExpectationOutcome) -> Key:
    return (outcome.on, outcome.type, outcome.subject, "row_condition" in outcome.limit)


def small_suite(stage: str, *entries: dict[str, Any]) -> Suite:
    """Return a suite of a few expectations; what they leave out is filled in."""
    filled = [
        {"severity": "critical"} | entry | {"meta": {"on": "rows", "says": "x"} | entry.get("meta", {})}
        for entry in entries
    ]
    return parse_suite(stage, json.dumps({"name": stage, "expectations": filled}), "suite")


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
    assert "1 warming up" in early.message()
    assert run("ingest", metrics=metrics).verdict == ("pass" if met else "flag")


def test_warm_up_does_not_excuse_what_could_not_be_checked() -> None:
    result = run("ingest", metrics=clean_metrics("ingest") | {"volume_change_max": "much"}, warming_up=True)
    assert result.verdict == "block"


# Rows of every shape.


@pytest.mark.parametrize("stage", STAGES)
def test_no_rows(stage: str) -> None:
    empty = {name: [] for name in clean_rows(stage)}
    result = run(stage, empty)
    assert result.verdict == "pass", "that a batch is not empty is said by metrics: read, documents"
    assert result.rows == 0


@pytest.mark.parametrize("stage", STAGES)
def test_all_rejected_with_nulls_only(stage: str) -> None:
    rows = clean_rows(stage)
    reason = rows["reason"][3]
    nulls = {name: values if name in ALWAYS else [None] * N for name, values in rows.items()} | {"reason": [reason] * N}
    if stage == "ingest":
        nulls |= {
            name: rows[name] for name in ("source_kind", "consent", "record_file", "record_offset", "record_digest")
        }
    failed = [key(outcome) for outcome in run(stage, nulls).failed]
    # A removed duplicate without survivor and similarity is a fault; everything else may be null where rejected.
    assert {subject for _, _, subject, _ in failed} == ({"survivor"} if stage == "dedup" else set())


def test_types_that_arrow_has_and_pandas_does_not() -> None:
    rows = table("language", clean_rows("language"))
    rows = rows.set_column(1, "source", rows.column("source").dictionary_encode())
    rows = rows.set_column(3, "language", rows.column("language").cast(pa.large_string()))
    rows = rows.set_column(2, "reason", pa.nulls(N))
    rows = rows.append_column("text", pa.array([CANARY] * N))
    rows = rows.append_column("bands", pa.array([[1]] * N))
    rows = rows.append_column("record", pa.array([b"\x00"] * N))
    assert run("language", rows).verdict == "pass"


def test_rows_in_any_order_give_the_same_result() -> None:
    rows, metrics = clean_rows("dedup"), clean_metrics("dedup")
    plant(FAULTS["dedup"], rows, metrics)
    backwards = {name: values[::-1] for name, values in rows.items()}
    first, second = (run("dedup", columns, metrics) for columns in (rows, backwards))
    assert first.model_copy(update={"seconds": 0}) == second.model_copy(update={"seconds": 0})


def test_samples_are_the_smallest_ids_and_at_most_twenty() -> None:
    rows = clean_rows("pii", 100)
    rows["pii_left"] = [1] * 100
    (outcome,) = [outcome for outcome in run("pii", rows).failed if outcome.subject == "pii_left"]
    assert outcome.samples == tuple(document_id(i) for i in range(MAX_SAMPLES))
    assert (outcome.unexpected_count, outcome.element_count) == (100, 100)


SCORES = st.one_of(st.none(), st.floats(width=32), st.sampled_from([0.0, 1.0, -0.0]))


@settings(max_examples=8, deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=30))
def test_range_agrees_with_its_definition(scores: list[float | None]) -> None:
    """The plain reference: a value that is there and not within [0, 1], NaN included, is unexpected."""
    suite = small_suite(
        "quality",
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "quality_score", "min_value": 0, "max_value": 1},
        },
    )
    rows = clean_rows("quality", len(scores)) | {"quality_score": scores}
    (outcome,) = run("quality", rows, suite=suite).expectations
    wrong = [i for i, score in enumerate(scores) if score is not None and not 0 <= score <= 1]
    assert outcome.unexpected_count == len(wrong)
    assert outcome.samples == tuple(document_id(i) for i in wrong[:MAX_SAMPLES])
    assert (outcome.outcome == "passed") == (not wrong)


QUANTILES = {"column": "characters", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, 2]]}}


def test_aggregates_show_numbers_and_never_a_rows_text() -> None:
    suite = small_suite(
        "ingest",
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "characters", "min_value": 2_000}},
        {"type": "expect_column_quantile_values_to_be_between", "kwargs": QUANTILES},
        {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"column": "uri", "value_set": ["a"]}},
        {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"column": "uri", "value_set": ["a"]}},
        {"type": "expect_table_row_count_to_equal", "kwargs": {"value": N + 1}},
        {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "uri", "column_B": "source"}},
        {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["uri", "source"]}},
    )
    result = run("ingest", suite=suite)
    assert [outcome.outcome for outcome in result.expectations] == ["failed"] * 7
    assert [outcome.error for outcome in result.expectations] == [None] * 7
    assert [outcome.observed for outcome in result.expectations] == [1_000, None, None, None, N, None, None]
    assert [outcome.subject for outcome in result.expectations][-2:] == ["uri, source", "uri, source"]
    assert "40 of 40" in result.expectations[-1].sentence()
    assert CANARY not in result.to_json()


# Nothing of a row gets out.


@pytest.mark.parametrize("stage", STAGES)
def test_no_value_of_a_row_in_report_message_or_log(
    stage: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every string column holds the canary, ids and reasons too, so that as many expectations as possible fail on it."""
    caplog.set_level(logging.DEBUG)
    rows = table(stage, clean_rows(stage))
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            rows = rows.set_column(place, field.name, pa.array([CANARY] * N))
    rows = rows.append_column("text", pa.array([CANARY] * N))
    result = run(stage, rows)
    assert result.verdict == "block"
    assert any(outcome.samples == ("(malformed id)",) for outcome in result.failed)
    out, err = capfd.readouterr()
    for where in (result.to_json(), result.message(), caplog.text, out, err):
        assert "canary-7f3a" not in where
        assert "Jane" not in where


def test_a_column_of_a_wrong_type_blocks_without_showing_its_values(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rows = table("quality", clean_rows("quality"))
    place = rows.column_names.index("quality_score")
    result = run("quality", rows.set_column(place, "quality_score", pa.array([CANARY] * N)))
    (outcome,) = [outcome for outcome in result.failed if outcome.error]
    assert result.verdict == "block"
    assert outcome.error == "TypeError (quality_score is string)"
    assert "canary-7f3a" not in result.to_json() + result.message() + caplog.text


def test_progress_bars_are_off(capfd: pytest.CaptureFixture[str]) -> None:
    run("pii")
    assert capfd.readouterr() == ("", "")


# Mistakes of the caller and of the suite's author.


def test_a_suite_of_another_stage_is_refused() -> None:
    with pytest.raises(UserError, match="the suite of stage pii cannot judge stage quality"):
        run("quality", suite=load_suite("pii"))


@pytest.mark.parametrize("given_", [{}, {"max_failed_share": None}])
def test_a_parameter_that_is_not_given_is_named(given_: dict[str, Any]) -> None:
    values = {name: value for name, value in parameters("pii").items() if name != "max_failed_share"} | given_
    with pytest.raises(ContractViolation, match="the parameter 'max_failed_share'"):
        judge("pii", table("pii", clean_rows("pii")), clean_metrics("pii"), load_suite("pii"), values)


def test_parameters_and_expressions_are_resolved() -> None:
    entry = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "failed_share", "max_value": {"$PARAMETER": "max_failed_share * 2"}},
        "meta": {"on": "metrics"},
    }
    metrics = clean_metrics("pii")
    passed = run("pii", metrics=metrics | {"failed_share": 0.09}, suite=small_suite("pii", entry))
    failed = run("pii", metrics=metrics | {"failed_share": 0.11}, suite=small_suite("pii", entry))
    assert (passed.verdict, failed.verdict) == ("pass", "block")
    assert failed.expectations[0].limit == {"column": "failed_share", "max_value": 0.1}


@pytest.mark.parametrize(
    "kwargs",
    [
        {"column": "pii_count", "minimum": 3},
        {"column": "pii_count"},
        {"column": "pii_count", "min_value": 1, "mostly": 7},
        {"column": "pii_count", "min_value": 1, "row_condition": {"type": "nulity", "column": {"name": "reason"}}},
    ],
)
def test_wrong_arguments_are_named(kwargs: dict[str, Any]) -> None:
    suite = small_suite("pii", {"type": "expect_column_values_to_be_between", "kwargs": kwargs})
    with pytest.raises(
        ConfigError, match=r"expectation 1 \(expect_column_values_to_be_between\) has wrong arguments"
    ) as raised:
        run("pii", suite=suite)
    assert "\n" not in str(raised.value)


def test_known_expectations_are_great_expectations_own() -> None:
    engine.import_gx()
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    registered = set(list_registered_expectation_implementations())
    assert registered >= EXPECTATIONS
    left_out = {name for name in registered - EXPECTATIONS if not name.startswith("expect_column_values_to_")}
    assert left_out == {
        "unexpected_rows_expectation",
        "expect_query_results_to_match_comparison",
        "expect_table_row_count_to_equal_other_table",
    }
    assert {name.split("_values_to_")[1] for name in registered - EXPECTATIONS - left_out} == {
        "be_increasing",
        "be_decreasing",
        "match_like_pattern",
        "match_like_pattern_list",
        "not_match_like_pattern",
        "not_match_like_pattern_list",
    }


@pytest.mark.parametrize("stage", STAGES)
def test_great_expectations_loads_the_file_itself(stage: str) -> None:
    """The suite's format is Great Expectations' own: other tools of it read the file unchanged."""
    gx = engine.import_gx()
    suite = gx.ExpectationSuite(**load_suite(stage).data)
    assert len(suite.expectations) == len(load_suite(stage).data["expectations"])
    severities = {expectation.severity.value for expectation in suite.expectations}
    assert severities >= {"critical", "warning"}


@pytest.mark.spark
def test_spark_and_pandas_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = (
        builder.config("spark.sql.shuffle.partitions", "1").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    )
    monkeypatch.setattr(gate, "SPARK_ROWS", 10)
    stage = "provenance"
    rows, metrics = clean_rows(stage), clean_metrics(stage)
    plant(FAULTS[stage], rows, metrics)
    by_spark, by_pandas = (run(stage, rows, metrics, spark=session) for session in (spark, None))
    assert len(by_spark.failed) == len(FAULTS[stage])
    assert by_spark.failed == by_pandas.failed, "verdicts, counts and ids"
    assert [entry.outcome for entry in by_spark.expectations] == [entry.outcome for entry in by_pandas.expectations]


def test_suite_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_suite("pii").stage = "quality"  # type: ignore[misc] # the point of the test
