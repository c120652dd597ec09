"""Every lake that any version ever wrote can be read, explained, published onto, rolled back and cleaned by this one."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import api, listing
from pipeline.batch import Batch, corpus, load_batch
from pipeline.chain import full_chain
from pipeline.cli import app
from pipeline.document import COLUMNS
from pipeline.errors import SnapshotError
from pipeline.explain import explain
from pipeline.gates.result import GateResult
from pipeline.lake import format as formats
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import COLUMNS_ROLE, TEXT_ROLE, Chain, write_shard
from pipeline.lake.store import Store
from pipeline.retention.collect import collect
from pipeline.review import cases
from tests.golden.lakes import DAY, GOLDEN, Copy
from tests.golden.make_lake_1 import sections, write
from tests.lake.batches import publish

DIGEST = "8566b89db7ac85a5"
"""Of the golden lakes' newest release; the same documents have the same digest in every format."""
LAKES = sorted(folder.name for folder in GOLDEN.parent.glob("lake-*"))


def undo_format_1(golden: Copy) -> None:
    """Make a lake of format 0: text among the columns of `pii`, no `lake.json`, tables that do not say their format."""
    store = golden.store
    for table in ("documents", "signatures", "decisions", "metrics", "tombstones"):
        with corpus(golden.settings())._tables._load(table).transaction() as transaction:
            transaction.remove_properties("sluice.format-version")
    for name in store.list("batches"):
        if name.endswith("/manifest.json") and name.split("/")[2] == "pii":
            _join(store, Manifest.load(store, name, ""))
    store.remove("lake.json")
    formats._known.clear()


def _join(store: Store, manifest: Manifest) -> None:
    files = []
    for file, text in zip(manifest.shards(), manifest.shards(TEXT_ROLE), strict=True):
        columns, texts = (pq.read_table(store.local_path(entry.name)) for entry in (file, text))
        table = pa.table({"text": texts.column(0), **dict(zip(columns.column_names, columns.columns, strict=True))})
        folder = manifest.name.rpartition("/")[0]
        whole = write_shard(
            store,
            folder,
            file.shard,
            COLUMNS_ROLE,
            table.cast(pa.schema([COLUMNS["pii"].field(name) for name in table.schema.names])),
            uuid.uuid4().hex[:8],
        )
        files.append(whole)
        store.remove(file.name)
        store.remove(text.name)
    joined = Manifest.model_validate({**manifest.model_dump(), "files": [file.model_dump() for file in files]})
    store.write_atomic(manifest.name, joined.to_bytes())


@pytest.fixture(params=["format 0", *LAKES])
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Copy]:
    old = request.param == "format 0"
    copy = Copy(tmp_path / "elsewhere", "lake-1" if old else request.param)
    if old:
        undo_format_1(copy)
    yield copy
    formats._known.clear()


def batches(golden: Copy) -> list[Batch]:
    return [load_batch(listing.find_batch(golden.config, row["batch"])) for row in listing.batches(golden.config)]


def quarantined(golden: Copy) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in listing.batches(golden.config):
        for entry in listing.quarantined(listing.find_batch(golden.config, row["batch"]), None, None, 100):
            found.setdefault(entry["reason"], []).append({**entry, "batch": row["batch"]})
    return found


def test_releases_are_listed_and_their_digests_are_those_of_their_rows(golden: Copy) -> None:
    releases = listing.releases(golden.config)
    assert [(r["kind"], r["documents"], r["added"], r["removed"]) for r in releases] == [
        ("publish", 6, 6, 0),
        ("publish", 10, 4, 0),
        ("takedown", 9, 0, 1),
    ]
    published = corpus(golden.settings())
    for release in published.history():
        assert published.recompute(release, texts=True) == release.digest
    assert published.newest().digest.startswith(DIGEST)
    assert len(published.tombstones().ids) == 1


def test_documents_are_read_and_the_one_that_was_taken_down_is_in_no_release(golden: Copy) -> None:
    published = corpus(golden.settings())
    texts = {number: _texts(golden, number) for number in (1, 2, 3)}
    assert [len(texts[number]) for number in texts] == [6, 9, 9]
    assert texts[1].keys() < texts[2].keys() == texts[3].keys()
    assert not published.tombstones().ids & texts[2].keys()
    assert any("The commit point" in text for text in texts[3].values())
    assert not any("someone@example.org" in text for text in texts[3].values())


def _texts(golden: Copy, number: int) -> dict[str, str]:
    published = corpus(golden.settings())
    parts = published.documents(published.get(number), ["document_id", "text"])
    return {row["document_id"]: row["text"] for part in parts for row in part.to_pylist()}


def test_texts_between_the_stages_are_read(golden: Copy) -> None:
    for batch in batches(golden):
        chain = full_chain(batch)
        raw = [text for text in chain.upto("pii").texts(0).to_pylist() if text]
        redacted = [text for text in chain.texts(0).to_pylist() if text]
        assert len(redacted) == sum(chain.upto("pii").live(0))
        assert ("someone@example.org" in "".join(raw)) == ("<EMAIL_ADDRESS>" in "".join(redacted))


