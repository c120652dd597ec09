"""Nothing of a row gets out of the gate."""

from __future__ import annotations

import logging

import pyarrow as pa
import pytest
from gate_cases import (
    CANARY,
    N,
    clean_rows,
    table,
)
from gate_runs import run, small_suite

from pipeline.gates.vocabulary import STAGES

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
