"""Dedup: exact and near duplicates, within the batch and against the published corpus; every removal is confirmed exactly.

Workers sign the shards (bands of MinHash signatures, exact keys); the driver nominates candidate pairs from those narrow columns,
reads only the candidates' texts, compares them exactly and chooses survivors. A candidate is redacted by the batch's own pii stage
before it is compared with published text, which is redacted too; where that was done in another way, what both leave alike is compared.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.find import CONTAINED, Duplicates
from pipeline.dedup.plan import Plan
from pipeline.dedup.published import published_side
from pipeline.document import DEDUP
from pipeline.history import base_release
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import COLUMNS_ROLE, unify, write_shard
from pipeline.stages.candidate_tasks import pieces_on_workers
from pipeline.stages.choice_tasks import choose_on_workers
from pipeline.stages.redacted import redaction_of
from pipeline.stages.repetition import mark_shards
from pipeline.stages.signed import (
    ShardScratch,
    Signed,
    as_lists,
    find,
    load_signed,
    sign_shard,
    signings_of,
    texts_of,
    with_own,
)
from pipeline.verdict import Finding, verdict_array
from pipeline.work import Output, Work


def run(work: Work) -> Output:
    """Find the batch's duplicates and write the verdicts."""
    batch, chain = work.batch, work.chain
    base = base_release(batch)
    known = signings_of(batch, base)
    signings = with_own(batch.settings.dedup, known)
    task = partial(sign_shard, chain=chain, settings=batch.settings.dedup, folder=work.folder, signings=signings)
    files = [ShardScratch(*names) for names in work.on_workers(list(range(chain.shards)), task)]
    names = mark_shards(work, files, signings)
    signed = load_signed(chain, batch.settings, names)
    published = None
    if base is not None:
        redaction = redaction_of(batch.settings)
        published = published_side(
            batch.corpus, base, signed.published_bands, redaction, batch.settings.dedup.max_bucket
        )
    pieces = partial(pieces_on_workers, work, signed)
    found = find(
        batch.settings.dedup,
        signed,
        partial(texts_of, chain, signed),
        published,
        pieces,
        partial(choose_on_workers, work),
    )
    written = _write(work, signed, found)
    for name in names:
        batch.lake.remove(name)
    threshold = batch.settings.dedup.threshold
    metrics: dict[str, float | str | None] = {
        **asdict(found.statistics),
        "threshold": threshold,
        "bands": signings[0].bands,
        "rows_per_band": signings[0].rows,
        "published_catch": min((Plan(s.bands, s.rows).catch(threshold) for s in known), default=None),
        "compared_with_release": batch.record.base,
        **_repetition_metrics(signed.repetition),
    }
    return Output(written, metrics)


def _repetition_metrics(repetition: pa.Array | None) -> dict[str, float | str | None]:
    """Count the documents that hold repeated passages, and those that lost some."""
    if repetition is None:
        return {"documents_with_repetition": None, "documents_cut": None}
    return {
        "documents_with_repetition": pc.sum(pc.greater(pc.struct_field(repetition, "passages"), 0)).as_py() or 0,
        "documents_cut": len(repetition) - pc.struct_field(repetition, "cuts").null_count,
    }


def _write(work: Work, signed: Signed, found: Duplicates) -> list[ShardFile]:
    """Write the columns of every shard, aligned with its rows."""
    columns = {
        "survivor": found.survivor,
        "survivor_release": found.survivor_release,
        "similarity": found.similarity,
        "cluster_size": pa.array(found.cluster_size, pa.int32()),
        "near_miss": found.near_miss,
        **({} if signed.repetition is None else {"repetition": signed.repetition}),
        "bands": as_lists(signed.bands.hashes),
    }
    settings = work.batch.settings.dedup
    of = zip(*(c.to_pylist() for c in (found.reason, found.similarity, found.contained, found.survivor)), strict=True)
    verdict = verdict_array(
        [
            None
            if reason is None
            else [Finding(reason, contained, settings.containment, survivor)]
            if reason == CONTAINED
            else [Finding(reason, similarity, settings.threshold, survivor)]
            for reason, similarity, contained, survivor in of
        ]
    )
    table = unify(DEDUP, {**columns, "verdict": verdict}, len(signed.rows))
    files = []
    for shard in range(work.chain.shards):
        length = len(work.chain.live(shard))
        mine = np.flatnonzero(signed.shards == shard)
        place = np.full(length, -1, np.int64)
        place[signed.rows[mine]] = mine
        aligned = table.take(pa.array(place, pa.int64(), mask=place < 0)) if len(mine) else unify(DEDUP, {}, length)
        attempt = uuid.uuid4().hex[:8]
        files.append(write_shard(work.batch.lake, work.folder, shard, COLUMNS_ROLE, aligned.combine_chunks(), attempt))
    return files
