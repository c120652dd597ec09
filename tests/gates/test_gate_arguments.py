"""Mistakes of the gate's caller and of a suite's author; what is Great Expectations' own."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from gate_cases import (
    clean_metrics,
    clean_rows,
    parameters,
    table,
)
from gate_runs import run, small_suite

from pipeline.errors import ConfigError, ContractViolation, UserError
from pipeline.gates import engine
from pipeline.gates.gate import judge
from pipeline.gates.suites import load_suite
from pipeline.gates.vocabulary import EXPECTATIONS, STAGES


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


def test_suite_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_suite("pii").stage = "quality"  # type: ignore[misc] # the point of the test
