"""Dedup: exact and near duplicates, within the batch and against the published corpus; every removal is confirmed exactly.

Workers sign the shards (bands of MinHash signatures, exact keys); the driver nominates candidate pairs from those narrow columns,
reads only the candidates' texts, compares them exactly and chooses survivors. A candidate is redacted by the batch's own pii stage
before it is compared with published text, which is redacted too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.batch import Batch
from pipeline.config import Dedup, Settings
from pipeline.dedup.exact import exact_keys
from pipeline.dedup.find import CONTAINED, Duplicates, find_duplicates
from pipeline.dedup.plan import derive
from pipeline.dedup.published import published_side, published_since
from pipeline.dedup.sides import DuplicatesInput, PublishedInput, Rules
from pipeline.dedup.signatures import Bands, band_hashes
from pipeline.document import DEDUP
from pipeline.history import base_release
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import COLUMNS_ROLE, Chain, unify, write_shard
from pipeline.pii.redact import redact
from pipeline.stages.repetition import find_repeated, marked
from pipeline.text.arrow import one
from pipeline.text.cuts import without
from pipeline.verdict import Finding, verdict_array
from pipeline.work import Output, Work

Rows = npt.NDArray[np.int64]


class Twin(NamedTuple):
    """The document that stays for another one."""

    document_id: str
    release: int | None
    similarity: float


class Signed(NamedTuple):
    """The live documents of a batch with what comparing them needs, in the order of shards and rows.

    They are compared as they are after what `dedup.repetition` cuts; `exact` is of the text as it came, so that copies of one page
    stay copies although only one of them keeps a passage.
    """

    shards: Rows
    rows: Rows
    document_ids: pa.Array
    source_rank: Rows
    characters: Rows
    exact: npt.NDArray[np.uint64]
    bands: Bands
    repetition: pa.Array | None = None
    """The column of that name; None where nobody asked for it."""


def sign(texts: pa.Array, settings: Dedup) -> Bands:
    """Return the band hashes of texts under the configured threshold, recall, shingle size and seed."""
    return band_hashes(texts, derive(settings.threshold, settings.recall), settings.shingle_size, settings.seed)


def run(work: Work) -> Output:
    """Find the batch's duplicates and write the verdicts."""
    batch, chain = work.batch, work.chain
    repeated = find_repeated(work)
    task = partial(sign_shard, chain=chain, settings=batch.settings.dedup, folder=work.folder, repeated=repeated)
    names = work.on_workers(list(range(chain.shards)), task)
    signed = _load(chain, batch.settings, names)
    base = base_release(batch)
    published = None
    if base is not None:
        published = published_side(batch.corpus, base, signed.bands, _redactor(batch), batch.settings.dedup.max_bucket)
    found = find(batch.settings.dedup, signed, partial(_texts, chain, signed), published)
    files = _write(work, signed, found)
    for name in (*names, *([repeated] if repeated else [])):
        batch.lake.remove(name)
    plan = derive(batch.settings.dedup.threshold, batch.settings.dedup.recall)
    metrics: dict[str, float | str | None] = {
        **asdict(found.statistics),
        "threshold": batch.settings.dedup.threshold,
        "bands": plan.bands,
        "rows_per_band": plan.rows,
        "compared_with_release": batch.record.base,
        **_repetition_metrics(signed.repetition),
    }
    return Output(files, metrics)


def find(
    settings: Dedup, signed: Signed, texts: Callable[[Rows], pa.Array], published: PublishedInput | None
) -> Duplicates:
    """Compare signed documents with one another and with the published side."""
    batch = DuplicatesInput(
        signed.document_ids, signed.source_rank, signed.characters, signed.exact, signed.bands, texts
    )
    rules = Rules(settings.threshold, settings.shingle_size, settings.max_bucket, containment=settings.containment)
    return find_duplicates(batch, rules, published)


def sign_shard(shard: int, chain: Chain, settings: Dedup, folder: str, repeated: str | None) -> str:
    """Sign the live documents of one shard (on a worker) and return the name of the scratch file that holds the result.

    `repeated` names the scratch file of the batch's repeated passages, if they were looked for.
    """
    rows = np.flatnonzero(chain.live(shard)).astype(np.int64)
    table = chain.documents(shard, ["document_id", "source", "characters", "text"], rows)
    texts, repetition = marked(table, chain.lake, repeated, settings.repetition)
    bands = sign(texts, settings)
    exact = exact_keys(one(table.column("text")))
    scratch = pa.table(
        {
            "shard": pa.array(np.full(len(rows), shard, np.int64)),
            "row": pa.array(rows),
            "document_id": table.column("document_id"),
            "source": table.column("source"),
            "characters": table.column("characters"),
            "exact_0": pa.array(exact[:, 0]),
            "exact_1": pa.array(exact[:, 1]),
            "usable": pa.array(bands.usable),
            "bands": as_lists(bands.hashes),
        }
        | ({} if repetition is None else {"repetition": repetition})
    )
    name = f"{folder}/scratch-{shard:05d}-{uuid.uuid4().hex[:8]}.parquet"
    with chain.lake.open_output(name) as sink:
        pq.write_table(scratch, sink, write_statistics=False)
    return json.dumps(name)


