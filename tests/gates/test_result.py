"""Results: what people read, and what comes back from disk."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import SnapshotError
from pipeline.gates.result import ExpectationOutcome, GateResult, decide


def outcome(**fields: Any) -> ExpectationOutcome:
    given: dict[str, Any] = {
        "type": "expect_column_values_to_be_between",
        "on": "metrics",
        "subject": "und_share",
        "severity": "critical",
        "outcome": "failed",
        "met": False,
        "limit": {"column": "und_share", "max_value": 0.5},
        "says": "most documents have a language",
    }
    return ExpectationOutcome(**(given | fields))


def rows_outcome(rule: str, limit: dict[str, Any], **fields: Any) -> ExpectationOutcome:
    given = {"on": "rows", "subject": "language", "unexpected_count": 3, "element_count": 1_204} | fields
    return outcome(type=rule, limit=limit, **given)


@pytest.mark.parametrize(
    ("limit", "observed", "found"),
    [
        ({"max_value": 0.5}, 0.75, "0.75 above 0.5"),
        ({"max_value": 0.5, "strict_max": True}, 0.5, "0.5 at or above 0.5"),
        ({"min_value": 1}, 0, "0 below 1"),
        ({"min_value": 1, "strict_min": True}, 1, "1 at or below 1"),
        ({"min_value": 0, "max_value": 0}, 1_204, "1,204 not equal to 0"),
        ({"min_value": 0, "max_value": 1.0}, 5_000_000.0, "5,000,000 outside [0, 1]"),
        ({"min_value": 0, "max_value": 1, "strict_min": True, "strict_max": True}, -0.25, "-0.25 outside (0, 1)"),
        ({"max_value": 0.5}, 1 / 3, "0.333333 above 0.5"),
        ({"max_value": 0.5}, "inf", "inf above 0.5"),
        ({"max_value": 0.5}, None, "the values above 0.5"),
        ({"max_value": 0}, True, "True above 0"),
    ],
)
def test_sentence_of_a_metric(limit: dict[str, Any], observed: Any, found: str) -> None:
    sentence = outcome(limit=limit, observed=observed).sentence()
    assert sentence == f"expect_column_values_to_be_between on metric und_share: {found}"


@pytest.mark.parametrize(
    ("rule", "limit", "found"),
    [
        ("expect_column_values_to_not_be_null", {}, "missing"),
        ("expect_column_values_to_be_null", {}, "present where none may be"),
        ("expect_column_values_to_be_unique", {}, "not unique"),
        ("expect_column_values_to_be_in_set", {"value_set": [1, "a"]}, "not among 1, a"),
        (
            "expect_column_values_to_be_in_set",
            {"value_set": list(range(10))},
            "not among 0, 1, 2, 3, 4, 5, 6, 7 and 2 more",
        ),
        ("expect_column_values_to_not_be_in_set", {"value_set": ["a"]}, "among a"),
        ("expect_column_values_to_match_regex", {"regex": "^x$"}, "not of the form ^x$"),
        ("expect_column_values_to_not_match_regex", {"regex": "x"}, "of the form x"),
        ("expect_column_value_lengths_to_equal", {"column": "language", "value": 2}, "not as expected (value=2)"),
        ("expect_column_values_to_not_be_null", {"mostly": 0.95}, "missing (0.95 of them must be right)"),
    ],
)
def test_sentence_of_rows(rule: str, limit: dict[str, Any], found: str) -> None:
    assert rows_outcome(rule, limit).sentence() == f"{rule} on column language: 3 of 1,204 values {found}"


def test_sentence_of_columns_says_what_is_missing_and_what_is_not_known() -> None:
    entry = outcome(
        type="expect_table_columns_to_match_set",
        on="rows",
        subject="table",
        limit={"column_set": ["a", "b", "c"]},
        observed=("a", "d", "e"),
    )
    assert entry.sentence() == "expect_table_columns_to_match_set on the table: missing: b, c; not known: d, e"


def test_sentence_ends_with_where_to_look_and_three_ids() -> None:
    entry = rows_outcome("expect_column_values_to_be_unique", {}, look="the manifest", samples=("a", "b", "c", "d"))
    assert entry.sentence().endswith("; look: the manifest (e.g. a, b, c)")
    pair = rows_outcome("expect_column_pair_values_to_be_equal", {}, subject="a, b")
    assert "on columns a, b:" in pair.sentence()


@pytest.mark.parametrize(
    ("fields", "consequence"),
    [
        ({"severity": "critical"}, "block"),
        ({"severity": "warning"}, "flag"),
        ({"severity": "info"}, "pass"),
        ({"severity": "info", "error": "TypeError"}, "block"),
        ({"severity": "critical", "outcome": "passed", "met": True}, "pass"),
        ({"severity": "critical", "outcome": "warm_up"}, "pass"),
        ({"severity": "critical", "outcome": "not_applicable", "met": None}, "pass"),
    ],
)
def test_consequence(fields: dict[str, Any], consequence: str) -> None:
    assert outcome(**fields).consequence == consequence
    assert decide((outcome(severity="info"), outcome(**fields))) == consequence


def test_the_gravest_consequence_wins() -> None:
    assert decide(()) == "pass"
    assert decide((outcome(severity="warning"), outcome(), outcome(severity="info"))) == "block"


def result(*outcomes: ExpectationOutcome) -> GateResult:
    return GateResult(
        stage="language", suite_digest="ab" * 32, verdict=decide(outcomes), rows=7, expectations=outcomes, seconds=0.1
    )


def test_round_trip() -> None:
    before = result(
        outcome(observed=0.1 + 0.2),
        outcome(observed=3, outcome="passed", met=True),
        outcome(observed=True, met=None, outcome="not_applicable"),
        outcome(observed="inf"),
        rows_outcome("expect_table_columns_to_match_set", {"column_set": ["a"]}, observed=("a", "b"), samples=("x",)),
    )
    after = GateResult.from_json(before.to_json())
    assert after == before
    assert [type(entry.observed) for entry in after.expectations] == [float, int, bool, str, tuple]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"stage": "x"}',
        '{"surprise": 1}',
        b"\xff",
        result(outcome()).to_json().replace("block", "halt"),
    ],
)
def test_a_damaged_result_is_a_sentence(text: str | bytes) -> None:
    with pytest.raises(SnapshotError, match="run the gate again"):
        GateResult.from_json(text)


def test_results_are_frozen() -> None:
    with pytest.raises(ValidationError):
        result().verdict = "pass"  # type: ignore[misc] # the point of the test
