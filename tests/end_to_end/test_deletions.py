"""Deletions and edits on their whole way: within a batch, after a release, and against a batch that waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, deletions, listing
from pipeline.batch import corpus, load_batch
from pipeline.config import load
from pipeline.document import subject_id
from pipeline.lake.rows import Selection
from pipeline.recipe import STAGES
from tests.end_to_end.conftest import texts

CONFIG = """
data_pipeline:
  ingestion:
    sources:
      - name: feed
        kind: social
        format: bluesky
        license: CC-BY-4.0
        paths: [unused]
        documents: {documents}
"""


def event(
    number: int, text: str | None = None, *, author: str = "ann", second: int = 0, **record: Any
) -> dict[str, Any]:
    """Make the event of a post, or of its deletion where there is no text."""
    commit: dict[str, Any] = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"3k{number}"}
    if text is None:
        commit["operation"] = "delete"
    else:
        commit["record"] = {"text": text, "createdAt": f"2026-01-01T00:00:{number:02d}Z", **record}
    return {
        "did": f"did:plc:{author}",
        "kind": "commit",
        "time_us": 1767225600000000 + second * 1_000_000,
        "commit": commit,
    }


def account(author: str) -> dict[str, Any]:
    return {"did": f"did:plc:{author}", "kind": "account", "account": {"active": False, "status": "deleted"}}


class Feed:
    """A feed that arrives file by file, each file a batch."""

    def __init__(self, folder: Path, documents: str = "post") -> None:
        self.folder = folder
        self.config = folder / "pipeline.yaml"
        self.config.write_text(CONFIG.format(documents=documents))

    def opened(self, name: str, events: list[dict[str, Any]]) -> dict[str, Any]:
        file = self.folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(item) + "\n" for item in events))
        return api.open_batch(str(self.config), inputs={"feed": [str(file)]})

    def run(self, name: str, events: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
        reference = self.opened(name, events)
        return reference, api.run_all(reference)

    def approve(self, result: dict[str, Any]) -> dict[str, Any]:
        if result["published"] or not result.get("case_id"):
            return result
        return listing.decide_case(self.config, result["case_id"], "approve", "a curator", "looked at it")["commit"]

    def published(self) -> dict[str, str]:
        """Return the newest release's documents: id and text."""
        found = corpus(load(self.config))
        return {row["document_id"]: row["text"] for part in found.documents() for row in part.to_pylist()}

    def reasons(self, reference: dict[str, Any], stage: str = "ingest") -> list[str]:
        return sorted(row["reason"] for row in listing.quarantined(reference, stage, None, 1000))


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Feed:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    return Feed(tmp_path)


