"""Killed anywhere, a change leaves nothing that a reader can see; run again, it gives what it would have given."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from batches import FINGERPRINT, identity, publish

from pipeline import faults
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store

A, B = [f"a{i}" for i in range(4)], [f"b{i}" for i in range(4)]
CORPUS_POINTS = tuple(point for point in faults.POINTS if point.startswith("corpus."))
AFTER_THE_RECORD = CORPUS_POINTS[CORPUS_POINTS.index("corpus.record.after") :]
BANDS = np.array([1, -2], np.int64).view(np.uint64)
"""Of every document of these batches."""


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that share no state with this one and need not import everything anew."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline.lake.iceberg", "pipeline.lake.releases"])
    return context


def change(kind: str, root: str) -> None:
    corpus = Corpus(Store(root))
    if kind == "publish":
        publish(corpus, "b2", B, base=1)
    elif kind == "takedown":
        corpus.takedown([identity("a1")], "asked")
    elif kind == "reindex":
        corpus.reindex()
    else:
        corpus.rollback(1, "bad")


def crash(kind: str, root: str, point: str) -> None:
    faults.arm(f"{point}=kill")
    change(kind, root)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory) -> Lakes:
    return Lakes(tmp_path_factory.mktemp("lakes"))


class Lakes:
    """A lake before a change and the digest after it; put back in its place for each case, as tables hold full addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.digests = folder, {}

    def restore(self, kind: str) -> Corpus:
        root, saved = self.folder / kind, self.folder / f"{kind}.saved"
        corpus = Corpus(Store(str(root)))
        if kind not in self.digests:
            publish(corpus, "b1", A)
            if kind == "rollback":
                publish(corpus, "b2", B, base=1)
            shutil.copytree(root, saved)
            change(kind, str(root))
            self.digests[kind] = corpus.newest().digest
        shutil.rmtree(root)
        shutil.copytree(saved, root)
        return Corpus(Store(str(root)))


def check_complete(corpus: Corpus) -> None:
    """The newest release is whole: its rows give its digest, its number of documents and of signatures, and its index has them."""
    release = corpus.newest()
    assert corpus.recompute(release, texts=True) == release.digest
    assert sum(batch.num_rows for batch in corpus.documents()) == release.documents
    assert sum(batch.num_rows for batch in corpus.signatures()) == release.documents
    ids = sorted(name for batch in corpus.documents(columns=["document_id"]) for name in batch[0].to_pylist())
    index = corpus.index(release)
    assert sorted(index.find(BANDS, 100, 100).ids) == sorted(index.places(ids)) == ids
    assert release.index is None or len(release.index) <= 2


QUICK = {
    ("publish", "corpus.documents.after"),
    ("publish", "corpus.metrics.after"),
    ("publish", "corpus.record.before"),
    ("publish", "corpus.record.after"),
    ("publish", "index.file.after#4"),
    ("takedown", "corpus.tombstones.after"),
    ("rollback", "corpus.record.before"),
}
"""One of each sort; every other point is in `make test-all`."""

POINTS = [
    *(("publish", point) for point in CORPUS_POINTS),
    *(("takedown", p) for p in ("corpus.documents.after", "corpus.tombstones.after", "corpus.record.after")),
    # The batch's segment, then the one that it is merged into.
    *(("publish", f"index.file.{when}#{n}") for n in (1, 2, 3, 4) for when in ("before", "after")),
    *(
        ("reindex", p)
        for p in ("index.file.before", "index.file.after#2", "corpus.record.before", "corpus.record.after")
    ),
    *(("rollback", p) for p in ("corpus.metrics.after", "corpus.record.before", "corpus.record.after")),
]
CASES = [pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow) for case in POINTS]


@pytest.mark.parametrize(("kind", "point"), CASES)
def test_killed_at(kind, point, processes, lakes):
    before = lakes.restore(kind).newest()
    root = str(lakes.folder / kind)

    process = processes.Process(target=crash, args=(kind, root, point))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL

    seen = Corpus(Store(root))
    made = point in AFTER_THE_RECORD
    assert seen.newest().number == before.number + made
    assert (seen.newest() == before) != made
    check_complete(seen)

    change(kind, root)
    again = Corpus(Store(root))
    assert again.newest().number == before.number + 1
    assert again.newest().builds_on == before.number
    assert again.newest().digest == lakes.digests[kind]
    check_complete(again)
    if point in {"corpus.signatures.after", "corpus.record.before", "corpus.record.after"}:
        # The next change takes up nothing that the crash left, and puts main and the tags right.
        publish(again, "b3", ["c0"], base=again.newest().number)
        check_complete(again)
        for table, snapshot in again.newest().tables.items():
            refs = again._tables._load(table).metadata.refs
            assert refs["main"].snapshot_id == snapshot
            assert set(refs) == {"main", *(f"release-{r.number:08d}" for r in again.history())}


def test_main_does_not_show_an_unfinished_change(processes, tmp_path):
    corpus = Corpus(Store(str(tmp_path)))
    one = publish(corpus, "b1", A)
    process = processes.Process(target=crash, args=("publish", str(tmp_path), "corpus.record.before"))
    process.start()
    process.join(60)
    table = Corpus(corpus.store)._tables._load("documents")
    assert len(table.metadata.snapshots) == 3  # the empty one, release 1 and what the crash left
    assert table.current_snapshot().snapshot_id == one.tables["documents"]


# -- faults ------------------------------------------------------------------------------------------------------------

PUBLISH = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from batches import publish
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
publish(Corpus(Store(sys.argv[1])), "b1", ["a"])
"""


def test_the_environment_arms_a_point(tmp_path):
    environment = {**os.environ, "SLUICE_FAULT": "corpus.record.before=kill"}
    done = subprocess.run([sys.executable, "-c", PUBLISH, str(tmp_path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert Corpus(Store(str(tmp_path))).newest() is None


def test_a_point_can_raise(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "_fault", faults.parse("corpus.record.after=raise"))
    monkeypatch.setattr(faults, "_reached", 0)
    corpus = Corpus(Store(str(tmp_path)))
    with pytest.raises(faults.InjectedFault, match=r"corpus\.record\.after"):
        publish(corpus, "b1", A)
    assert corpus.find("b1", FINGERPRINT).number == 1


@pytest.mark.parametrize(
    "value",
    ["nowhere=kill", "corpus.record.before", "corpus.record.before=explode", "corpus.record.before#0=kill", "="],
)
def test_an_unknown_point_is_an_error(value):
    with pytest.raises(Exception, match="expected <point>=kill"):
        faults.parse(value)


def test_unarmed_points_do_nothing():
    assert faults.parse(None) == faults.parse("") == faults.Fault()
    for point in CORPUS_POINTS:
        faults.point(point)


def test_every_point_is_reached_in_order(monkeypatch, tmp_path):
    seen = []
    for module in ("pipeline.lake.releases", "pipeline.lake.writer"):
        monkeypatch.setattr(f"{module}.point", seen.append)
    publish(Corpus(Store(str(tmp_path))), "b1", A)
    assert tuple(seen) == CORPUS_POINTS


def test_a_point_can_wait_for_the_nth_time(monkeypatch):
    monkeypatch.setattr(faults, "_fault", faults.parse("corpus.record.after#3=raise"))
    monkeypatch.setattr(faults, "_reached", 0)
    faults.point("corpus.record.after")
    faults.point("corpus.record.before")
    faults.point("corpus.record.after")
    with pytest.raises(faults.InjectedFault):
        faults.point("corpus.record.after")
    faults.point("corpus.record.after")