def duplicates_at_publish(batch: Batch, chain: Chain, without: set[str], onto: int | None) -> dict[str, Twin]:
    """Return the live documents that, as they would be published, are duplicates of one another or of what came since the base.

    Containment is dedup's own question and not asked again.
    """
    if chain.manifest("dedup").switched_off:
        return {}
    signed = _signed_again(chain, batch.settings, without)
    published = None
    release = batch.corpus.get(onto) if onto is not None and onto != batch.record.base else None
    if release is not None:
        published = published_since(batch.corpus, batch.record.base, release, signed.bands, lambda texts: texts)
    similar = batch.settings.dedup.model_copy(update={"containment": None})
    found = find(similar, signed, partial(_texts, chain, signed), published)
    ids = signed.document_ids.to_pylist()
    twins = zip(
        found.survivor.to_pylist(), found.survivor_release.to_pylist(), found.similarity.to_pylist(), strict=True
    )
    return {
        name: Twin(survivor, release, similarity)
        for name, (survivor, release, similarity) in zip(ids, twins, strict=True)
        if survivor is not None
    }


def _signed_again(chain: Chain, settings: Settings, without: set[str]) -> Signed:
    """Return the live documents with the bands that dedup wrote and the exact keys of their text as it is now."""
    ranks = _ranks(settings)
    parts: list[tuple[pa.Table, Rows, int]] = []
    for shard in range(chain.shards):
        rows = np.flatnonzero(chain.live(shard)).astype(np.int64)
        table = chain.documents(shard, ["document_id", "source", "characters", "bands", "text"], rows)
        stays = np.array([name not in without for name in table.column("document_id").to_pylist()], bool)
        exact = exact_keys(one(table.column("text")))[stays]
        table = table.drop_columns(["text"]).filter(pa.array(stays))
        table = table.append_column("exact_0", pa.array(exact[:, 0])).append_column("exact_1", pa.array(exact[:, 1]))
        parts.append((table, rows[stays], shard))
    table = pa.concat_tables([part for part, _, _ in parts])
    hashes = matrix(table.column("bands"))
    return Signed(
        np.concatenate([np.full(len(rows), shard, np.int64) for _, rows, shard in parts]),
        np.concatenate([rows for _, rows, _ in parts]),
        one(table.column("document_id")),
        np.array([ranks[name] for name in table.column("source").to_pylist()], np.int64),
        table.column("characters").to_numpy().astype(np.int64),
        np.column_stack([table.column("exact_0").to_numpy(), table.column("exact_1").to_numpy()]),
        Bands(hashes, _usable(hashes, table.num_rows)),
    )


def _load(chain: Chain, settings: Settings, names: Sequence[str]) -> Signed:
    """Read the scratch files of all shards."""
    tables = []
    for name in names:
        with chain.lake.open_input(name) as source:
            tables.append(pq.read_table(source))
    table = pa.concat_tables(tables)
    ranks = _ranks(settings)
    return Signed(
        table.column("shard").to_numpy(),
        table.column("row").to_numpy(),
        one(table.column("document_id")),
        np.array([ranks[name] for name in table.column("source").to_pylist()], np.int64),
        table.column("characters").to_numpy().astype(np.int64),
        np.column_stack([table.column("exact_0").to_numpy(), table.column("exact_1").to_numpy()]),
        Bands(matrix(table.column("bands")), table.column("usable").to_numpy()),
        one(table.column("repetition")) if "repetition" in table.column_names else None,
    )


def _usable(hashes: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.bool_]:
    """Return which rows have bands: a document without words has zeros."""
    return np.asarray(hashes.any(axis=1) if hashes.size else np.zeros(length, bool), bool)


def _ranks(settings: Settings) -> dict[str, int]:
    """Return each source's place in the order of preference: its rank, then its place in the configuration."""
    ordered = sorted(settings.ingestion.sources, key=lambda source: source.rank)
    return {source.name: place for place, source in enumerate(ordered)}


def _texts(chain: Chain, signed: Signed, wanted: Rows) -> pa.Array:
    """Read the texts of some documents as they are compared, in the given order, opening each shard once."""
    shards = signed.shards[wanted]
    parts, order = [], []
    for shard in np.unique(shards).tolist():
        places = np.flatnonzero(shards == shard)
        parts.append(chain.texts(shard).take(pa.array(signed.rows[wanted[places]])))
        order.append(places)
    if not parts:
        return pa.array([], pa.string())
    back = np.argsort(np.concatenate(order), kind="stable")
    texts = one(pa.chunked_array([chunk for part in parts for chunk in part.chunks]).take(pa.array(back)))
    if signed.repetition is None:
        return texts
    return without(texts, pc.struct_field(signed.repetition, "cuts").take(pa.array(wanted)))


def _redactor(batch: Batch) -> Callable[[pa.Array], pa.Array]:
    """Return what the batch's own pii stage makes of a text; nothing if that stage is switched off."""
    if not batch.settings.cleaning.remove_pii:
        return lambda texts: texts
    return lambda texts: redact(texts, batch.settings.pii).texts


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


def as_lists(hashes: npt.NDArray[np.int64]) -> pa.Array:
    """Return a matrix as a list column."""
    offsets = np.arange(len(hashes) + 1, dtype=np.int32) * hashes.shape[1]
    item = DEDUP.field("bands").type
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(hashes.ravel()), type=item)


def matrix(lists: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a list column of equally long lists as a matrix."""
    values = one(lists).flatten().to_numpy()
    return np.asarray(values.reshape(len(lists), -1) if len(lists) else values.reshape(0, 0), np.int64)