def ingested(reference: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the batch's rows after ingest, text beside the columns."""
    chain = api.full_chain(load_batch(reference))
    rows = []
    for shard in range(chain.shards):
        columns = chain.read("ingest", shard, ["document_id", "post", "verdict"]).to_pylist()
        raw = chain.read_raw(shard, ["document_id", "text", "record"]).to_pylist()
        assert [row["document_id"] for row in columns] == [row["document_id"] for row in raw]
        rows += [a | b for a, b in zip(columns, raw, strict=True)]
    return rows


def test_a_deletion_that_arrives_after_the_release_takes_the_post_down(feed: Feed) -> None:
    body = texts(12)
    _, result = feed.run("monday", [event(n, text) for n, text in enumerate(body)])
    released = feed.approve(result)
    before = feed.published()
    assert released["documents"] == len(before) > 3
    victim = next(n for n, text in enumerate(body) if any(text[:40] in other for other in before.values()))
    (gone,) = [name for name, text in before.items() if body[victim][:40] in text]

    second = feed.opened("tuesday", [event(victim)])
    api.run_stage(second, "ingest")
    assert feed.published().keys() == before.keys() - {gone}
    newest = corpus(load(feed.config)).newest()
    assert newest is not None
    assert (newest.kind, newest.removed) == ("takedown", 1)
    assert "feed" in str(newest.reason)

    # Done again it changes nothing, and the post does not come back, not even in another version.
    api.run_stage(second, "ingest")
    assert deletions.honour(load_batch(second)) == corpus(load(feed.config)).newest() == newest
    third = feed.opened("wednesday", [event(victim, body[victim]), event(victim, "Edited. " + body[victim], second=9)])
    api.run_stage(third, "ingest")
    assert feed.reasons(third) == ["ingest.tombstone@1", "ingest.tombstone@1"]
    assert [row["text"] for row in ingested(third)] == [None, None]


@pytest.mark.slow
def test_a_deletion_hits_a_post_that_waits_in_another_batch(feed: Feed) -> None:
    body = texts(12)
    waiting = feed.opened("monday", [event(n, text) for n, text in enumerate(body)])
    for stage in STAGES:
        api.run_stage(waiting, stage)
        api.run_gate(waiting, stage)
    about_to_go = listing_of(waiting)
    victim = next(n for n in range(12) if subject(n) in about_to_go)
    api.run_stage(feed.opened("tuesday", [event(victim)]), "ingest")
    released = api.commit(waiting)
    assert released["published"]
    assert released["documents"] == len(about_to_go) - 1 == len(feed.published())
    gone = about_to_go[subject(victim)]
    assert gone not in feed.published()
    assert "publish.tombstone@1" in feed.reasons(waiting, "publish")


def subject(number: int) -> str:
    return subject_id("feed", f"at://did:plc:ann/app.bsky.feed.post/3k{number}")


def listing_of(reference: dict[str, Any]) -> dict[str, str]:
    """Return the documents that a batch is about to release, by the digest of their post."""
    tables = api.full_chain(load_batch(reference)).each_live(["document_id", "post"])
    return {row["post"]["id"]: row["document_id"] for table in tables for row in table.to_pylist()}


@pytest.mark.slow
def test_an_account_that_is_deleted_takes_all_its_posts_along(feed: Feed) -> None:
    body = texts(12)
    _, result = feed.run("monday", [event(n, text, author="ann" if n % 2 else "bob") for n, text in enumerate(body)])
    feed.approve(result)
    before = feed.published()
    api.run_stage(feed.opened("tuesday", [account("bob")]), "ingest")
    after = feed.published()
    mine = {name for name, text in before.items() if any(body[n][:40] in text for n in range(0, 12, 2))}
    assert mine
    assert after.keys() == before.keys() - mine


def test_within_a_batch_the_deleted_go_and_the_latest_version_stays(feed: Feed) -> None:
    reference = feed.opened(
        "monday",
        [
            event(1), event(1, "deleted before it was made"),
            event(2, "new", second=5), event(2, "old", second=1), event(2, "older", second=0),
            event(3, "first", second=1), event(3, "second", second=2), event(3, "first", second=3),
            event(4, "of one moment"), event(4, "of one moment, later in the file"),
            event(5, "by somebody who left", author="bob"), account("bob"),
        ],
    )  # fmt: skip
    totals = api.run_stage(reference, "ingest")
    rows = ingested(reference)
    assert [row["text"] for row in rows if row["verdict"] is None] == [
        "new",
        "first",
        "of one moment, later in the file",
    ]
    assert (
        feed.reasons(reference) == ["ingest.deleted@1"] * 2 + ["ingest.repeated_record@1"] + ["ingest.superseded@1"] * 4
    )
    assert totals["read"] == totals["kept"] + totals["rejected"] == 10
    assert all(
        row["text"] is row["record"] is None
        for row in rows
        if row["verdict"] and "deleted" in row["verdict"][0]["reason"]
    )
    old = next(row for row in rows if row["text"] == "old")
    new = next(row for row in rows if row["text"] == "new")
    assert old["verdict"][0]["evidence"] == new["document_id"]


def test_the_order_of_files_and_the_size_of_shards_change_nothing(feed: Feed, tmp_path: Path) -> None:
    events = [event(n % 7, f"text {n}", second=n) for n in range(40)] + [event(2)]
    kept = []
    for name, order, size in (("one", 1, 50), ("two", -1, 3)):
        halves = [events[:20], events[20:]][::order]
        folder = tmp_path / name
        folder.mkdir()
        for number, half in enumerate(halves):
            (folder / f"{number}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in half))
        reference = api.open_batch(
            str(feed.config), inputs={"feed": [str(folder)]}, overrides={"ingestion.shard_documents": size}
        )
        api.run_stage(reference, "ingest")
        kept.append(sorted(row["text"] for row in ingested(reference) if row["verdict"] is None))
    assert kept[0] == kept[1] == [f"text {n}" for n in (33, 34, 35, 36, 38, 39)]


@pytest.mark.slow
def test_without_the_search_in_other_batches_a_published_post_would_stay(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault, which shows that the first test can fail."""
    _, result = feed.run("monday", [event(n, text) for n, text in enumerate(texts(6))])
    feed.approve(result)
    before = feed.published()
    monkeypatch.setattr(deletions, "documents_of", lambda *_: iter(()))
    for number in range(6):
        api.run_stage(feed.opened(f"day {number}", [event(number)]), "ingest")
    assert feed.published() == before
    assert Selection(ids=frozenset(before)).ids.isdisjoint(corpus(load(feed.config)).tombstones().ids)


def reply(parent: int, root: int, author: str = "ann") -> dict[str, Any]:
    place = "at://did:plc:{}/app.bsky.feed.post/3k{}"
    return {"reply": {"parent": {"uri": place.format(author, parent)}, "root": {"uri": place.format(author, root)}}}


def test_a_thread_becomes_one_document_in_reply_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    feed = Feed(tmp_path, "thread")
    events = [
        event(4, "answer to the first answer", **reply(2, 1)),
        event(2, "first answer", **reply(1, 1)),
        event(3, "second answer", **reply(1, 1)),
        event(1, "question"),
        event(8, "below one that is missing", **reply(7, 6)),
        event(9, "also of that thread", **reply(6, 6)),
        event(5, "alone"),
    ]
    reference = feed.opened("monday", events)
    totals = api.run_stage(reference, "ingest")
    rows = ingested(reference)
    documents = [row for row in rows if row["verdict"] is None]
    assert sorted(row["text"] for row in documents) == sorted(
        [
            "question\n\nfirst answer\n\nanswer to the first answer\n\nsecond answer",
            "below one that is missing\n\nalso of that thread",
            "alone",
        ]
    )
    assert {row["text"][:5]: row["post"]["missing"] for row in documents} == {"quest": 0, "below": 2, "alone": 0}
    assert totals["read"] == totals["kept"] + totals["rejected"] == 7
    joined = [row["verdict"][0] for row in rows if row["verdict"]]
    assert {finding["reason"] for finding in joined} == {"ingest.joined_thread@1"}
    assert {finding["evidence"] for finding in joined} <= {row["document_id"] for row in documents}


@pytest.mark.slow
def test_a_deletion_of_one_post_takes_its_published_thread_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    feed = Feed(tmp_path, "thread")
    body = texts(12)
    events = [event(n, text, **(reply(n - 1, n - 1) if n % 2 else {})) for n, text in enumerate(body)]
    _, result = feed.run("monday", events)
    feed.approve(result)
    before = feed.published()
    hit = next(n for n in range(1, 12, 2) if any(body[n][:40] in text for text in before.values()))
    api.run_stage(feed.opened("tuesday", [event(hit)]), "ingest")
    gone = {name for name, text in before.items() if body[hit][:40] in text}
    assert len(gone) == 1
    assert feed.published().keys() == before.keys() - gone
