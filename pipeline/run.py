"""The runner: reads a snapshot, applies a stage, splits, writes, counts and commits. Only here are rows counted.

A stage's job hands shards to Spark's workers; a worker opens the files it needs, skips the rows that were rejected before, applies
the stage, and writes its own columns aligned with the shard, changed text in a file beside them. The driver names the winners in the manifest, which is the commit.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline.batch import Batch
from pipeline.chain import chain_before, ingredients, set_head, stage_fingerprint
from pipeline.document import COLUMNS, TEXT, VERDICT_COLUMN
from pipeline.errors import ConfigError, ContractViolation, ModelError
from pipeline.faults import point
from pipeline.fingerprint import digest
from pipeline.lake import expired
from pipeline.lake import manifest as manifests
from pipeline.lake.manifest import Manifest, ShardFile, SourceCount
from pipeline.lake.snapshots import COLUMNS_ROLE, TEXT_ROLE, Chain, unify, write_shard
from pipeline.lake.store import Store
from pipeline.metrics import stage_metrics
from pipeline.recipe import Step, step
from pipeline.stage import Stage
from pipeline.verdict import Finding, outcome, reasons, verdict_array
from pipeline.work import Output, Work, session_of

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the shards done and all of them."""


@dataclass(frozen=True)
class StageResult:
    """What a stage's run came to."""

    manifest: Manifest
    reused: bool
    seconds: float


def run_stage(batch: Batch, name: str, progress: Progress | None = None, *, replay: bool = False) -> StageResult:
    """Run one stage of a batch, or find its committed result.

    Parameters
    ----------
    batch
        The batch.
    name
        The stage.
    progress
        Told of the shards that are done.
    replay
        Run it also where only its text has expired, so that later stages can read it again.

    Raises
    ------
    SnapshotError
        If an earlier stage has no snapshot.
    """
    started = time.monotonic()
    entry = step(name)
    chain = chain_before(batch, name)
    fingerprint = stage_fingerprint(batch, entry, chain)
    folder = f"batches/{batch.batch_id}/{name}/{fingerprint}"
    known = manifests.find(batch.lake, batch.batch_id, name, fingerprint)
    # What has expired is made again in its place: a candidate for a release always, text if asked to.
    missing = known is not None and expired.is_missing(batch.lake, known, text=replay)
    if known is not None and not missing:
        set_head(batch, chain, known)
        return StageResult(known, reused=True, seconds=time.monotonic() - started)
    if _needs_text(batch, entry, chain):
        chain.require_texts()
    work = Work(batch, name, chain, fingerprint, folder, partial(session_of, batch, (name,)))
    watch = _watch(batch, folder, name, chain.shards, progress)
    try:
        output = _run(work)
    finally:
        watch()
    manifest = _commit(work, output, time.monotonic() - started, again=missing)
    set_head(batch, chain, manifest)
    return StageResult(manifest, reused=False, seconds=time.monotonic() - started)


def _needs_text(batch: Batch, entry: Step, chain: Chain) -> bool:
    """Return whether a stage that has to be run reads text; of the wider ones all but ingest do."""
    if not chain.manifests or not entry.enabled(batch.settings):
        return False
    return entry.build is None or TEXT in entry.build(batch.settings, chain.fingerprints()).reads


def _run(work: Work) -> Output:
    entry = step(work.stage)
    if not entry.enabled(work.batch.settings):
        return _pass_through(work)
    if entry.build is not None:
        stage = entry.build(work.batch.settings, work.chain.fingerprints())
        rows = work.batch.settings.engine.batch_rows
        function = partial(apply_to_shard, chain=work.chain, stage=stage, folder=work.folder, batch_rows=rows)
        answers = work.on_workers(list(range(work.chain.shards)), function)
        return Output([ShardFile.model_validate(file) for answer in answers for file in answer], {})
    from pipeline.stages import wide

    return wide.RUNNERS[work.stage](work)


def _pass_through(work: Work) -> Output:
    """Write nulls for a stage that is switched off: every document is kept, nothing is measured, and no text changes."""
    schema = pa.schema([field for field in COLUMNS[work.stage] if field.name != TEXT])
    files: list[ShardFile] = []
    for shard in range(work.chain.shards):
        length = len(work.chain.live(shard))
        files += _write(work.batch.lake, work.folder, shard, unify(schema, {}, length))
    return Output(files, {})


def apply_to_shard(shard: int, chain: Chain, stage: Stage, folder: str, batch_rows: int) -> str:
    """Apply a per-document stage to the live rows of one shard and write its columns (on a worker)."""
    rows = np.flatnonzero(chain.live(shard)).astype(np.int64)
    length = len(chain.live(shard))
    documents = chain.documents(shard, stage.reads, rows).combine_chunks()
    parts = []
    for start in range(0, len(rows), batch_rows):
        piece = documents.slice(start, batch_rows)
        batch = pa.RecordBatch.from_arrays([_one(c) for c in piece.columns], names=list(stage.reads))
        parts.append(isolated_apply(stage, batch))
    result = pa.Table.from_batches(parts, schema=stage.adds)
    # Rows that were rejected before are null here, so that every shard of the batch stays aligned.
    place = np.full(length, -1, np.int64)
    place[rows] = np.arange(len(rows))
    aligned = result.take(pa.array(place, pa.int64(), mask=place < 0)) if len(rows) else unify(stage.adds, {}, length)
    files = _write(chain.lake, folder, shard, aligned.combine_chunks())
    return json.dumps([file.model_dump() for file in files])


