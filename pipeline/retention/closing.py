"""When a batch is closed: only then does anything of it expire."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.review.cases import WAITING

if TYPE_CHECKING:
    from pipeline.lake.release import Release
    from pipeline.review.cases import Case

Kind = Literal["published", "rejected", "waiting", "unfinished"]


@dataclass(frozen=True)
class State:
    """How a batch stands, and since when nothing of that has changed and nothing was written."""

    kind: Kind
    since: dt.datetime

    def is_older(self, now: dt.datetime, period: dt.timedelta) -> bool:
        """Return whether the batch has been so for a whole period; one that waits for a curator never has."""
        return self.kind != "waiting" and now - self.since >= period


def state_of(
    batch_id: str,
    standing: Mapping[str, Release],
    cases: Sequence[Case],
    active: dt.datetime,
    now: dt.datetime,
) -> State:
    """Return how a batch stands.

    Parameters
    ----------
    batch_id
        The batch.
    standing
        The release that each published batch is part of, less those that were rolled back.
    cases
        The batch's review cases.
    active
        When anything of the batch was written last: a batch that is run again is not closed, whatever became of it before.
    now
        The time; a case whose time is up was rejected then.
    """
    if any(case.state in WAITING and _time(case.expires_at) > now for case in cases):
        return State("waiting", now)
    decided = [_decided(case) for case in cases]
    if batch_id in standing:
        return State("published", max(active, standing[batch_id].published_at, *decided))
    refused = bool(cases) and all(case.state != "approved" for case in cases)
    return State("rejected" if refused else "unfinished", max(active, *decided) if decided else active)


def _decided(case: Case) -> dt.datetime:
    """Return when a case was decided, or its time was up."""
    return _time(case.expires_at if case.state in WAITING else case.decisions[-1].at)


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
