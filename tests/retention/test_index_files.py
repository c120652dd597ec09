"""Files of the index go when no release has named them for a while, or none ever did."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from pipeline.lake.release import Release
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.retention.index_files import dead_index_files
from pipeline.settings import Retention
from tests.lake.batches import publish

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def days_ago(days: float) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


@pytest.fixture
def lake(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def history_of(lake: Store, ages: list[float]) -> list[Release]:
    """Return the lake's releases, each made so many days ago."""
    found = Corpus(lake).history()
    return [r.model_copy(update={"published_at": days_ago(age)}) for r, age in zip(found, ages, strict=True)]


def names(release: Release) -> set[str]:
    return {file.name for segment in release.index for file in segment.files}


def gone(lake: Store, history: list[Release], **policy: float | None) -> dict[str, str]:
    for entry in lake.entries("warehouse/index"):
        os.utime(lake.local_path(entry.name), (NOW.timestamp(), days_ago(3).timestamp()))
    return {due.entry.name: due.kind for due in dead_index_files(lake, history, Retention(**policy), NOW)}


def test_what_was_merged_goes_a_while_after_the_release_that_merged_it(lake: Store) -> None:
    corpus = Corpus(lake)
    publish(corpus, "b1", ["a", "b"])
    publish(corpus, "b2", ["c", "d"], base=1)  # merged with the first one
    publish(corpus, "b3", ["e"], base=2)
    history = history_of(lake, [30, 20, 10])
    one, two, three = history
    assert not names(one) & names(two)
    assert names(two) < names(three)
    own = (
        set(lake.list("warehouse/index")) - names(one) - names(three)
    )  # of the second batch, merged before it was named
    assert len(own) == 2
    assert gone(lake, history, superseded_days=21, orphan_hours=None) == {}
    assert gone(lake, history, superseded_days=19) == dict.fromkeys(names(one), "superseded") | dict.fromkeys(
        own, "orphan"
    )
    assert gone(lake, history, superseded_days=None, orphan_hours=None) == {}


def test_a_lake_without_a_release_has_orphans_only(lake: Store) -> None:
    assert gone(lake, []) == {}
    lake.write_atomic("warehouse/index/lost-bands.arrow", b"x")
    assert gone(lake, []) == {"warehouse/index/lost-bands.arrow": "orphan"}


def test_what_the_newest_release_names_stays_for_ever(lake: Store) -> None:
    corpus = Corpus(lake)
    publish(corpus, "b1", ["a", "b"])
    publish(corpus, "b2", ["c", "d"], base=1)
    corpus.rollback(1, "bad")
    history = history_of(lake, [900, 800, 700])
    assert names(history[2]) == names(history[0])
    left = gone(lake, history)
    assert {name for name, kind in left.items() if kind == "superseded"} == names(history[1])
    for name in left:
        lake.remove(name)
    again = Corpus(lake)
    assert again.index() is not None
    assert again.index(again.get(2)) is None  # it is scanned
    assert again.rollback(2, "good after all").index is None
    publish(again, "b3", ["e"], base=4)
    [segment] = again.newest().index
    assert segment.documents == 5