def _write(lake: Store, folder: str, shard: int, table: pa.Table) -> list[ShardFile]:
    """Write a stage's columns and, in a file of its own, the text that it changed."""
    attempt = uuid.uuid4().hex[:8]
    if TEXT not in table.schema.names:
        return [write_shard(lake, folder, shard, COLUMNS_ROLE, table, attempt)]
    return [
        write_shard(lake, folder, shard, COLUMNS_ROLE, table.drop_columns([TEXT]), attempt),
        write_shard(lake, folder, shard, TEXT_ROLE, table.select([TEXT]), attempt),
    ]


def isolated_apply(stage: Stage, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Apply a stage; where it raises, halve the batch until the one document that it raises on stands alone and fails alone.

    Raises
    ------
    ContractViolation
        If the stage returns other rows or columns than it promised.
    ConfigError, ModelError
        If the stage raises one: that is no document's fault.
    """
    try:
        result = stage.apply(batch)
    except (ContractViolation, ConfigError, ModelError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a document provokes must not take its neighbours along
        if batch.num_rows == 1:
            # The class of the error, never its message: a message may quote the text.
            verdict = verdict_array([[Finding(f"{stage.name}.failed@1", evidence=type(error).__name__)]])
            return unify(stage.adds, {VERDICT_COLUMN: verdict}, 1).to_batches()[0]
        half = batch.num_rows // 2
        halves = [isolated_apply(stage, batch.slice(0, half)), isolated_apply(stage, batch.slice(half))]
        return pa.Table.from_batches(halves, schema=stage.adds).combine_chunks().to_batches()[0]
    if result.num_rows != batch.num_rows:
        raise ContractViolation(f"stage {stage.name} returned {result.num_rows} rows for {batch.num_rows}")
    if not result.schema.equals(stage.adds):
        raise ContractViolation(f"stage {stage.name} returned other columns than it promises")
    return result


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def count_sources(chain: Chain, stage: str) -> list[SourceCount]:
    """Count a stage's documents by source, from what it wrote; `read` comes from the snapshot before, not from this one."""
    counted: dict[str, dict[str, int]] = {}
    for shard in range(chain.shards):
        live = chain.upto(stage).live(shard) if stage != "ingest" else None
        verdict = chain.read(stage, shard, [VERDICT_COLUMN]).column(0)
        sources = chain.read("ingest", shard, ["source"]).column(0)
        if len(verdict) != len(sources):
            continue  # a misaligned shard is counted as lost: the gate sees the difference
        why = reasons(verdict).to_pylist()
        names = sources.to_pylist()
        for row, (source, reason) in enumerate(zip(names, why, strict=True)):
            if live is None or live[row]:
                bucket = counted.setdefault(source, {})
                bucket[reason or ""] = bucket.get(reason or "", 0) + 1
    return [
        SourceCount(
            source=source,
            read=0,
            kept=bucket.get("", 0),
            rejected={r: n for r, n in sorted(bucket.items()) if r and outcome(r) == "rejected"},
            failed={r: n for r, n in sorted(bucket.items()) if r and outcome(r) == "failed"},
        )
        for source, bucket in sorted(counted.items())
    ]


def _commit(work: Work, output: Output, seconds: float, *, again: bool) -> Manifest:
    """Count, measure and write the manifest, last and atomically; `again` replaces one whose files have expired."""
    name = work.stage
    made_from = ingredients(work.batch, step(name), work.chain)
    draft = Manifest(
        batch_id=work.batch.batch_id,
        stage=name,
        fingerprint=work.fingerprint,
        inputs=work.chain.fingerprints(),
        files=tuple(output.files),
        counts=(),
        metrics={},
        columns=str(COLUMNS[name]),
        settings_digest=work.batch.settings_digest,
        code_digest=digest(made_from["code"]),
        models=made_from["models"],
        ingredients={part: digest(value) for part, value in made_from.items()},
        libraries=made_from["libraries"],
        switched_off=not step(work.stage).enabled(work.batch.settings),
        timings={"run": round(seconds, 3)},
    )
    chain = Chain(work.batch.lake, work.batch.raw, (*work.chain.manifests, draft))
    counts = _with_read(work, count_sources(chain, name), output)
    aligned = all(
        file.rows == whole.rows for file, whole in zip(draft.shards(), chain.manifests[0].shards(), strict=False)
    )
    figures = step(name).figures(work, chain) if aligned and not draft.switched_off else {}
    metrics = stage_metrics(work.batch, chain, name, counts, {**output.metrics, **figures})
    final = draft.model_copy(update={"counts": tuple(counts), "metrics": metrics})
    point("stage.manifest.before")
    committed = (manifests.replace if again else manifests.write)(work.batch.lake, final)
    point("stage.manifest.after")
    return committed


def _with_read(work: Work, counts: list[SourceCount], output: Output) -> list[SourceCount]:
    """Fill in what each source handed to the stage: the readers' own count for ingest, the last snapshot's kept for the others."""
    if work.chain.manifests:
        handed = {count.source: count.kept for count in work.chain.manifests[-1].counts}
    else:
        handed = {
            name.removeprefix("read/"): int(value or 0)
            for name, value in output.metrics.items()
            if name.startswith("read/") and not isinstance(value, str)
        }
    by_source = {count.source: count for count in counts}
    empty = {name: SourceCount(source=name, read=0, kept=0, rejected={}, failed={}) for name in handed}
    return [
        (by_source.get(name) or empty[name]).model_copy(update={"read": handed.get(name, 0)})
        for name in sorted({*handed, *by_source})
    ]


def _watch(batch: Batch, folder: str, name: str, shards: int, progress: Progress | None) -> Callable[[], None]:
    """Report the shards that have appeared while Spark works; returns what ends it."""
    if progress is None:
        return lambda: None
    import threading

    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            progress(name, sum("-columns-" in file for file in batch.lake.list(folder)), shards)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join()

    return end
