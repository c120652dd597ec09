"""Reading rows: the selected ones, of any files, as a plain filter would give them."""

from __future__ import annotations

import pytest
from batches import document, documents, identity, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import SnapshotError
from pipeline.lake.rows import Selection, read
from pipeline.lake.store import Store

WORDS = [f"w{i}" for i in range(12)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> tuple[Store, list[str]]:
    store = Store(str(tmp_path_factory.mktemp("lake")))
    cuts = [WORDS[:5], [], WORDS[5:6], WORDS[6:]]
    return store, [write(store, "documents", documents([document(w) for w in part])) for part in cuts]


selections = st.builds(
    Selection,
    ids=st.frozensets(st.sampled_from([identity(w) for w in [*WORDS, "other"]])),
    digests=st.frozensets(st.sampled_from([document(w)["published_digest"] for w in [*WORDS, "other"]]), max_size=3),
)


@given(only=st.none() | selections, without=st.none() | selections)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equals_a_plain_filter(shards, only, without):
    def hit(selection: Selection, word: str) -> bool:
        return identity(word) in selection.ids or document(word)["published_digest"] in selection.digests

    store, names = shards
    found = [
        (row["text"], row["document_id"])
        for batch in read(store, names, ["text", "document_id"], only=only, without=without)
        for row in batch.to_pylist()
    ]
    assert found == [
        (f"text of {word}", identity(word))
        for word in WORDS
        if (only is None or hit(only, word)) and not (without is not None and hit(without, word))
    ]


def test_columns_come_in_the_asked_order(shards):
    store, names = shards
    batch = next(read(store, names, ["uri", "document_id"]))
    assert batch.schema.names == ["uri", "document_id"]


def test_batches_are_bounded_and_never_empty(shards, monkeypatch):
    monkeypatch.setattr("pipeline.lake.rows.BATCH_ROWS", 2)
    store, names = shards
    assert {batch.num_rows for batch in read(store, names, ["document_id"])} == {1, 2}


@pytest.mark.parametrize("damage", [None, b"PAR1 no more"])
def test_a_lost_file_is_named(shards, damage):
    store, _ = shards
    if damage:
        store.write_atomic("warehouse/x.parquet", damage)
    with pytest.raises(SnapshotError, match=r"warehouse/x\.parquet is (missing|damaged)"):
        list(read(store, ["warehouse/x.parquet"], ["document_id"]))
