"""Publish: rebase, assemble, measure; and the commit that makes a release.

*Rebase*: what was published after the batch's base is compared with the batch's survivors, and tombstones are checked again; a
rebase only removes. *Assemble*: workers write the release's documents and signatures under `warehouse/`. *Measure*: the four
indicators, on what is about to be released. The commit comes later, when the gate has passed and nothing waits for a curator.
"""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.batch import Batch
from pipeline.dedup.published import places_of
from pipeline.document import PUBLISH, subjects_of, text_digest
from pipeline.lake.manifest import ShardFile
from pipeline.lake.releases import Release
from pipeline.lake.snapshots import COLUMNS_ROLE, Chain, unify, write_shard
from pipeline.lake.store import Store
from pipeline.lake.tables import DOCUMENTS, data_name, write_rows
from pipeline.stages.late_duplicates import Twin, duplicates_at_publish
from pipeline.stages.provenance import verify
from pipeline.verdict import Finding, verdict_array
from pipeline.work import Output, Work

DOCUMENTS_ROLE = "documents"
SIGNATURES_ROLE = "signatures"


class Removed(NamedTuple):
    """Why a document of the batch is not released after all."""

    reason: str
    twin: Twin | None


def onto(batch: Batch, chain: Chain) -> int | None:
    """Return the release that this batch is rebased onto: the newest, or the one its own release was built on."""
    own = released(batch, chain)
    if own is not None:
        return own.builds_on
    newest = batch.corpus.newest()
    return newest.number if newest else None


def released(batch: Batch, chain: Chain) -> Release | None:
    """Return the release that this very candidate made, if it was published before."""
    return batch.corpus.find(batch.batch_id, candidate(chain))


def candidate(chain: Chain) -> str:
    """Return the fingerprint that names what is to be published: the last stage's before publish."""
    return chain.fingerprints()["validate"]


def run(work: Work) -> Output:
    """Rebase, assemble and measure the release candidate."""
    from pipeline.indicators import measure

    batch, chain = work.batch, work.chain
    number = onto(batch, chain)
    removed = rebase(batch, chain, number)
    answers = work.on_workers(
        list(range(chain.shards)),
        partial(
            write_release_shard,
            chain=chain,
            removed=removed,
            batch_id=batch.batch_id,
            folder=work.folder,
            fingerprint=work.fingerprint,
        ),
    )
    files = [ShardFile.model_validate(file) for answer in answers for file in answer["files"]]
    total = sum(answer["documents"] for answer in answers)
    verified = sum(answer["verified"] for answer in answers)
    metrics: dict[str, float | str | None] = {
        "documents": total,
        "onto": number,
        "removed_by_rebase": len(removed),
        "provenance_completeness": verified / total if total else None,
        **measure(batch, chain, files, number),
    }
    return Output(files, metrics)


def rebase(batch: Batch, chain: Chain, number: int | None) -> dict[str, Removed]:
    """Return the documents of the batch that the corpus, as it is now, leaves no room for, by id.

    Tombstones name ids or digests of texts; an id that the corpus holds is there already; what the releases after the batch's base
    added, and what redaction has made equal within the batch, is compared exactly.
    """
    removed: dict[str, Removed] = {}
    release = batch.corpus.get(number) if number is not None else None
    barred = batch.corpus.tombstones(release)
    ids: list[str] = []
    for table in chain.each_live(["document_id", "text", "ingest.text_digest", "post"]):
        for name, text, raw, post in zip(*(column.to_pylist() for column in table.columns), strict=True):
            ids.append(name)
            digests = {raw, text_digest(text)} if barred.digests else set()
            if not barred.ids.isdisjoint({name, *subjects_of(post)}) or not barred.digests.isdisjoint(digests):
                removed[name] = Removed("publish.tombstone@1", None)
    for name, place in places_of(batch.corpus, release, ids).items():
        removed.setdefault(name, Removed("publish.already_published@1", Twin(name, place.release, 1.0)))
    for name, twin in duplicates_at_publish(batch, chain, set(removed), number).items():
        reason = "publish.duplicate_after_redaction@1" if twin.release is None else "publish.duplicate_since_base@1"
        removed[name] = Removed(reason, twin)
    return removed


