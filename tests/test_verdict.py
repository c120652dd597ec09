"""Verdicts: the vectorised builder against the plain one, and the deciding reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import verdict
from pipeline.errors import ContractViolation
from pipeline.reasons import REASONS
from pipeline.verdict import VERDICT, Finding, Rule

NAMES = st.sampled_from(sorted(REASONS))
EVIDENCE = st.none() | st.text(max_size=8)


@st.composite
def rules(draw: st.DrawFn) -> tuple[int, list[Rule]]:
    """Draw a batch's length and rules over it."""
    length = draw(st.integers(0, 12))

    def rule() -> Rule:
        applies = np.array(draw(st.lists(st.booleans(), min_size=length, max_size=length)), dtype=np.bool_)
        value = draw(st.none() | st.lists(st.floats(allow_nan=False), min_size=length, max_size=length))
        evidence = draw(st.none() | st.lists(EVIDENCE, min_size=length, max_size=length))
        limit = draw(st.none() | st.floats(allow_nan=False))
        return Rule(draw(NAMES), applies, None if value is None else np.array(value, np.float64), limit, evidence)

    return length, [rule() for _ in range(draw(st.integers(0, 5)))]


def plain(length: int, drawn: list[Rule]) -> list[list[Finding]]:
    """Return each row's findings, one row and one rule at a time."""
    return [
        [
            Finding(
                rule.reason,
                None if rule.value is None else float(rule.value[row]),
                rule.limit,
                None if rule.evidence is None else rule.evidence[row],
            )
            for rule in drawn
            if rule.applies[row]
        ]
        for row in range(length)
    ]


@given(rules())
def test_whole_batch_rules_equal_the_plain_reference(drawn: tuple[int, list[Rule]]) -> None:
    length, batch = drawn
    built = verdict.evaluate_rules(length, batch)
    built.validate(full=True)
    assert built.type == VERDICT
    assert built.equals(verdict.verdict_array(plain(length, batch)))


@given(rules())
def test_the_first_finding_decides(drawn: tuple[int, list[Rule]]) -> None:
    length, batch = drawn
    expected = [row[0].reason if row else None for row in plain(length, batch)]
    assert verdict.reasons(verdict.evaluate_rules(length, batch)).to_pylist() == expected


@given(
    st.lists(st.lists(st.builds(Finding, NAMES), max_size=3) | st.none(), max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_reasons_of_slices_and_chunks(rows: list[list[Finding] | None], start: int, stop: int) -> None:
    column = verdict.verdict_array(rows)
    expected = [row[0].reason if row else None for row in rows]
    assert verdict.reasons(column[start:stop]).to_pylist() == expected[start:stop]
    chunks = pa.chunked_array([column[:start], column[start:]], VERDICT)
    assert verdict.reasons(chunks).to_pylist() == expected


@pytest.mark.parametrize(
    "column", [verdict.keep(0), pa.chunked_array([], VERDICT), verdict.verdict_array([]), verdict.evaluate_rules(0, [])]
)
def test_nothing_has_no_reason(column: pa.Array) -> None:
    assert verdict.reasons(column).to_pylist() == []


def test_keep_keeps() -> None:
    assert verdict.keep(3).type == VERDICT
    assert verdict.reasons(verdict.keep(3)).to_pylist() == [None] * 3
    assert verdict.evaluate_rules(3, []).equals(verdict.keep(3))
    assert verdict.verdict_array([[], None]).equals(verdict.keep(2))


def test_not_a_number_stays_one() -> None:
    rule = Rule("quality.score@1", np.array([True, False]), np.array([math.nan, 1.0]), 0.8)
    (finding,) = verdict.evaluate_rules(2, [rule])[0].as_py()
    assert math.isnan(finding["value"])
    assert finding["limit"] == 0.8


@pytest.mark.parametrize(
    "call",
    [
        lambda: verdict.outcome("quality.scor@1"),
        lambda: verdict.outcome("quality.score"),
        lambda: verdict.verdict_array([[Finding("quality.score@2")]]),
        lambda: verdict.evaluate_rules(1, [Rule("nothing@1", np.array([False]))]),
    ],
)
def test_a_reason_outside_the_list_breaks_the_contract(call: Callable[[], object]) -> None:
    with pytest.raises(ContractViolation, match="unknown reason"):
        call()


def test_reasons_are_named_by_stage_rule_and_version() -> None:
    stages = "ingest|dedup|language|pii|quality|provenance|validate|publish"
    for name, (outcome, meaning) in REASONS.items():
        assert re.fullmatch(rf"({stages})(\.[a-z0-9_]+)+@[1-9]\d*", name)
        assert outcome in ("rejected", "failed")
        assert meaning
    assert {name.split(".")[0] for name in REASONS if name.endswith(".failed@1")} == set(stages.split("|"))
