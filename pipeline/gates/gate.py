"""The gate: a stage's rows and metrics against its suite, and the verdict."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document import DOCUMENT_ID
from pipeline.errors import ContractViolation, UserError
from pipeline.gates.engine import BASIC, BOOLEAN_ONLY, COMPLETE, Engine, check_arguments, error_of
from pipeline.gates.result import MAX_SAMPLES, ExpectationOutcome, GateResult, decide
from pipeline.gates.suites import Suite, columns_in, parameters_in
from pipeline.gates.vocabulary import OPTIONAL_STAGES, WARMING_UP, is_narrow, own_columns

SPARK_ROWS = 1_000_000
"""Rows from which Spark does the checks, where a session is given. On two cores and a million rows of the pii suite pandas took 15 s,
Spark 25 s and 51 s the first time (both while the machine was busy): below that Spark only costs."""

SPARK_PARTITIONS = 8
"""Spark cuts an Arrow table into one partition for 10,000 rows, and then spends its time on starting tasks."""

Metric = float | int | str | bool | None

_ABOUT_COLUMNS = ("expect_table_columns_to_match_", "expect_table_column_count_", "expect_column_to_exist")


def judge(
    stage: str,
    rows: pa.Table,
    metrics: dict[str, Metric],
    suite: Suite,
    parameters: dict[str, Any],
    spark: Any = None,
) -> GateResult:
    """Evaluate a stage's suite.

    Parameters
    ----------
    rows
        The documents that were live when the stage began, one row each, with `vocabulary.narrow_columns(stage)`; `reason` is null
        where the stage kept the document. Text, lists and structs are left out if present.
    metrics
        The stage's metrics; null: not measured or not applicable. A metric that is absent is an error, not "not applicable".
    parameters
        Values of the suite's parameters and `warming_up` (`vocabulary.gate_parameters`).
    spark
        A Spark session, classic or Connect, used above a million rows.

    Raises
    ------
    UserError
        If the suite is another stage's.
    ContractViolation
        If a parameter that the suite uses is not given.
    ConfigError
        If Great Expectations does not take an expectation's arguments.
    """
    if suite.stage != stage:
        raise UserError(f"the suite of stage {suite.stage} cannot judge stage {stage}: load that stage's own")
    entries = dict(enumerate(suite.data["expectations"]))
    _require_parameters(stage, entries, parameters)
    check_arguments(entries)
    started = time.perf_counter()
    settled = {i: found for i, entry in entries.items() if (found := _settle(stage, entry, rows, metrics)) is not None}
    open_ = {i: entry for i, entry in entries.items() if i not in settled}
    narrow = _narrow(rows)
    checks = Engine()
    results = _on_metrics(checks, open_, metrics, parameters) | _on_rows(checks, open_, narrow, parameters, spark)
    outcomes = tuple(
        settled[i] if i in settled else _outcome(entry, results.get(i), metrics, narrow, parameters)
        for i, entry in entries.items()
    )
    return GateResult(
        stage=stage,
        suite_digest=suite.digest,
        verdict=decide(outcomes),
        rows=rows.num_rows,
        expectations=outcomes,
        seconds=round(time.perf_counter() - started, 3),
    )


def _require_parameters(stage: str, entries: dict[int, dict[str, Any]], parameters: dict[str, Any]) -> None:
    needed = {name for entry in entries.values() for name in parameters_in(entry["kwargs"])}
    missing = sorted(name for name in needed if parameters.get(name) is None)
    if missing:
        raise ContractViolation(
            f"gate {stage}: the suite uses the parameter '{missing[0]}', which the run does not give"
        )


def _settle(stage: str, entry: dict[str, Any], rows: pa.Table, metrics: dict[str, Metric]) -> ExpectationOutcome | None:
    """Return the outcome of an expectation that has nothing to look at; null if it is to be evaluated."""
    names = columns_in(entry["kwargs"])
    if entry["meta"]["on"] == "metrics":
        absent = [name for name in names if name not in metrics]
        if absent:
            return _unevaluated(entry, error=f"the stage gave no metric '{absent[0]}'")
        if any(metrics[name] is None for name in names):
            return _unevaluated(entry)
        odd = [name for name in names if isinstance(value := metrics[name], float) and math.isnan(value)]
        return _unevaluated(entry, error=f"the metric '{odd[0]}' is not a number") if odd else None
    own = set(own_columns(stage))
    off = stage in OPTIONAL_STAGES and not own & set(rows.column_names)
    absent = [name for name in names if name not in rows.column_names]
    if off and own & set(absent):
        return _unevaluated(entry)
    if absent and not entry["type"].startswith(_ABOUT_COLUMNS):
        return _unevaluated(entry, error=f"the column '{absent[0]}' is missing")
    return None


def _unevaluated(entry: dict[str, Any], error: str | None = None) -> ExpectationOutcome:
    return ExpectationOutcome(
        **_identity(entry),
        outcome="failed" if error else "not_applicable",
        met=None,
        limit=entry["kwargs"],
        error=error,
    )


def _identity(entry: dict[str, Any]) -> dict[str, Any]:
    kwargs, meta = entry["kwargs"], entry["meta"]
    named = (
        [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs] or kwargs.get("column_list") or []
    )
    return {
        "type": entry["type"],
        "on": meta["on"],
        "subject": ", ".join(named) or "table",
        "severity": entry["severity"],
        "says": meta["says"],
        "look": meta.get("look"),
    }


def _narrow(rows: pa.Table) -> pa.Table:
    """Return the columns that a gate may see, in types that pandas and Spark treat alike.

    NaN becomes infinity: pandas takes NaN for *missing*, which passes every expectation, and a stage that wrote one has failed to
    measure. Infinity is outside every range.
    """
    columns, names = [], []
    for name in rows.column_names:
        column, kind = rows.column(name), rows.field(name).type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        if not is_narrow(rows.field(name).with_type(column.type)):
            continue
        if pa.types.is_null(column.type) or pa.types.is_large_string(column.type):
            column = column.cast(pa.string())
        elif pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), pa.scalar(math.inf, column.type), column)
        columns.append(column)
        names.append(name)
    return pa.table(columns, names)


def _on_metrics(
    checks: Engine, entries: dict[int, dict[str, Any]], metrics: dict[str, Metric], parameters: dict[str, Any]
) -> dict[int, Any]:
    import pandas as pd  # half a second that the commands which judge nothing need not pay

    chosen = {i: entry for i, entry in entries.items() if entry["meta"]["on"] == "metrics"}
    names = {name for entry in chosen.values() for name in columns_in(entry["kwargs"])}
    frame = pd.DataFrame([{name: metrics[name] for name in sorted(names)}])
    return checks.evaluate("metrics", frame, chosen, parameters, BOOLEAN_ONLY)


def _on_rows(
    checks: Engine, entries: dict[int, dict[str, Any]], rows: pa.Table, parameters: dict[str, Any], spark: Any
) -> dict[int, Any]:
    chosen = {i: entry for i, entry in entries.items() if entry["meta"]["on"] == "rows"}
    results: dict[int, Any] = {}
    if spark is not None and rows.num_rows > SPARK_ROWS:
        frame = spark.createDataFrame(_needed(rows, chosen)).coalesce(SPARK_PARTITIONS)
        results = checks.evaluate("spark", frame, chosen, parameters, BOOLEAN_ONLY)
        # Counts and ids of what failed come from pandas: Spark would send every failing row, and its columns only.
        chosen = {i: entry for i, entry in chosen.items() if not results[i].success and not error_of(results[i])}
    form = COMPLETE if DOCUMENT_ID in rows.column_names else BASIC
    frame = _needed(rows, chosen).to_pandas(date_as_object=False)
    found = checks.evaluate("rows", frame, chosen, parameters, form)
    for i in results.keys() & found.keys():
        found[i].success = False  # Spark has decided; pandas adds the counts
    return results | found


def _needed(rows: pa.Table, entries: dict[int, dict[str, Any]]) -> pa.Table:
    """Return the rows with every column that no expectation names emptied: of those only the name is looked at.

    It spares the conversion of strings to objects, and values that nothing checks never leave Arrow.
    """
    named = {name for entry in entries.values() for name in columns_in(entry["kwargs"]) if not _about_columns(entry)}
    named.add(DOCUMENT_ID)
    empty = pa.nulls(rows.num_rows, pa.string())
    return pa.table([rows.column(n) if n in named else empty for n in rows.column_names], rows.column_names)


def _about_columns(entry: dict[str, Any]) -> bool:
    return str(entry["type"]).startswith(_ABOUT_COLUMNS)


def _outcome(
    entry: dict[str, Any], result: Any, metrics: dict[str, Metric], rows: pa.Table, parameters: dict[str, Any]
) -> ExpectationOutcome:
    """Take from Great Expectations' result what may be kept: success, counts and ids."""
    raised = "no result came back" if result is None else error_of(result)
    if raised is not None:
        return _unevaluated(entry, error=_could_not(entry, raised, rows))
    found, met = result.result or {}, bool(result.success)
    warming = bool(entry["meta"].get("history")) and bool(parameters.get(WARMING_UP))
    on_rows = entry["meta"]["on"] == "rows"
    return ExpectationOutcome(
        **_identity(entry),
        outcome="warm_up" if warming else "passed" if met else "failed",
        met=met,
        observed=_observed(entry, found, metrics),
        limit={key: value for key, value in result.expectation_config.kwargs.items() if key != "batch_id"},
        unexpected_count=found.get("unexpected_count") if on_rows else None,
        element_count=found.get("element_count") if on_rows else None,
        samples=_samples(found) if on_rows else (),
    )


