"""One writer at a time: whoever lost the lease cannot publish."""

from __future__ import annotations

import pytest
from batches import (
    WORDS,
    A,
    B,
    C,
    again,
    identity,
    publish,
    words_of,
)

from pipeline.errors import LeaseHeld, ReleaseConflict


def test_a_change_waits_for_the_lease(published):
    with again(published).lease("someone"):
        for change in (
            lambda: publish(published, "b3", C, base=2),
            lambda: published.takedown([identity("a1")], "x"),
            lambda: published.rollback(1, "x"),
        ):
            with pytest.raises(LeaseHeld, match="'someone'"):
                change()
    assert published.newest().number == 2


def test_a_lease_can_span_steps_and_makes_one_release(published):
    with published.lease("rebase and publish") as lease:
        assert publish(published, "b3", C, base=2, lease=lease).number == 3
        with pytest.raises(ReleaseConflict, match="a new lease for each change"):
            published.takedown([identity("a1")], "x", lease=lease)
    assert words_of(published, WORDS) == sorted(WORDS)


def test_a_stale_holder_cannot_publish(published, monkeypatch):
    monkeypatch.setattr("pipeline.lake.lease.Lease._renew", lambda _: None)
    other = again(published)
    with published.lease("paused", ttl=0) as paused:
        with other.lease("next") as lease:
            with pytest.raises(LeaseHeld, match="taken over"):
                publish(published, "b3", C, base=2, lease=paused)
            assert publish(other, "b4", ["a0x"], base=2, lease=lease).number == 3
        with pytest.raises(ReleaseConflict):
            publish(published, "b3", C, base=2, lease=paused)
    # Not even without the check of the lease: the record's number is taken.
    assert words_of(other, [*WORDS, "a0x"]) == sorted([*A, *B, "a0x"])


def test_without_any_check_the_record_itself_stops_a_stale_holder(published, monkeypatch):
    monkeypatch.setattr("pipeline.lake.lease.Lease._renew", lambda _: None)
    monkeypatch.setattr("pipeline.lake.lease.Lease.check", lambda _: outrun())
    other = again(published)

    def outrun() -> None:
        monkeypatch.setattr("pipeline.lake.lease.Lease.check", lambda _: None)
        publish(other, "b4", ["a0x"], base=2)

    with pytest.raises(ReleaseConflict, match="release 3 exists already"), published.lease("paused", ttl=0) as paused:
        publish(published, "b3", C, base=2, lease=paused)
    release = again(published).newest()
    assert (release.number, release.batch_id) == (3, "b4")
    # What the outrun writer appended is in no later release.
    publish(other, "b5", ["a1x"], base=3)
    assert words_of(other, [*WORDS, "a0x", "a1x"]) == sorted([*A, *B, "a0x", "a1x"])
    assert other.recompute() == other.newest().digest
