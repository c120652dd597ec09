"""Dedup as a stage: what it compares a batch with is pinned when the batch is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from pipeline import api, listing
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.dedup.plan import Plan
from pipeline.dedup.published import places_of, published_side, published_since
from pipeline.dedup.sides import Redaction
from pipeline.dedup.signatures import Bands
from pipeline.lake.release import Redacting
from pipeline.lake.releases import Corpus, Release
from pipeline.lake.store import Store
from pipeline.lake.tables import SIGNATURES
from tests.end_to_end.conftest import documents, write_jsonl
from tests.lake.batches import FINGERPRINT, document, identity, publish, write
from tests.lake.batches import documents as lake_documents

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Redaction(Redacting(looked_for="f" * 64, tokens="f" * 64), *[lambda texts: texts] * 3)


def test_the_published_side_is_that_of_the_release_whatever_came_after(tmp_path: Path) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    publish(corpus, "b1", ["a"])
    two = publish(corpus, "b2", ["b"], base=1)
    corpus.rollback(1, "b was bad")
    publish(corpus, "b3", ["c"], base=3)
    bands = Bands(np.array([[1, -2]]), np.array([True]))  # as every document of these batches
    found = published_side(corpus, two, bands, PLAIN, 10)
    assert found is not None
    side = dict(zip(found.document_ids.to_pylist(), found.releases.tolist(), strict=True))
    assert side == {identity("a"): 1, identity("b"): 2}
    assert sorted(found.texts(np.arange(2)).to_pylist()) == ["text of a", "text of b"]
    later = published_since(corpus, None, two, bands, PLAIN)
    assert later is not None
    assert later.document_ids.to_pylist() == [identity("a")]


def sides(corpus: Corpus, release: Release, hashes: list[int]) -> list[tuple]:
    """Return the published side as the index and as a scan of the signatures give it."""
    bands = Bands(np.array([hashes], np.int64), np.array([True]))
    found = []
    for pinned in (release, release.model_copy(update={"index": None})):
        side = published_side(corpus, pinned, bands, PLAIN, 1_000)
        if side is None:
            found.append(None)
            continue
        order = np.argsort(side.document_ids.to_pylist())
        place = np.argsort(order)
        found.append(
            (
                side.document_ids.take(pa.array(order)).to_pylist(),
                side.releases[order].tolist(),
                side.texts(order).to_pylist(),
                [column.tolist() for column in (side.buckets.hashes, side.buckets.sizes, side.buckets.starts)],
                place[side.buckets.rows].tolist(),
            )
        )
    assert (corpus.index(release) is None) == (release.index is None)
    return found


def publish_signed(corpus: Corpus, batch: str, bands: dict[str, list[int]]) -> Release:
    """Publish documents of some words with the given band hashes, two to a data file."""
    rows, files = list(bands), {"documents": [], "signatures": []}
    for shard, start in enumerate(range(0, len(rows), 2)):
        part = [document(word, batch_id=batch) for word in rows[start : start + 2]]
        signed = [
            {"document_id": row["document_id"], "published_digest": row["published_digest"], "bands": bands[word]}
            for row, word in zip(part, rows[start:], strict=False)
        ]
        files["documents"].append(write(corpus.store, "documents", lake_documents(part), batch, shard))
        table = pa.Table.from_pylist(signed, SIGNATURES)
        files["signatures"].append(write(corpus.store, "signatures", table, batch, shard))
    newest = corpus.newest()
    return corpus.publish(base=newest and newest.number, batch_id=batch, fingerprint=FINGERPRINT, **files)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 9))])
def test_the_index_of_every_release_says_what_its_signatures_say(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    corpus = Corpus(Store(str(tmp_path)))
    words = iter(f"w{i}" for i in range(1_000))
    known = list[str]()
    for step in range(7):
        kind = "publish" if step < 2 else random.choice(["publish", "publish", "takedown", "rollback", "reindex"])
        if kind == "publish":
            # Bands of another number than the last batch's: its configuration was another one.
            batch = {next(words): random.integers(-4, 5, random.integers(1, 4)).tolist() for _ in range(6)}
            known += batch
            publish_signed(corpus, f"b{step}", batch)
        elif kind == "takedown":
            corpus.takedown([identity(word) for word in random.choice(known, 2)], "asked")
        elif kind == "rollback":
            corpus.rollback(int(random.integers(1, corpus.newest().number + 1)), "bad")
        else:
            corpus.reindex()
    for release in corpus.history():
        by_index, by_scan = sides(corpus, release, list(range(-4, 5)))
        assert by_index == by_scan
    newest = corpus.newest()
    held = sum(segment.documents for segment in newest.index)
    assert newest.documents <= held <= newest.documents + len(corpus.tombstones().ids)
    assert places_of(corpus, newest, [identity(word) for word in known]).keys() == set(by_index[0]) | {
        name for part in corpus.documents(newest, ["document_id"]) for name in part[0].to_pylist()
    }


def test_a_release_of_an_older_lake_is_scanned_and_the_next_publish_makes_the_index(tmp_path: Path) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    publish(corpus, "b1", ["a", "b"])
    corpus.takedown([identity("b")], "asked")
    record = corpus.newest().model_copy(update={"index": None})
    corpus.store.write_atomic(record.name, record.to_bytes())
    again = Corpus(corpus.store)
    assert again.index() is None
    publish(again, "b2", ["c"], base=2)
    [segment] = again.newest().index
    assert segment.documents == 2
    by_index, by_scan = sides(again, again.newest(), [1])
    assert by_index == by_scan
    assert dict(zip(*by_index[:2], strict=True)) == {identity("a"): 1, identity("c"): 3}


@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_an_index_that_is_lost_is_scanned_past_and_made_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    one = publish(corpus, "b1", ["a", "b"])
    [segment] = one.index
    if damage == "lost":
        corpus.store.remove(segment.band_file.name)
    else:
        corpus.store.write_atomic(segment.document_file.name, b"ARROW1")
    bands = Bands(np.array([[1, -2]]), np.array([True]))
    found = published_side(corpus, one, bands, PLAIN, 10)
    assert sorted(found.document_ids.to_pylist()) == sorted([identity("a"), identity("b")])
    assert "sluice lake reindex" in caplog.text
    publish(corpus, "b2", ["c"], base=1)
    assert sum(part.documents for part in corpus.newest().index) == 3
    corpus.store.remove(corpus.newest().index[0].band_file.name)
    again = corpus.reindex()
    assert (again.kind, again.documents, again.digest) == ("reindex", 3, corpus.get(2).digest)
    assert corpus.reindex() == again
    data = corpus.store.read_bytes(again.index[0].band_file.name)
    corpus.store.write_atomic(again.index[0].band_file.name, data[:-1] + bytes([data[-1] ^ 1]))
    again = corpus.reindex()
    assert again.number == 4
    by_index, by_scan = sides(corpus, again, [1])
    assert by_index == by_scan


def test_a_text_lies_where_the_index_says_also_when_its_file_was_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    publish_signed(corpus, "b1", {word: [1] for word in "abcdefgh"})
    corpus.takedown([identity("a")], "asked")
    read: list[str] = []
    honest = Store.open_input
    monkeypatch.setattr(Store, "open_input", lambda self, name: read.append(name) or honest(self, name))
    bands = Bands(np.array([[1]]), np.array([True]))
    side = published_side(corpus, corpus.newest(), bands, PLAIN, 10)
    row = side.document_ids.to_pylist().index(identity("b"))
    read.clear()
    assert side.texts(np.array([row])).to_pylist() == ["text of b"]
    assert len({name for name in read if "/documents/" in name}) == 1


def test_a_ghost_is_no_survivor(tmp_path: Path) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    one = publish_signed(corpus, "b1", {"a": [1], "b": [1]})
    corpus.takedown([identity("a")], "asked")
    bands = Bands(np.array([[1]]), np.array([True]))
    for release in (one, corpus.newest()):  # a batch that was opened before, and one after
        side = published_side(corpus, release, bands, PLAIN, 10)
        assert side.document_ids.to_pylist() == [identity("b")]
        assert side.buckets.sizes.tolist() == [1]
    corpus.takedown([identity("b")], "asked")
    assert published_side(corpus, one, bands, PLAIN, 10) is None
    assert corpus.reindex().index == ()


@pytest.mark.slow
def test_a_text_that_was_taken_down_comes_back_as_a_tombstone_not_as_a_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    config = tmp_path / "pipeline.yaml"
    config.write_text(
        "data_pipeline: {ingestion: {sources: [{name: papers, kind: licensed}]}, cleaning: {filter_low_quality: false}}"
    )
    rows = documents(4, prefix="a")
    write_jsonl(tmp_path / "a.jsonl", rows)
    reference = api.open_batch(str(config), inputs={"papers": [str(tmp_path / "a.jsonl")]})
    assert api.run_all(reference)["documents"] == 4
    lake = load_batch(reference).corpus
    ids = {normal(text): name for name, text in lake.text_of(ids_of(lake)).items()}
    ghost = rows[0]["text"]
    lake.takedown([ids[normal(ghost)]], "asked")
    near = f"{ghost} again"
    offered = [{**rows[0], "id": "same"}, {**rows[0], "id": "near", "text": near}, {**rows[1], "id": "twin"}]
    write_jsonl(tmp_path / "b.jsonl", offered)
    reference = api.open_batch(str(config), inputs={"papers": [str(tmp_path / "b.jsonl")]})
    for stage in ("ingest", "dedup"):
        api.run_stage(reference, stage)
        api.run_gate(reference, stage)
    reasons = {row["reason"] for row in listing.quarantined(reference, "ingest", None, 10)}
    assert reasons == {"ingest.tombstone@1"}
    chain = full_chain(load_batch(reference))
    told = chain.read("dedup", 0, ["survivor", "survivor_release"]).to_pylist()
    assert [row["survivor"] for row in told] == [None, None, ids[normal(rows[1]["text"])]]
    assert told[2]["survivor_release"] == 1


# Slow but for one: each publishes a batch.
@pytest.mark.parametrize(
    "setting",
    [
        "threshold: 0.7",
        pytest.param("recall: 0.9999", marks=pytest.mark.slow),
        pytest.param("shingle_size: 3", marks=pytest.mark.slow),
        pytest.param("seed: 2", marks=pytest.mark.slow),
        pytest.param("words: plain", marks=pytest.mark.slow),
        pytest.param("recall: 0.9, repetition: {policy: cut, documents: 2}", marks=pytest.mark.slow),
    ],
)
def test_what_was_signed_otherwise_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    # Signatures of one plan say nothing to those of another: a changed setting must not make strangers of all that is published.
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    config = tmp_path / "pipeline.yaml"
    data = (
        "data_pipeline: {ingestion: {sources: [{name: papers, kind: licensed}]}, cleaning: {filter_low_quality: false}"
    )
    config.write_text(data + "}")
    rows = documents(4, prefix="a")
    write_jsonl(tmp_path / "a.jsonl", rows)
    assert api.run_all(api.open_batch(str(config), inputs={"papers": [str(tmp_path / "a.jsonl")]}))["documents"] == 4
    config.write_text(f"{data}, dedup: {{{setting}}}}}")
    line = "\nThis line stands on every page of the manual."  # what a policy cuts is signed anew
    near = {**rows[1], "id": "near", "text": f"{rows[1]['text']} again{line}"}
    others = [{**row, "text": f"{row['text']}{line}"} for row in documents(2, 8)]
    offered = [{**rows[0], "id": "same"}, near, *others]
    write_jsonl(tmp_path / "b.jsonl", offered)
    reference = api.open_batch(str(config), inputs={"papers": [str(tmp_path / "b.jsonl")]})
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    assert api.run_stage(reference, "dedup")["rejected"] == 2
    told = full_chain(load_batch(reference)).read("dedup", 0, ["survivor_release"])
    assert told.column(0).to_pylist() == [1, 1, None, None]
    catch = full_chain(load_batch(reference)).manifest("dedup").metrics["published_catch"]
    # As the first batch was signed, at the threshold of the second.
    assert catch == Plan(20, 7).catch(0.7 if setting == "threshold: 0.7" else 0.8)


def normal(text: str) -> str:
    return " ".join(text.split())


def ids_of(corpus: Corpus) -> list[str]:
    return [name for part in corpus.documents(columns=["document_id"]) for name in part[0].to_pylist()]


@pytest.mark.slow
def test_a_rollback_after_the_batch_was_opened_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    config = tmp_path / "pipeline.yaml"
    config.write_text(
        "data_pipeline: {ingestion: {sources: [{name: papers, kind: licensed}]}, cleaning: {filter_low_quality: false}}"
    )
    for name, start in (("a", 0), ("b", 8)):
        write_jsonl(tmp_path / f"{name}.jsonl", documents(8, start, prefix=name))
        published = api.run_all(api.open_batch(str(config), inputs={"papers": [str(tmp_path / f"{name}.jsonl")]}))
        assert published["documents"] == start + 8
    write_jsonl(tmp_path / "c.jsonl", documents(3, 8, prefix="c"))
    reference = api.open_batch(str(config), inputs={"papers": [str(tmp_path / "c.jsonl")]})
    batch = load_batch({key: str(value) for key, value in reference.items()})
    batch.corpus.rollback(1, "b was bad")
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    assert api.run_stage(reference, "dedup")["rejected"] == 3
    assert full_chain(batch).read("dedup", 0, ["survivor_release"]).column(0).to_pylist() == [2, 2, 2]
