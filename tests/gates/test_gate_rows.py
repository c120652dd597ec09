"""The gate on rows of every shape and order."""

from __future__ import annotations

import pyarrow as pa
import pytest
from gate_cases import (
    CANARY,
    FAULTS,
    N,
    clean_metrics,
    clean_rows,
    document_id,
    plant,
    table,
)
from gate_runs import key, run, small_suite
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gates import gate
from pipeline.gates.result import MAX_SAMPLES
from pipeline.gates.vocabulary import ALWAYS, STAGES


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


def test_a_contained_document_may_be_less_similar_but_names_its_survivor() -> None:
    rows = clean_rows("dedup")
    row = next(i for i, reason in enumerate(rows["reason"]) if reason is not None)
    rows["reason"][row], rows["similarity"][row] = "dedup.contained@1", 0.4
    assert run("dedup", rows).verdict == "pass"
    rows["survivor"][row] = None
    failed = run("dedup", rows)
    assert failed.verdict == "block"
    assert [outcome.subject for outcome in failed.failed] == ["survivor"]