def _could_not(entry: dict[str, Any], raised: str, rows: pa.Table) -> str:
    if entry["meta"]["on"] == "metrics":
        return raised
    kinds = [f"{name} is {rows.schema.field(name).type}" for name in columns_in(entry["kwargs"])[:3]]
    return f"{raised} ({', '.join(kinds)})" if kinds else raised


def _observed(entry: dict[str, Any], found: dict[str, Any], metrics: dict[str, Metric]) -> Any:
    """Return the metric, or of rows a number or the columns' names: never what a row holds."""
    value: Any = found.get("observed_value")
    if entry["meta"]["on"] == "metrics":
        value = metrics.get(str(entry["kwargs"].get("column")))
    elif _about_columns(entry):
        return tuple(str(name) for name in value) if isinstance(value, list) else value
    elif isinstance(value, str) or not hasattr(value, "__float__"):
        return None
    value = value.item() if hasattr(value, "item") else value
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


_ID = re.compile(r"[0-9a-f]{32}")


def _samples(found: dict[str, Any]) -> tuple[str, ...]:
    """Return the smallest failing ids; what stands in an id's place without being one could be anything, and is not shown."""
    ids = {str(entry.get(DOCUMENT_ID)) for entry in found.get("unexpected_index_list") or () if isinstance(entry, dict)}
    shown = {name if _ID.fullmatch(name) else "(malformed id)" for name in ids - {"None", "nan"}}
    return tuple(sorted(shown, key=lambda name: (not _ID.fullmatch(name), name))[:MAX_SAMPLES])
