"""The chain of releases and the lease: one writer wins, whatever clocks, pauses and crashes do."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import time

import pytest
from pydantic import ValidationError

from pipeline.errors import ContractViolation, LeaseHeld, ReleaseConflict, SnapshotError, UserError
from pipeline.lake import lease as leases
from pipeline.lake.digest import CorpusDigest
from pipeline.lake.lease import hold
from pipeline.lake.release import History, Release, release_name
from pipeline.lake.store import Store
from pipeline.lake.tables import TABLES


@pytest.fixture
def history(tmp_path) -> History:
    return History(Store(str(tmp_path)))


def release(number: int, **fields) -> Release:
    digest = CorpusDigest()
    base = {
        "number": number,
        "builds_on": number - 1 or None,
        "kind": "publish",
        "batch_id": f"b{number}",
        "fingerprint": "feedface",
        "tables": dict.fromkeys(TABLES, number),
        "documents": 0,
        "added": 0,
        "removed": 0,
        "digest": digest.hexdigest(),
        "digest_state": digest.to_text(),
        "fence": f"{number}-1",
        "published_at": dt.datetime.now(dt.UTC),
    }
    return Release.model_validate({**base, **fields})


def test_the_empty_history(history):
    assert history.last() == 0
    assert history.newest() is None
    assert list(history.backwards()) == []
    for number in (0, -1, 1):
        with pytest.raises(UserError, match="no release"):
            history.get(number)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 33])
def test_the_newest_is_found_without_a_listing(history, length):
    other = History(history.store)
    for number in range(1, length + 1):
        history.append(release(number))
        assert other.last() == number  # from where it knew the end to be
    fresh = History(history.store)
    fresh.store.list = None  # a listing would raise
    assert fresh.last() == length
    assert fresh.newest() == history.get(length)
    assert [r.number for r in fresh.backwards()] == list(range(length, 0, -1))


def test_one_number_is_given_once(history):
    history.append(release(1))
    late = History(history.store)
    with pytest.raises(ReleaseConflict, match="rebase"):
        late.append(release(1, batch_id="late"))
    assert late.get(1).batch_id == "b1"


@pytest.mark.parametrize(
    "fields",
    [
        {"builds_on": 5},
        {"builds_on": None},
        {"tables": {"documents": 1}},
        {"kind": "takedown"},
        {"batch_id": None, "fingerprint": None},
    ],
)
def test_an_inconsistent_release_cannot_be_made(fields):
    with pytest.raises(ContractViolation):
        release(2, **fields)


def test_a_figure_is_a_number():
    with pytest.raises(ValidationError):
        release(1, kpis={"quality": float("nan")})


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:100],
        lambda data: data.replace(b'"documents":0', b'"documents":1'),
        lambda data: data.replace(b'"format_version":1', b'"format_version":9'),
    ],
)
def test_damage_is_found(history, damage):
    history.append(release(1))
    history.store.write_atomic(release_name(1), damage(release(1).to_bytes()))
    with pytest.raises(SnapshotError, match="restore the file"):
        History(history.store).newest()


def test_a_record_in_anothers_place(history):
    history.append(release(1))
    history.store.write_atomic(release_name(2), release(1).to_bytes())
    with pytest.raises(SnapshotError, match="holds release 1"):
        History(history.store).newest()


# -- lease -------------------------------------------------------------------------------------------------------------


def test_one_holder_at_a_time(history):
    with hold(history, "first") as lease:
        lease.check()
        with pytest.raises(LeaseHeld, match="'first'"), hold(History(history.store), "second"):
            pytest.fail("two holders")
    with hold(history, "second") as lease:
        assert lease.fence == "00000001-000002"


def test_a_release_ends_its_lease(history):
    with hold(history, "first"):
        history.append(release(1))
        with hold(History(history.store), "second") as lease:
            assert lease.number == 2


def test_an_expired_lease_is_taken_over_and_its_holder_learns_it(history, monkeypatch):
    # A paused holder does not renew.
    monkeypatch.setattr(leases.Lease, "_renew", lambda _: None)
    with hold(history, "paused", ttl=0.05) as paused:
        paused.check()
        time.sleep(0.1)
        with hold(History(history.store), "next") as lease:
            lease.check()
            assert lease.fence > paused.fence
            with pytest.raises(LeaseHeld, match="taken over"):
                paused.check()


def test_a_live_holder_renews(history):
    with hold(history, "slow", ttl=0.3):
        time.sleep(0.8)
        with pytest.raises(LeaseHeld), hold(History(history.store), "second"):
            pytest.fail("two holders")


def test_an_error_gives_the_lease_back(history):
    with pytest.raises(ZeroDivisionError), hold(history, "first"):
        raise ZeroDivisionError
    with hold(history, "second"):
        pass


def _take_and_die(root: str) -> None:
    context = hold(History(Store(root)), "dead", ttl=600)
    context.__enter__()
    os._exit(1)


def test_a_dead_process_of_this_machine_is_not_waited_for(history):
    process = multiprocessing.get_context("fork").Process(target=_take_and_die, args=(history.store.root,))
    process.start()
    process.join()
    with hold(history, "next") as lease:
        assert lease.fence == "00000001-000002"


def test_a_dead_process_of_another_machine_is_waited_for(history, monkeypatch):
    with hold(history, "elsewhere"), monkeypatch.context() as patch:
        patch.setattr(leases, "_is_alive", lambda _: False)
        patch.setattr(leases, "_place", lambda: "another machine")
        with pytest.raises(LeaseHeld), hold(History(history.store), "here"):
            pytest.fail("two holders")


def test_a_recycled_process_id_is_another_process(history):
    name = "warehouse/leases/00000001-000001.json"
    with hold(history, "first"):
        claim = json.loads(history.store.read_bytes(name))
    claim.pop("record_digest")
    old = leases.Claim.model_validate({**claim, "released": False, "process": f"{os.getpid()}/1"})
    history.store.write_atomic(name, old.to_bytes())
    with hold(history, "second") as lease:
        assert lease.fence.endswith("2")


def test_a_damaged_lease_says_what_to_do(history):
    history.store.write_atomic("warehouse/leases/00000001-000001.json", b"{")
    with pytest.raises(SnapshotError, match="if no writer is at work"), hold(history, "second"):
        pass


def _contend(root: str, barrier, results, worker: int) -> None:
    barrier.wait()
    try:
        with hold(History(Store(root)), f"worker {worker}") as lease:
            results.put(lease.fence)
            barrier.wait()
    except LeaseHeld:
        results.put(None)
        barrier.wait()


def test_of_concurrent_writers_one_gets_the_lease(history):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    arguments = [(history.store.root, barrier, results, i) for i in range(4)]
    workers = [context.Process(target=_contend, args=a) for a in arguments]
    for worker in workers:
        worker.start()
    fences = [results.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert len([fence for fence in fences if fence]) == 1
