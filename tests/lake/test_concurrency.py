"""Writers and readers at once, in processes of their own: the history is one chain, and every reader sees whole releases."""

from __future__ import annotations

import multiprocessing
import time
from itertools import pairwise

import pytest
from batches import identity, publish

from pipeline.errors import LeaseHeld, ReleaseConflict
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store

B = [f"b{i}" for i in range(4)]
READERS = 5


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that share no state with this one and need not import everything anew."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline.lake.iceberg", "pipeline.lake.releases"])
    return context


def words(writer: int, turn: int) -> list[str]:
    return [f"{writer}-{turn}-{i}" for i in range(3)]


def change(corpus: Corpus, writer: int, turn: int) -> None:
    """Publish; the second writer takes down every second time, and rolls back every third, what was published before."""
    newest = corpus.newest()
    if writer == 1 and turn % 3 == 2:
        corpus.rollback(newest.number - 1, f"turn {turn}")
    elif writer == 1 and turn % 2:
        corpus.takedown([identity(words(0, turn - 1)[0])], f"turn {turn}")
    else:
        publish(corpus, f"w{writer}-{turn}", words(writer, turn), base=newest.number if newest else None)


def write(root: str, writer: int, turns: int, both, results) -> None:
    """Change the corpus once a turn, both writers at the same moment; whoever is too late tries again on the newest release."""
    tries = 0
    for turn in range(turns):
        both.wait(120)
        while True:
            tries += 1
            try:
                change(Corpus(Store(root)), writer, turn)
                break
            except (ReleaseConflict, LeaseHeld):
                time.sleep(0.02)
    results.put(tries)


def whole(corpus: Corpus, release) -> bool:
    """Say whether a release reads as its record says, or as its record less what was taken down since."""
    newest = corpus.newest()
    rows = sum(batch.num_rows for batch in corpus.documents(release, ["document_id"]))
    signed = sum(batch.num_rows for batch in corpus.signatures(release, ["document_id"]))
    # A takedown holds for older releases at once, so it may come between the two looks.
    apart = rows != signed and corpus.newest() == newest
    return corpus.recompute(release) == release.digest and max(rows, signed) <= release.documents and not apart


def watch(root: str, stop, results) -> None:
    """Read again and again, the newest release and one that was the newest a while ago."""
    wrong, seen, held = [], set(), None
    while not stop.is_set():
        corpus = Corpus(Store(root))
        release = corpus.newest()
        for each in (release, held):
            if each is not None:
                seen.add(each.number)
                if not whole(corpus, each):
                    wrong.append(each.number)
        if held is None or release.number > held.number + 7:
            held = release
    results.put((wrong, sorted(seen)))


@pytest.mark.parametrize("turns", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_two_writers_and_five_readers(processes, tmp_path, turns):
    root, stop, both = str(tmp_path), processes.Event(), processes.Barrier(2)
    tried, watched = processes.Queue(), processes.Queue()
    readers = [processes.Process(target=watch, args=(root, stop, watched)) for _ in range(READERS)]
    writers = [processes.Process(target=write, args=(root, i, turns, both, tried)) for i in range(2)]
    for process in (*readers, *writers):
        process.start()
    try:
        tries = [tried.get(timeout=1_200) for _ in writers]
        stop.set()
        looks = [watched.get(timeout=120) for _ in readers]
        for process in (*readers, *writers):
            process.join(60)
    finally:
        # A writer that fails must not leave the others going on for ever.
        for process in (*readers, *writers):
            process.kill()

    assert [wrong for wrong, _ in looks] == [[]] * READERS
    assert all(seen for _, seen in looks)
    corpus = Corpus(Store(root))
    history = corpus.history()
    assert [(r.number, r.builds_on) for r in history] == [(n, n - 1 or None) for n in range(1, len(history) + 1)]
    assert len({r.fence for r in history}) == len(history)
    # A rollback to what is there already makes no release; everything else makes one.
    assert 2 * turns - turns // 3 <= len(history) <= 2 * turns
    assert {r.kind for r in history} == {"publish", "takedown", "rollback"}
    for before, after in pairwise(history):
        assert after.documents == before.documents + after.added - after.removed
    assert whole(corpus, corpus.newest())
    assert sum(tries) >= 2 * turns


def test_the_same_batch_twice_at_once_is_published_once(processes, tmp_path):
    publish(Corpus(Store(str(tmp_path))), "b1", ["a"])
    results = processes.Queue()
    workers = [processes.Process(target=contend_same, args=(str(tmp_path), results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == [2, 2]
    for worker in workers:
        worker.join(30)
    assert Corpus(Store(str(tmp_path))).newest().number == 2


def contend_same(root: str, results) -> None:
    corpus = Corpus(Store(root))
    while True:
        try:
            results.put(publish(corpus, "b2", B, base=1).number)
        except LeaseHeld:
            time.sleep(0.2)
            continue
        return
