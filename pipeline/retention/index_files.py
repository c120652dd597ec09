"""Which files of the index of near-duplicates may go: those that no release names, and those that none has named for a while.

An index can be made anew, and a release without one is scanned. So what only superseded releases name need not stay for ever, as their
documents do; with it goes what was taken down since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from pipeline.lake.indexing import FOLDER
from pipeline.lake.release import Release
from pipeline.lake.store import Store
from pipeline.retention.plan import Due, days, is_old, is_temporary
from pipeline.settings import Retention


def dead_index_files(lake: Store, history: Sequence[Release], policy: Retention, now: dt.datetime) -> Iterator[Due]:
    """Yield the files of the index that may go.

    Parameters
    ----------
    lake
        The lake.
    history
        All releases, oldest first.
    policy
        The section `retention`.
    now
        The time that ages are taken from.
    """
    ended: dict[str, dt.datetime | None] = {}  # when a release came that did not name it any more
    for release, following in zip_longest(history, history[1:]):
        names = [file.name for segment in release.index or () for file in segment.files]
        ended |= dict.fromkeys(names, following.published_at if following else None)
    period = days(policy.superseded_days)
    for entry in lake.entries(FOLDER):
        if is_temporary(entry.name):
            continue
        if entry.name not in ended:
            if is_old(entry, policy, now):
                yield Due("orphan", lake, entry, f"retention.orphan_hours: {policy.orphan_hours}")
            continue
        end = ended[entry.name]
        if end is not None and period is not None and now - end >= period:
            yield Due("superseded", lake, entry, f"retention.superseded_days: {policy.superseded_days}")
