"""A date is taken where it is sure, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.dates import EARLIEST, LATEST, parse_date


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2022-09-20T12:17:15Z", "2022-09-20T12:17:15+00:00"),
        ("2022-09-20T12:17:15.123456789Z", "2022-09-20T12:17:15.123456+00:00"),
        ("2022-09-20T12:17:15-04:00", "2022-09-20T16:17:15+00:00"),
        ("2022-09-20 12:17:15", "2022-09-20T12:17:15+00:00"),
        ("2022-09-20 12:17:15 UTC", "2022-09-20T12:17:15+00:00"),
        ("2022-09-20", "2022-09-20T00:00:00+00:00"),
        ("Tue, 20 Sep 2022 12:17:15 -0400", "2022-09-20T16:17:15+00:00"),
        (1663676235, "2022-09-20T12:17:15+00:00"),
        ("1663676235", "2022-09-20T12:17:15+00:00"),
        (1663676235000, "2022-09-20T12:17:15+00:00"),
        (1783175888085434, "2026-07-04T14:38:08.085434+00:00"),
        (1663676235.5, "2022-09-20T12:17:15.500000+00:00"),
        (date(2022, 9, 20), "2022-09-20T00:00:00+00:00"),
        (datetime(2022, 9, 20, tzinfo=timezone(timedelta(hours=2))), "2022-09-19T22:00:00+00:00"),
    ],
)
def test_what_is_understood(value, expected):
    assert parse_date(value).isoformat() == expected


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "12/09/2022", "2022", 2022, 7, -1, True, float("nan"), float("inf"), "9999-01-01", "2022-13-01",
     "1850-05-01", "x" * 10_000, [], {}, b"2022-09-20", "2022-09-20T99:00:00Z", "\ud800", "Mon, 99 Foo", "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_is_not_sure_is_null(value):
    assert parse_date(value) is None


@given(st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.datetimes(), st.dates()))
def test_any_value_gives_null_or_a_moment_in_range(value):
    moment = parse_date(value)
    assert moment is None or (moment.tzinfo is UTC and EARLIEST <= moment < LATEST)
