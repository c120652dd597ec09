"""Remembered configurations change what a gate costs, never what it says."""

from __future__ import annotations

import contextlib

import pytest
from gate_cases import FAULTS, clean_metrics, clean_rows, plant
from gate_runs import run

from pipeline.gates import engine
from pipeline.gates.engine import import_gx
from pipeline.gates.remembered import remembered_configurations
from pipeline.gates.result import GateResult


def faulty(stage: str) -> GateResult:
    """Return what the gate says when all of its faults are planted."""
    rows, metrics = clean_rows(stage), clean_metrics(stage)
    plant(FAULTS[stage], rows, metrics)
    return run(stage, rows, metrics).model_copy(update={"seconds": 0.0})


@pytest.mark.parametrize("stage", ["dedup", "pii"])
def test_the_same_result_as_without(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = faulty(stage)
    monkeypatch.setattr(engine, "remembered_configurations", contextlib.nullcontext)
    assert remembered == faulty(stage)


def test_each_expectation_has_its_own_and_a_later_change_is_seen() -> None:
    kind = import_gx().expectations.ExpectColumnMaxToBeBetween
    with remembered_configurations():
        one, other = kind(column="a", max_value=1), kind(column="b", max_value=2)
        assert one.configuration is one.configuration
        assert [each.configuration.kwargs["column"] for each in (one, other)] == ["a", "b"]
        for position in range(100):  # ids of objects that are gone come again
            assert kind(column=str(position)).configuration.kwargs["column"] == str(position)
    one.max_value = 3
    assert one.configuration.kwargs["max_value"] == 3


def test_a_failure_leaves_nothing_behind() -> None:
    gx = import_gx()
    ordinary = gx.expectations.Expectation.configuration
    with pytest.raises(ZeroDivisionError), remembered_configurations():
        raise ZeroDivisionError
    assert gx.expectations.Expectation.configuration is ordinary
