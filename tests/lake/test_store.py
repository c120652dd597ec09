"""Files appear complete or not at all, inside the root only, on a disk and on an object store alike."""

from __future__ import annotations

import multiprocessing
import pickle
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SnapshotError, UserError
from pipeline.lake.store import TEMPORARY, Store


@pytest.fixture(params=["local", "file", "memory"])
def store(request, tmp_path) -> Store:
    root = {"local": str(tmp_path / "lake"), "file": f"file://{tmp_path}/lake", "memory": f"memory://{uuid.uuid4()}/x"}
    return Store(root[request.param])


@pytest.mark.parametrize("data", [b"", b"x", b"\0\xff", b"z" * 5_000_000])
def test_what_is_written_is_read(store, data):
    store.write_atomic("a/b/c.bin", data)
    assert store.read_bytes("a/b/c.bin") == data
    assert store.size("a/b/c.bin") == len(data)
    assert store.digest("a/b/c.bin")[0] == len(data)
    store.write_atomic("a/b/c.bin", b"new")
    assert store.read_bytes("a/b/c.bin") == b"new"
    assert store.list() == ["a/b/c.bin"]


def test_exclusive_creation_keeps_the_first(store):
    assert store.create_exclusive("r/1.json", b"first")
    assert not store.create_exclusive("r/1.json", b"second")
    assert store.read_bytes("r/1.json") == b"first"
    assert store.list("r") == ["r/1.json"]


def _create(root: str, barrier, results, worker: int) -> None:
    barrier.wait()
    results.put((worker, Store(root).create_exclusive("one", str(worker).encode() * 100_000)))


def test_of_concurrent_creators_exactly_one_wins(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(6), context.Queue()
    workers = [context.Process(target=_create, args=(str(tmp_path), barrier, results, i)) for i in range(6)]
    for worker in workers:
        worker.start()
    outcomes = dict(results.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join()
    (winner,) = [worker for worker, won in outcomes.items() if won]
    assert Store(str(tmp_path)).read_bytes("one") == str(winner).encode() * 100_000
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_the_promise_of_exclusive_creation_can_be_tried(store, monkeypatch):
    assert store.has_exclusive_creation()
    monkeypatch.setattr(Store, "create_exclusive", lambda self, name, data: self.write_atomic(name, data) is None)
    assert not store.has_exclusive_creation()
    assert store.list() == []


def test_missing_files(store):
    assert not store.exists("no")
    assert store.list("no/folder") == []
    store.remove("no")
    for read in (store.read_bytes, store.read_json, store.size, store.digest, store.open_input):
        with pytest.raises(FileNotFoundError):
            read("no")


def test_remove(store):
    store.write_atomic("a", b"1")
    store.remove("a")
    assert not store.exists("a")


def test_a_folder_is_no_file(store):
    store.write_atomic("a/b", b"1")
    assert not store.exists("a")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", ".", "a\0b"])
def test_a_name_cannot_leave_the_root(store, name):
    if name == "a/":
        assert store.join(name) == "a"  # a trailing slash is harmless
        return
    with pytest.raises(UserError):
        store.write_atomic(name, b"x")


def test_join():
    assert Store.join("a", "b/", "/c") == "a/b/c"


def test_broken_json_names_the_file(store):
    store.write_atomic("batch.json", b'{"text": "secr')
    with pytest.raises(SnapshotError, match=r"batch\.json") as caught:
        store.read_json("batch.json")
    assert "secr" not in str(caught.value)


def test_parquet_through_the_store(store):
    table = pa.table({"text": ["", "a", "\0"]})
    with store.open_output("t/x.parquet") as sink:
        pq.write_table(table, sink)
    with store.open_input("t/x.parquet") as source:
        assert pq.read_table(source).equals(table)
    assert store.list() == ["t/x.parquet"]


def test_a_failed_output_leaves_nothing(store):
    store.write_atomic("t/keep", b"1")

    def fail() -> None:
        with store.open_output("t/x") as sink:
            sink.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.list() == ["t/keep"]


def test_a_local_output_is_invisible_until_it_is_complete(tmp_path):
    store = Store(str(tmp_path))
    with store.open_output("x") as sink:
        sink.write(b"half")
        assert not store.exists("x")
        assert all(name.startswith(TEMPORARY) for name in store.list())
    assert store.read_bytes("x") == b"half"


def test_pickle_and_equality(store):
    store.write_atomic("a", b"1")
    again = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own bytes
    assert again == store
    assert hash(again) == hash(store)
    assert again.read_bytes("a") == b"1"


def test_no_secret_in_repr():
    shown = repr(Store("s3://key:hunter2@bucket/lake?token=hunter2"))
    assert "hunter2" not in shown
    assert "bucket/lake" in shown


def test_uri_and_local_path(tmp_path):
    assert Store(str(tmp_path)).uri("a") == f"file://{tmp_path}/a"
    assert Store(f"file://{tmp_path}").local_path("a") == Path(tmp_path / "a")
    assert Store("memory://m").uri("a/b") == "memory://m/a/b"
    with pytest.raises(UserError, match="local disk"):
        Store("memory://m").local_path("a")


@pytest.mark.parametrize("root", ["", "a\0b"])
def test_an_impossible_root(root):
    with pytest.raises(UserError, match=r"lake\.root"):
        Store(root)


def test_a_relative_root_is_anchored_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("lake")
    monkeypatch.chdir("/")
    store.write_atomic("a", b"1")
    assert (tmp_path / "lake" / "a").read_bytes() == b"1"
