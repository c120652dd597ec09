"""Small batches of documents for the tests of the lake."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.lake.tables import DECISIONS, DOCUMENTS, SIGNATURES, Metric, data_name, write_rows

if TYPE_CHECKING:
    from pipeline.lake.releases import Release

FINGERPRINT = "feedfacecafebeef"
WORDS = [f"{batch}{i}" for batch in "abc" for i in range(6)]
A, B, C = WORDS[:6], WORDS[6:12], WORDS[12:]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def identity(word: str) -> str:
    """Make a document id."""
    return sha256(word)[:32]


def document(word: str, **fields) -> dict:
    """Make a published document; its id and text follow from a word."""
    text = fields.pop("text", f"text of {word}")
    lineage = fields.pop("lineage", '{"word":"x"}')
    return {
        "document_id": identity(word),
        "text": text,
        "language": "en",
        "source": "web",
        "source_kind": "web",
        "uri": f"https://example.org/{word}",
        "license": "CC0-1.0",
        "quality_score": 0.5,
        "lineage": lineage,
        "lineage_digest": None if lineage is None else sha256(lineage),
        "published_digest": sha256(text),
        "batch_id": "b1",
        **fields,
    }


def documents(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, DOCUMENTS)


def signatures(rows: list[dict]) -> pa.Table:
    kept = [{**{k: row[k] for k in ("document_id", "published_digest")}, "bands": [1, -2]} for row in rows]
    return pa.Table.from_pylist(kept, SIGNATURES)


def write(store: Store, table: str, rows: pa.Table, batch_id: str = "b1", shard: int = 0) -> str:
    name = data_name(table, batch_id, FINGERPRINT, shard)
    write_rows(store, table, name, [rows])
    return name


def publish(corpus: Corpus, batch_id: str, words: list[str], base: int | None = None, **options) -> Release:
    """Publish a batch of two shards, with signatures, one decision and one metric."""
    rows = [document(word, batch_id=batch_id) for word in words]
    half = len(rows) // 2
    shards = list(enumerate((rows[:half], rows[half:])))
    rejected = {
        "batch_id": batch_id,
        "fingerprint": FINGERPRINT,
        "document_id": identity(f"rejected {batch_id}"),
        "stage": "quality",
        "reason": "quality.score@1",
        "value": 0.1,
        "limit": 0.8,
    }
    return corpus.publish(
        base=base,
        batch_id=batch_id,
        fingerprint=FINGERPRINT,
        documents=[write(corpus.store, "documents", documents(part), batch_id, i) for i, part in shards],
        signatures=[write(corpus.store, "signatures", signatures(part), batch_id, i) for i, part in shards],
        decisions=[write(corpus.store, "decisions", pa.Table.from_pylist([rejected], DECISIONS), batch_id)],
        metrics=[Metric("quality", "kept_share", 0.75), Metric("language", "share_en", None, source="web")],
        **options,
    )


def words_of(corpus: Corpus, known: list[str], release: Release | None = None) -> list[str]:
    """Return which of the known words' documents a release holds; fail on any other or doubled row."""
    ids = [i for batch in corpus.documents(release, ["document_id"]) for i in batch["document_id"].to_pylist()]
    by_id = {identity(word): word for word in known}
    assert len(ids) == len(set(ids))
    return sorted(by_id[i] for i in ids)


def again(corpus: Corpus) -> Corpus:
    """Another process's view."""
    return Corpus(Store(corpus.store.root))
