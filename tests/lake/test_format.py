"""A lake says which format it has: a new one gets the present, an older one is migrated once, a newer one is refused."""

from __future__ import annotations

import json
import multiprocessing
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from batches import publish, words_of

from pipeline import __version__, faults
from pipeline.document import INGEST, PII
from pipeline.errors import LeaseHeld, SnapshotError
from pipeline.lake import format as formats
from pipeline.lake import manifest as manifests
from pipeline.lake.format import LakeRecord, opened, prepared
from pipeline.lake.lease import hold
from pipeline.lake.manifest import Manifest
from pipeline.lake.release import History
from pipeline.lake.releases import Corpus
from pipeline.lake.snapshots import COLUMNS_ROLE, Chain, unify, write_shard
from pipeline.lake.store import Store

TEXTS = [["one", None], ["two <EMAIL_ADDRESS>"]]
A = ["a0", "a1"]


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "lake"))


def snapshot(store: Store, stage: str, tables: list[pa.Table]) -> Manifest:
    folder = f"batches/b1/{stage}/feedfacecafebeef"
    files = tuple(write_shard(store, folder, i, COLUMNS_ROLE, table, "old") for i, table in enumerate(tables))
    return manifests.write(
        store,
        Manifest(
            batch_id="b1", stage=stage, fingerprint="feedfacecafebeef", files=files, settings_digest="0" * 16,
            code_digest="0" * 16,
        ),
    )  # fmt: skip


def old_lake(store: Store) -> Store:
    """Make what lay there before `lake.json` was: text among the columns of `pii`."""
    ids = [pa.array([f"{i:032x}" for i in range(len(part))]) for part in TEXTS]
    verdict = INGEST.field("verdict").type
    snapshot(
        store, "ingest", [pa.table({"document_id": names, "verdict": pa.nulls(len(names), verdict)}) for names in ids]
    )
    counts = [pa.array([1] * len(part), pa.int32()) for part in TEXTS]
    columns = [{"text": pa.array(part), "pii_count": count} for part, count in zip(TEXTS, counts, strict=True)]
    snapshot(store, "pii", [unify(PII, part, len(part["text"])) for part in columns])
    return store


def chain_of(store: Store) -> Chain:
    names = [manifests.manifest_name("b1", stage, "feedfacecafebeef") for stage in ("ingest", "pii")]
    return Chain(store, store, tuple(manifests.read(store, name) for name in names))


def check_migrated(store: Store) -> None:
    formats._known.clear()
    chain = chain_of(opened(store))
    assert [chain.texts(shard).to_pylist() for shard in range(2)] == TEXTS
    manifest = chain.manifest("pii")
    assert [len(manifest.shards(role)) for role in ("columns", "text")] == [2, 2]
    for file in manifest.shards():
        with store.open_input(file.name) as source:
            assert "text" not in pa.parquet.read_schema(source).names
    manifests.check_files(store, manifest, "text", digests=True)
    assert chain.read("pii", 1, ["pii_count"]).column(0).to_pylist() == [1]
    assert json.loads(store.read_bytes("lake.json"))["format_version"] == formats.PRESENT


def test_a_new_lake_gets_the_present_format_when_it_is_written(store):
    corpus = Corpus(store)
    assert corpus.newest() is None
    assert opened(store).list() == []
    publish(corpus, "b1", A)
    stated = json.loads(store.read_bytes("lake.json"))
    assert (stated["format_version"], stated["program"]) == (formats.PRESENT, __version__)
    assert stated["roots"] == [store.address]


def test_a_lake_is_looked_up_once_in_a_process(store, monkeypatch):
    prepared(store)
    monkeypatch.setattr(formats, "_stated", lambda _: pytest.fail("looked again"))
    opened(store)
    Corpus(Store(store.root))


def test_a_newer_lake_is_refused(store):
    newer = json.dumps({"format_version": formats.PRESENT + 1, "program": "9.8.7", "unknown": 1})
    store.write_atomic("lake.json", newer.encode())
    for open_ in (opened, prepared, Corpus):
        with pytest.raises(SnapshotError, match=rf"of format {formats.PRESENT + 1}.*install Sluice 9\.8\.7"):
            open_(store)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format_version":"1"}', b'{"format_version":2,"roots":[]}'])
