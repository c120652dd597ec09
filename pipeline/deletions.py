"""Deletions that a batch's feeds report, carried out on the corpus: what was published is taken down, the rest may not come.

What was deleted is remembered among the tombstones, by the same digests that posts carry: a later ingest and the rebase of a batch
that waits reject what it names. Whether the batch that brought the news is ever published has no part in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Batch
from pipeline.chain import full_chain
from pipeline.document import subjects_of
from pipeline.errors import SnapshotError
from pipeline.lake import manifest as manifests
from pipeline.lake.manifest import Manifest
from pipeline.lake.releases import Release
from pipeline.lake.snapshots import Chain
from pipeline.stages.posts import DELETED_ROLE, read_deleted

_COLUMNS = ["document_id", "post"]
_DEPTH = 5


def honour(batch: Batch) -> Release | None:
    """Take down what a batch says was deleted; done again, or where it says nothing, nothing happens.

    Returns
    -------
    Release | None
        The release that the takedown made, or the newest one; None where the batch reports no deletion.

    Raises
    ------
    LeaseHeld
        If another writer holds the corpus.
    """
    manifest = full_chain(batch).manifest("ingest")
    deleted = read_deleted(batch.lake, manifest.shards(DELETED_ROLE))
    if not deleted:
        return None
    newest = batch.corpus.newest()
    if newest is not None and deleted <= batch.corpus.tombstones(newest).ids:
        return newest
    sources = ", ".join(sorted({source.name for source in batch.settings.ingestion.sources}))
    found = set(documents_of(batch, deleted))
    return batch.corpus.takedown(deleted | found, f"deleted at its source ({sources}), reported by {batch.batch_id}")


def documents_of(batch: Batch, subjects: set[str]) -> Iterator[str]:
    """Yield the ids of the documents of any batch of the lake that are made of some posts, or by some authors.

    Batches keep their narrow columns for ever, so they tell of published documents as well.
    """
    wanted = pa.array(sorted(subjects), pa.string())
    for manifest in _ingests(batch):
        chain = Chain(batch.lake, batch.raw, (manifest,))
        for shard in range(chain.shards):
            table = chain.read("ingest", shard, _COLUMNS).combine_chunks()
            posts = table.filter(pc.is_valid(table.column("post")))
            if not posts.num_rows:
                continue
            post = posts.column("post").combine_chunks()
            whole = pc.list_value_length(pc.struct_field(post, "parts"))
            hit = pc.or_(
                pc.is_in(pc.struct_field(post, "id"), value_set=wanted),
                pc.or_(
                    pc.is_in(pc.struct_field(post, "author"), value_set=wanted), pc.greater(pc.fill_null(whole, 0), 0)
                ),
            )
            for row in posts.filter(hit).to_pylist():
                if subjects & subjects_of(row["post"]):
                    yield row["document_id"]


def _ingests(batch: Batch) -> Iterator[Manifest]:
    """Yield the snapshots of ingest of every batch of the lake, under whatever settings, that know of posts."""
    for name in batch.lake.list("batches"):
        parts = name.split("/")
        if len(parts) == _DEPTH and parts[2] == "ingest" and parts[4] == "manifest.json":
            try:
                manifest = manifests.read(batch.lake, name)
            except SnapshotError:
                continue  # it could not be published either
            if "\npost: " in manifest.columns:
                yield manifest
