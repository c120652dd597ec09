"""Dates as sources write them, to UTC; null where the meaning is not sure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Outside of it a number or a year is something else (a version, an id, a page's subject)."""

_ISO_LIKE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?", re.DOTALL)
_LONGEST = 64
"""Characters of a written date, at most."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((1e8, 4.2e9, 1_000_000), (1e11, 4.2e12, 1_000), (1e14, 4.2e15, 1))
"""Range of a number since 1970 in seconds, milliseconds, microseconds, and the microseconds of its unit; they do not overlap."""


def parse_date(value: object) -> datetime | None:
    """Return a moment in UTC, or None.

    Understood: `datetime` and `date`; ISO 8601 with or without an offset (without: taken as UTC, as WARC and most dumps mean it);
    RFC 2822 ("Tue, 20 Sep 2022 12:17:15 -0400"); seconds, milliseconds or microseconds since 1970 as a number or digits.

    >>> parse_date("2022-09-20T12:17:15-04:00").isoformat()
    '2022-09-20T16:17:15+00:00'
    >>> parse_date("12/09/2022") is None
    True
    """
    try:
        moment = _moment(value)
        if moment is None:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if EARLIEST <= moment < LATEST else None


def _moment(value: object) -> datetime | None:
    """Return the moment a value states; raises where it only looks like one."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_epoch(float(value))
    return _written(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST else None


def _written(text: str) -> datetime | None:
    """Return the moment a text states."""
    if _ISO_LIKE.fullmatch(text):
        return datetime.fromisoformat(re.sub(r"(?<=\.\d{6})\d+", "", text.removesuffix(" UTC")))
    if text.isascii() and text.isdigit():
        return _since_epoch(float(text))
    return parsedate_to_datetime(text) if "," in text else None


def _since_epoch(number: float) -> datetime | None:
    """Return the moment that a number since 1970 stands for, its unit told by its size."""
    for low, high, microseconds in _UNITS:
        if low <= number < high:
            return _EPOCH + timedelta(microseconds=round(number * microseconds))
    return None
