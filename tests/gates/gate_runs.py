"""Run a gate on the clean case, or on what a test changed in it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from gate_cases import (
    Columns,
    clean_metrics,
    clean_rows,
    parameters,
    table,
)

from pipeline.gates.gate import judge
from pipeline.gates.result import ExpectationOutcome, GateResult
from pipeline.gates.suites import Suite, load_suite, parse_suite

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
