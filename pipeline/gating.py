"""A batch's gates: hands a snapshot's narrow rows and figures to its suite and keeps the verdict beside the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.batch import Batch
from pipeline.chain import chain_before, full_chain
from pipeline.errors import GateBlocked, SnapshotError, UserError
from pipeline.faults import point
from pipeline.fingerprint import digest
from pipeline.gates.gate import SPARK_ROWS, judge
from pipeline.gates.result import GateResult
from pipeline.gates.suites import Suite, load_suite
from pipeline.gates.vocabulary import gate_parameters, metrics_of
from pipeline.history import released_batches
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import Chain
from pipeline.metrics import narrow_rows
from pipeline.recipe import STAGES, step
from pipeline.work import INLINE, master_of, session_of

BATCH_PAGE = "batch.html"
"""The report on a batch, beside its Data Docs."""


def run_gate(batch: Batch, stage: str) -> GateResult:
    """Judge a stage's snapshot, or find the verdict that the same suite and parameters gave.

    Raises
    ------
    SnapshotError
        If the stage has no snapshot.
    """
    chain = full_chain(batch)
    manifest = chain.manifest(step(stage).name)
    suite = suite_of(batch, stage)
    values = parameters(batch, stage)
    name = report_name(manifest, suite, values)
    if batch.lake.exists(name):
        return GateResult.from_json(batch.lake.read_bytes(name))
    rows = narrow_rows(chain, stage)
    spark = None
    if rows.num_rows > SPARK_ROWS and master_of(batch) != INLINE:
        spark = session_of(batch, ())
    result = judge(stage, rows, _figures(batch, chain, stage), suite, values, spark=spark)
    point("gate.report.before")
    batch.lake.write_atomic(name, result.to_json().encode())
    point("gate.report.after")
    return result


def _figures(batch: Batch, chain: Chain, stage: str) -> dict[str, Any]:
    """Return the stage's figures as its suite may name them; null is *not measured*."""
    manifest = chain.manifest(stage)
    names = metrics_of(stage)
    # A figure that a stage forgot stays absent, and the gate blocks on it; only a stage that is off has measured nothing.
    found: dict[str, Any] = {name: manifest.metrics[name] for name in names if name in manifest.metrics}
    if manifest.switched_off:
        found = {name: found.get(name) for name in names}
    if stage == "publish":
        earlier = [known_verdict(batch, chain, name) for name in chain.upto(stage).stages]
        found["gate_flags"] = sum(result is not None and result.verdict == "flag" for result in earlier)
    return found


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
    return GateResult.from_json(batch.lake.read_bytes(name)) if batch.lake.exists(name) else None


def require_open(batch: Batch, stage: str) -> None:
    """Refuse to start a stage whose predecessor's gate has not let it through.

    Raises
    ------
    GateBlocked
        If that gate blocks.
    SnapshotError
        If it has not judged yet.
    """
    position = STAGES.index(step(stage).name)
    if position == 0:
        return
    before = STAGES[position - 1]
    verdict = known_verdict(batch, chain_before(batch, stage), before)
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


def data_docs(batch: Batch) -> str:
    """Write Great Expectations' Data Docs of the batch's verdicts so far, and return the address of their first page.

    Once validate has run, the report on the batch lies beside them. They hold expectations, counts and ids, never a document's text.
    """
    from pipeline.gates.docs import build_data_docs

    folder = batch.lake.local_path(f"batches/{batch.batch_id}/data_docs-{batch.settings_digest}")
    others = {}
    page = _batch_page(batch)
    if page is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / BATCH_PAGE).write_text(page, encoding="utf-8")
        others[BATCH_PAGE] = "What became of the batch, and of whom it speaks"
    return build_data_docs(list(verdicts(batch).values()), folder, others).as_uri()


def _batch_page(batch: Batch) -> str | None:
    """Return the page of the report on the batch; None before validate has run, or where an older version wrote what it left."""
    from pipeline.batch_report import report
    from pipeline.report.batch_page import batch_page

    try:
        return batch_page(report(batch, full_chain(batch)))
    except UserError:
        return None


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
    """Return the values that a stage's suite may refer to as ``{"$PARAMETER": name}``."""
    settings = batch.settings
    # Without monitoring the history reports and never flags, as during the warm-up.
    short = released_batches(batch) < settings.history.warm_up_batches
    return gate_parameters(settings, stage, warming_up=short or not settings.validation.continuous_monitoring)