def write_release_shard(
    shard: int, chain: Chain, removed: dict[str, Removed], batch_id: str, folder: str, fingerprint: str
) -> str:
    """Write one shard's part of the release candidate (on a worker): its columns, its documents, its signatures."""
    alive = chain.live(shard)
    rows = np.flatnonzero(alive).astype(np.int64)
    names = chain.documents(shard, ["document_id"]).column(0).to_pylist()
    texts = chain.texts(shard).to_pylist()
    arrays = _columns(names, texts, alive, removed)
    columns = unify(PUBLISH, arrays, len(alive))
    attempt = uuid.uuid4().hex[:8]
    files = [write_shard(chain.lake, folder, shard, COLUMNS_ROLE, columns, attempt)]
    stays = rows[[names[row] not in removed for row in rows]] if len(rows) else rows
    documents = _documents(chain, shard, stays, batch_id)
    verified = sum(
        verify(line, digest, text)
        for line, digest, text in zip(
            documents.column("lineage").to_pylist(),
            documents.column("lineage_digest").to_pylist(),
            documents.column("text").to_pylist(),
            strict=True,
        )
    )
    if len(stays):
        place = (batch_id, fingerprint, shard)
        files.append(_write(chain.lake, place, DOCUMENTS_ROLE, documents))
        files.append(_write(chain.lake, place, SIGNATURES_ROLE, _signatures(chain, shard, stays, documents)))
    return json.dumps({"files": [file.model_dump() for file in files], "documents": len(stays), "verified": verified})


def _columns(names: list[str], texts: list[str | None], alive: Any, removed: dict[str, Removed]) -> dict[str, pa.Array]:
    gone = [removed.get(name) if live else None for name, live in zip(names, alive, strict=True)]
    twins = [entry.twin if entry else None for entry in gone]
    return {
        "published_digest": pa.array(
            [text_digest(text) if live and not out and text is not None else None
             for text, live, out in zip(texts, alive, gone, strict=True)], pa.string(),
        ),
        "survivor": pa.array([twin.document_id if twin else None for twin in twins], pa.string()),
        "survivor_release": pa.array([twin.release if twin else None for twin in twins], pa.int64()),
        "similarity": pa.array([twin.similarity if twin else None for twin in twins], pa.float64()),
        "verdict": verdict_array([[Finding(entry.reason, evidence=entry.twin.document_id if entry.twin else None)] if entry else None for entry in gone]),
    }  # fmt: skip


def _documents(chain: Chain, shard: int, rows: Any, batch_id: str) -> pa.Table:
    """Return the rows of the corpus's documents table."""
    table = chain.documents(
        shard,
        [
            "document_id",
            "text",
            "language",
            "source",
            "source_kind",
            "uri",
            "license",
            "quality_score",
            "lineage",
            "lineage_digest",
        ],
        rows,
    )
    digests = pa.array(
        [None if text is None else text_digest(text) for text in table.column("text").to_pylist()], pa.string()
    )
    table = table.append_column("published_digest", digests)
    table = table.append_column("batch_id", pa.array([batch_id] * table.num_rows, pa.string()))
    return table.select(DOCUMENTS.names)


def _signatures(chain: Chain, shard: int, rows: Any, documents: pa.Table) -> pa.Table:
    bands = chain.documents(shard, ["bands"], rows).column(0)
    return pa.table(
        {
            "document_id": documents.column("document_id"),
            "published_digest": documents.column("published_digest"),
            "bands": bands,
        }
    )


def _write(store: Store, place: tuple[str, str, int], role: str, table: pa.Table) -> ShardFile:
    """Write a file of the corpus; its role is the table's name."""
    name = data_name(role, *place)
    rows = write_rows(store, role, name, [table])
    size, sha256 = store.digest(name)
    return ShardFile(shard=place[2], role=role, name=name, rows=rows, bytes=size, sha256=sha256)
