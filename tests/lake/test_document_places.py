"""Every document is found where it lies, however the files are cut."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from threading import Barrier

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake import places
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import write_shard
from pipeline.lake.store import Store

IDS = st.sampled_from([f"{high:016x}{low:016x}" for high in (0, 1, 2**63, 2**64 - 1) for low in (0, 7, 2**64 - 1)])


def write(store: Store, batch: str, shards: list[list[str]]) -> None:
    files: list[ShardFile] = []
    for number, ids in enumerate(shards):
        table = pa.table({"document_id": pa.array(ids, pa.string())})
        files.append(write_shard(store, f"batches/{batch}/ingest/f00d", number, "columns", table, "a"))
    places.write_places(store, batch, "f00d", files)


@given(st.lists(st.lists(IDS, max_size=12), max_size=4), st.integers(1, 5))
def test_every_place_of_every_document(
    tmp_path_factory: pytest.TempPathFactory, shards: list[list[str]], piece: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("lake")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_PIECE", piece)
        write(store, "b1", shards)
    expected = defaultdict(list)
    for shard, ids in enumerate(shards):
        for row, name in enumerate(ids):
            expected[name].append((shard, row))
    for name in {*expected, f"{3:032x}"}:
        found = places.find_places(store, name)
        assert [(place.shard, place.row) for place in found] == expected[name]
        assert {(place.batch_id, place.fingerprint) for place in found} <= {("b1", "f00d")}


@pytest.mark.parametrize("memory", [False, True])
def test_in_every_batch_that_read_it(tmp_path: Path, memory: bool) -> None:
    store = Store(f"memory://{tmp_path.name}" if memory else str(tmp_path))
    write(store, "b1", [[f"{1:032x}", f"{2:032x}"]])
    write(store, "b2", [[f"{2:032x}"], [f"{1:032x}"]])
    assert [place[0:4] for place in places.find_places(store, f"{1:032x}")] == [
        ("b1", "f00d", 0, 0),
        ("b2", "f00d", 1, 0),
    ]
    assert places.find_places(store, "no id") == []
    assert places.find_places(store, f"{3:032x}") == []


def test_an_object_store_is_asked_for_several_files_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"memory://{tmp_path.name}")
    for number in range(4):
        write(store, f"b{number}", [[f"{1:032x}"]])
    met, answer = Barrier(4, timeout=60), store.open_input

    def slow(name: str) -> pa.NativeFile:
        met.wait()  # until four ask
        return answer(name)

    monkeypatch.setattr(store, "open_input", slow)
    assert [place.batch_id for place in places.find_places(store, f"{1:032x}")] == ["b0", "b1", "b2", "b3"]