def test_a_damaged_record_is_named(store, content):
    store.write_atomic("lake.json", content)
    with pytest.raises(SnapshotError, match=r"lake\.json is damaged"):
        opened(store)


def test_a_format_without_a_step_says_what_to_do(store, monkeypatch):
    old_lake(store)
    monkeypatch.setattr(formats, "STEPS", {})
    with pytest.raises(SnapshotError, match="open it with an older version first"):
        opened(store)


def test_text_among_the_columns_moves_to_files_of_its_own(store):
    old_lake(store)
    assert "text" in PII.names
    check_migrated(store)
    assert np.array_equal(chain_of(store).live(0), [True, True])


def test_a_reader_that_began_before_the_migration_reads_on(store):
    before = chain_of(old_lake(store))
    opened(store)
    assert before.read("pii", 0, ["text"]).column(0).to_pylist() == TEXTS[0]


def test_former_roots_are_taken_from_the_batches(store):
    settings = json.dumps({"lake": {"root": "/then/lake"}}).encode()
    old_lake(store).write_atomic("batches/b1/settings-0.json", settings)
    opened(store)
    assert formats.roots(store) == ("file:///then/lake", store.address)


def test_a_damaged_batch_does_not_hold_the_migration_up(store):
    old_lake(store)
    lost = chain_of(store).manifest("pii").shards()[0].name
    store.remove(lost)
    store.write_atomic("batches/b2/pii/feedfacecafebeef/manifest.json", b"{")
    opened(store)
    assert json.loads(store.read_bytes("lake.json"))["format_version"] == formats.PRESENT


def test_no_migration_beside_a_writer(store):
    old_lake(store)
    with hold(History(store), "somebody"), pytest.raises(LeaseHeld, match="somebody"):
        opened(store)
    check_migrated(store)


def _crash(root: str, point: str) -> None:
    faults.arm(f"{point}=kill")
    opened(Store(root))


@pytest.mark.parametrize(
    "point", ["stage.shard.before", "stage.shard.after", "lake.migrate.before", "lake.migrate.after"]
)
def test_killed_in_the_middle_it_is_run_again(store, point):
    old_lake(store)
    process = multiprocessing.get_context("fork").Process(target=_crash, args=(store.root, point))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert store.exists("lake.json") == (point == "lake.migrate.after")
    check_migrated(store)


def _open(root: str, barrier, results) -> None:
    barrier.wait()
    try:
        opened(Store(root))
        results.put("opened")
    except LeaseHeld:
        results.put("held")


def test_of_many_openers_one_migrates(store):
    old_lake(store)
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=_open, args=(store.root, barrier, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert "opened" in found
    assert set(found) <= {"opened", "held"}
    check_migrated(store)
    shards = [name for name in store.list("batches/b1/pii") if name.endswith(".parquet")]
    assert len(shards) == 2 + 4  # the old ones, and one migration's


def test_the_lakes_record_is_one_of_the_house(store):
    prepared(store)
    assert LakeRecord.load(store, "lake.json", "").to_bytes() == store.read_bytes("lake.json")


# -- tables ------------------------------------------------------------------------------------------------------------


def stamp(corpus: Corpus, version: str | None) -> None:
    """Give the published documents another format, or none."""
    with corpus._tables._load("documents").transaction() as transaction:
        if version is None:
            transaction.remove_properties("sluice.format-version")
        else:
            transaction.set_properties({"sluice.format-version": version})


def test_a_table_of_a_newer_format_is_refused(store):
    publish(Corpus(store), "b1", A)
    stamp(Corpus(store), str(formats.TABLES_PRESENT + 1))
    with pytest.raises(SnapshotError, match=r"table 'documents' is of format 2.*install"):
        words_of(Corpus(store), A)
    with pytest.raises(SnapshotError, match="install"):
        publish(Corpus(store), "b2", ["b"], base=1)
    assert Corpus(store).newest().number == 1


def test_an_older_table_is_read_and_taken_along_by_the_next_change(store):
    publish(Corpus(store), "b1", A)
    stamp(Corpus(store), None)
    assert words_of(Corpus(store), A) == A
    publish(Corpus(store), "b2", ["b"], base=1)
    properties = Corpus(store)._tables._load("documents").properties
    assert properties["sluice.format-version"] == str(formats.TABLES_PRESENT)
    assert Path(store.root, "lake.json").exists()