def test_a_kept_and_a_rejected_document_are_explained(golden: Copy) -> None:
    kept = explain(golden.settings(), min(_texts(golden, 3)))
    assert kept["batches"][0]["outcome"] == "kept by every stage"
    assert kept["unreadable_batches"] == []
    [rejected] = quarantined(golden)["dedup.exact_duplicate@1"]
    [story] = explain(golden.settings(), rejected["document_id"])["batches"]
    assert story["outcome"] == "rejected at dedup: dedup.exact_duplicate@1"
    assert story["stages"][-1]["values"]["similarity"] == 1.0


def test_the_quarantine_is_shown_and_gives_back_what_came_in(golden: Copy) -> None:
    found = quarantined(golden)
    assert {reason: len(rows) for reason, rows in found.items()} == {
        "ingest.unreadable_record@1": 2,
        "dedup.exact_duplicate@1": 1,
    }
    [broken, _] = found["ingest.unreadable_record@1"]
    reference = listing.find_batch(golden.config, broken["batch"])
    assert listing.quarantined_content(reference, broken["document_id"]) == b"{broken"


def test_gate_reports_and_review_cases_are_read(golden: Copy) -> None:
    reports = [name for name in golden.store.list("batches") if "/gate-" in name]
    verdicts = [GateResult.from_json(golden.store.read_bytes(name)).verdict for name in reports]
    assert sorted(verdicts) == ["flag", "flag", "pass", "pass", "pass", "pass"]
    found = cases.list_cases(cases.database_of(golden.settings()))
    assert sorted(case.state for case in found) == ["approved", "rejected"]


def test_it_is_published_onto_rolled_back_and_cleaned(golden: Copy) -> None:
    published = corpus(golden.settings())
    assert publish(published, "b4", ["x", "y"], base=3).documents == 11
    assert published.rollback(2, "bad").documents == 9
    golden.touch(golden.born)
    assert published.newest().number == 5
    report = collect(golden.settings(), golden.born + 92 * DAY)
    assert report.skipped == []
    rows = {row["kind"]: row["files"] for row in report.rows()}
    # Superseded: the index that the publish made and the rollback left behind.
    assert (rows["raw text"], rows["text"], rows["superseded"], rows["candidate"]) == (3, 3, 2, 2)
    again = corpus(golden.settings())
    for release in again.history():
        assert again.recompute(release, texts=True) == release.digest
    [rejected] = quarantined(golden)["dedup.exact_duplicate@1"]
    assert explain(golden.settings(), rejected["document_id"])["batches"]


def test_its_index_can_be_made_anew(golden: Copy) -> None:
    done = CliRunner().invoke(app, ["lake", "reindex", "-c", str(golden.config), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    made = json.loads(done.stdout)
    assert (made["number"], made["kind"], made["documents"]) == (4, "reindex", 9)
    assert made["digest"].startswith(DIGEST)
    [segment] = made["index"]
    assert segment["documents"] == 9
    published = corpus(golden.settings())
    ids = _texts(golden, 4)
    places = published.index().places(list(ids))
    assert {place.release for place in places.values()} == {1, 2}
    for name, place in places.items():
        assert published.text_of([name], stems=[place.stem]) == {name: ids[name]}


def test_opening_it_says_its_format_and_both_roots(golden: Copy) -> None:
    listing.releases(golden.config)
    stated = json.loads(golden.store.read_bytes("lake.json"))
    assert stated["format_version"] == formats.PRESENT
    assert "file:///tmp/sluice-golden/lake" in stated["roots"]
    publish(corpus(golden.settings()), "b4", ["x", "y"], base=3)
    assert golden.store.address in formats.roots(golden.store)
    table = corpus(golden.settings())._tables._load("documents")
    assert table.properties["sluice.format-version"] == str(formats.TABLES_PRESENT)


@pytest.mark.slow
def test_the_next_batch_is_judged_against_it_and_published(golden: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    taken = _texts(golden, 3)
    repeated = {"id": "again", "text": max(taken.values(), key=len), "url": "https://example.org/again"}
    write(golden.folder, "next.jsonl", [json.dumps(row) for row in (*sections()[14:18], repeated)])
    # Signed otherwise than what is published, of which such a lake says only in its batches how that was signed.
    reference = api.open_batch(str(golden.config), overrides={"dedup.recall": 0.999})
    result = api.run_all(reference)
    if not result["published"]:
        api.decide(reference, result["case_id"], "approve", "a curator", "fine", dt.datetime.now(dt.UTC).isoformat())
        result = api.commit(reference, result["case_id"])
    assert result["release"] == 4
    assert "dedup.exact_duplicate@1" in {row["reason"] for row in listing.quarantined(reference, "dedup", None, 100)}
    published = corpus(golden.settings())
    assert published.recompute(texts=True) == published.newest().digest


def test_a_column_that_came_later_is_null_and_one_that_was_promised_is_missed(golden: Copy) -> None:
    chain = full_chain(batches(golden)[0])
    columns = COLUMNS["ingest"].names
    rows = chain.read("ingest", 0, columns)
    assert rows.column_names == columns
    for name in ("canonical_uri", "published_at", "language_hint", "rights_holder", "agreement"):
        assert rows.column(name).null_count == rows.num_rows > 0
        assert rows.schema.field(name).type == COLUMNS["ingest"].field(name).type
    if "agreement" in chain.manifests[0].columns:  # of a later lake, which has them all
        return
    promised = chain.manifests[0].model_copy(update={"columns": str(COLUMNS["ingest"])})
    with pytest.raises((pa.ArrowInvalid, SnapshotError)):
        Chain(chain.lake, chain.raw, (promised,)).read("ingest", 0, columns)
