"""A batch's gates: hands a snapshot's narrow rows and figures to its suite and keeps the verdict beside the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.batch import Batch
from pipeline.errors import GateBlocked, SnapshotError
from pipeline.fingerprint import digest
from pipeline.gates.gate import GateResult, judge
from pipeline.gates.suites import Suite, load_suite
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import Chain
from pipeline.metrics import narrow_rows
from pipeline.recipe import STAGES
from pipeline.run import full_chain
from pipeline.work import INLINE, master_of

SPARK_ROWS = 200_000
"""Rows from which a gate asks Spark instead of pandas (docs/gates.md has the timings)."""


def run_gate(batch: Batch, stage: str) -> GateResult:
    """Judge a stage's snapshot, or find the verdict that the same suite and parameters gave.

    Raises
    ------
    SnapshotError
        If the stage has no snapshot.
    """
    chain = full_chain(batch)
    manifest = chain.manifest(stage)
    suite = suite_of(batch, stage)
    values = parameters(batch, stage)
    name = report_name(manifest, suite, values)
    if batch.lake.exists(name):
        return GateResult.model_validate_json(batch.lake.read_bytes(name))
    rows = narrow_rows(chain, stage)
    spark = None
    if rows.num_rows > SPARK_ROWS and master_of(batch) != INLINE:
        from pipeline.spark import session

        spark = session(master_of(batch))
    result = judge(stage, rows, dict(manifest.metrics), suite, values, spark=spark)
    batch.lake.write_atomic(name, result.model_dump_json(indent=1).encode())
    return result


def passed(batch: Batch, stage: str) -> GateResult:
    """Judge a stage and stop the line if its gate blocks.

    Raises
    ------
    GateBlocked
        If the verdict is `block`; the message says which expectation, on what, how many of how many, and where to look.
    """
    result = run_gate(batch, stage)
    if result.verdict == "block":
        raise GateBlocked(f"batch {batch.batch_id}: {result.message()}; report: {report_path(batch, stage)}")
    return result


def known_verdict(batch: Batch, chain: Chain, stage: str) -> GateResult | None:
    """Return a verdict that was given before, if the suite and its parameters are still the same."""
    manifest = chain.manifest(stage)
    name = report_name(manifest, suite_of(batch, stage), parameters(batch, stage))
    return GateResult.model_validate_json(batch.lake.read_bytes(name)) if batch.lake.exists(name) else None


def require_open(batch: Batch, stage: str) -> None:
    """Refuse to start a stage whose predecessor's gate has not let it through.

    Raises
    ------
    GateBlocked
        If that gate blocks.
    SnapshotError
        If it has not judged yet.
    """
    position = STAGES.index(stage)
    if position == 0:
        return
    before = STAGES[position - 1]
    verdict = known_verdict(batch, full_chain(batch), before)
    if verdict is None:
        raise SnapshotError(
            f"batch {batch.batch_id}: the gate of {before} has not judged yet; run `sluice gate {before}` first"
        )
    if verdict.verdict == "block":
        raise GateBlocked(f"batch {batch.batch_id}: {stage} does not start: {verdict.message()}")


def verdicts(batch: Batch) -> dict[str, GateResult]:
    """Return the verdicts that the batch has, by stage."""
    chain = full_chain(batch)
    found = {stage: known_verdict(batch, chain, stage) for stage in chain.stages}
    return {stage: result for stage, result in found.items() if result is not None}


def report_path(batch: Batch, stage: str) -> str:
    """Return where a stage's gate report lies."""
    manifest = full_chain(batch).manifest(stage)
    return batch.lake.path(report_name(manifest, suite_of(batch, stage), parameters(batch, stage)))


def report_name(manifest: Manifest, suite: Suite, values: dict[str, Any]) -> str:
    """Return the name of a verdict: the snapshot's folder, the suite's digest and that of its parameters."""
    folder = manifest.name.rsplit("/", 1)[0]
    return f"{folder}/gate-{digest([suite.digest, values])[:16]}.json"


def suite_of(batch: Batch, stage: str) -> Suite:
    """Return the suite that the settings name for a stage."""
    folder = batch.settings.expectations
    return load_suite(stage, Path(folder) if folder else None)


def parameters(batch: Batch, stage: str) -> dict[str, Any]:
    """Return the values that suites may refer to as ``{"$PARAMETER": name}``."""
    settings = batch.settings
    removed = {"dedup": settings.dedup.max_removed_share, "quality": settings.quality.max_removed_share}
    return {
        "quality_threshold": settings.cleaning.quality_threshold,
        "dedup_threshold": settings.dedup.threshold,
        "max_failed_share": settings.ingestion.max_failed_share,
        "max_removed_share": removed.get(stage, 1.0),
        "max_text_characters": max(source.max_text_characters for source in settings.ingestion.sources),
        "max_share_change": settings.history.max_share_change,
        "max_regression": settings.validation.max_regression,
        "publish_min_quality": settings.publish.min_quality,
        "publish_max_duplicate_rate": settings.publish.max_duplicate_rate,
        "warming_up": _warming_up(batch),
    }


def _warming_up(batch: Batch) -> bool:
    """Return whether the history is too short for expectations against it (or not to be used at all)."""
    if not batch.settings.validation.continuous_monitoring or batch.record.base is None:
        return True
    return bool(batch.corpus.batches(batch.record.base) < batch.settings.history.warm_up_batches)
