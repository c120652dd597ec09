"""A batch is closed when its release stands, or its case was rejected or timed out; and only while nothing more happens to it."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.retention.closing import State, state_of

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = T0 + dt.timedelta(days=100)


def at(days: float) -> dt.datetime:
    return T0 + dt.timedelta(days=days)


def case(state: str, expires: float = 3, decided: float | None = None) -> Any:
    decisions = [] if decided is None else [SimpleNamespace(at=at(decided).isoformat())]
    return SimpleNamespace(state=state, expires_at=at(expires).isoformat(), decisions=decisions)


def release(days: float) -> Any:
    return SimpleNamespace(published_at=at(days))


@pytest.mark.parametrize(
    ("published", "cases", "active", "expected"),
    [
        (None, [], 5, State("unfinished", at(5))),
        (7, [], 5, State("published", at(7))),
        (7, [], 9, State("published", at(9))),  # run again since
        (7, [case("approved", decided=6)], 5, State("published", at(7))),
        (None, [case("approved", decided=6)], 5, State("unfinished", at(6))),  # approved, and not committed yet
        (None, [case("rejected", decided=6)], 5, State("rejected", at(6))),
        (None, [case("rejected", decided=6)], 8, State("rejected", at(8))),
        (None, [case("open", expires=3)], 1, State("rejected", at(3))),  # its time is up
        (None, [case("open", expires=101)], 1, State("waiting", NOW)),
        (7, [case("reopened", expires=101)], 1, State("waiting", NOW)),  # another configuration of it waits
        (None, [case("rejected", decided=6), case("approved", decided=9)], 5, State("unfinished", at(9))),
    ],
)
def test_how_a_batch_stands(published: float | None, cases: list[Any], active: float, expected: State) -> None:
    standing = {} if published is None else {"b1": release(published)}
    assert state_of("b1", standing, cases, at(active), NOW) == expected
    assert state_of("b2", standing, [], at(active), NOW) == State("unfinished", at(active))


def test_a_period_is_over_at_its_last_moment_and_never_while_a_curator_is_asked() -> None:
    week = dt.timedelta(days=7)
    assert not State("rejected", at(0)).is_older(at(6.999), week)
    assert State("rejected", at(0)).is_older(at(7), week)
    assert not State("waiting", at(0)).is_older(NOW, week)
