"""Curate one batch: real text in, a release of the corpus out.

Eight stages, each a group of two tasks: **run** computes the stage and commits its snapshot, **gate** validates it against the
stage's suite in `expectations/`. A gate passes, flags or blocks:

- **pass**: the next stage starts.
- **flag**: the next stage starts too, but before publication the batch waits in `review.approve` for a curator, until the time in
  `review.timeout_hours`. No answer in time is a rejection. The decision is recorded with who, when and why.
- **block**: the gate fails and nothing after it starts. The task's log names the expectation, the figures and the report.

A run that ends green with `commit` skipped published nothing: either `rejected` is green (a curator said no, or nobody answered),
or the log of `commit` says why there was nothing to publish. Whatever happens, the batch keeps everything.

**Run it again** by clearing the failed task, or by triggering the same form: a stage whose input, configuration, code and models
did not change is reused, not repeated. `commit` needs the pool `sluice_publish` with one slot: only publishing is serial, so a
batch that waits for a curator holds no other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Metadata, Param, chain, dag, task, task_group

from pipeline.airflow import TASK_DEFAULTS, CuratorApproval, config_param

STAGES = ("ingest", "dedup", "language", "pii", "quality", "provenance", "validate", "publish")
CORPUS = Asset("sluice_corpus", uri="sluice://corpus")
EXAMPLE = str(Path(__file__).resolve().parents[1] / "examples" / "pipeline.yaml")
SOURCE_NAME = "^[a-z][a-z0-9_]{0,62}$"

FORM = {
    "config": config_param(EXAMPLE),
    "sources": Param(
        [],
        type="array",
        items={"type": "string", "pattern": SOURCE_NAME},
        uniqueItems=True,
        title="Sources",
        description="Names of the configuration's sources to read, one a line. Empty: all of them.",
    ),
    "inputs": Param(
        {},
        type="object",
        propertyNames={"pattern": SOURCE_NAME},
        additionalProperties={"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        title="Inputs",
        description='Other files for a source than the configured ones: {"web_crawl": ["/data/crawl/*.warc.gz"]}.',
    ),
    "overrides": Param(
        {},
        type="object",
        propertyNames={"pattern": r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$"},
        title="Overrides",
        description='Settings for this batch alone, by dotted key: {"cleaning.quality_threshold": 0.5}.',
    ),
    "batch_id": Param(
        None,
        type=["null", "string"],
        title="Batch",
        description="Refuse the input unless it makes this batch; the nightly sets it. Empty: whatever batch it makes.",
    ),
}


@task
def open_batch(params: dict[str, Any]) -> dict[str, Any]:
    """Pin what was asked and what it builds on; return the batch's small reference."""
    from pipeline import api

    asked = {key: params[key] or None for key in ("overrides", "inputs", "sources", "batch_id")}
    return api.open_batch(params["config"], **asked)


@task
def run(stage: str, ti: Any = None) -> dict[str, Any]:
    """Compute one stage and commit its snapshot; where nothing changed, reuse it."""
    from pipeline import airflow, api

    return api.run_stage(airflow.attach(ti), stage)


@task
def gate(stage: str, ti: Any = None) -> dict[str, Any]:
    """Validate the stage's snapshot against its suite; a block fails this task and starts nothing after it."""
    from pipeline import airflow, api

    return api.run_gate(airflow.attach(ti), stage)


@task.branch
def hold(ti: Any = None) -> str:
    """Commit, or open a case for a curator where any gate flagged."""
    from pipeline import airflow, api

    return "review.open_case" if api.holds(airflow.attach(ti)) else "commit"


@task
def open_case(ti: Any = None) -> dict[str, Any]:
    """Record what was flagged, bound to the digest of exactly what would be published."""
    from pipeline import airflow, api

    return api.open_case(airflow.attach(ti))


@task.branch
def record(case: dict[str, Any], answer: dict[str, Any], ti: Any = None) -> str:
    """Record who decided what, when and why; go on to `commit` only if a person approved."""
    from pipeline import airflow, api

    decision = airflow.decision_of(answer, case)
    api.decide(airflow.attach(ti), case["case_id"], **decision)
    return "commit" if decision["decision"] == "approve" else "rejected"


@task
def rejected(ti: Any = None) -> str:
    """Say that the batch was not published; it keeps everything."""
    case = ti.xcom_pull(task_ids="review.open_case")
    return f"not published: review case {case['case_id']} was rejected; the batch keeps everything and can be reopened"


# Runs after `hold` alone (nothing flagged: the review is skipped) or after `review.record` (approved). A rejection makes
# `review.record` skip this task itself, and `pipeline.api.commit` checks flags and approval once more.
@task(outlets=[CORPUS], pool="sluice_publish", trigger_rule="none_failed_min_one_success")
def commit(ti: Any = None) -> Any:
    """Write the release: one commit under the corpus's lease. Emits the corpus asset."""
    from airflow.sdk.exceptions import AirflowSkipException

    from pipeline import airflow, api

    case = ti.xcom_pull(task_ids="review.open_case")
    release = api.commit(airflow.attach(ti), case["case_id"] if case else None)
    if release["release"] is None:
        raise AirflowSkipException(f"nothing was published: {release['why']}")
    # A second try finds the batch published and says so again: consumers see a release at least once, never not at all.
    yield Metadata(CORPUS, {key: release[key] for key in ("release", "documents", "digest")})
    return release


def gated(stage: str) -> Any:
    """Wire one stage: run, then gate."""

    @task_group(group_id=stage)
    def stage_group() -> None:
        run(stage) >> gate(stage)

    return stage_group()


@task_group
def review() -> None:
    """Ask a curator; skipped where nothing is flagged."""
    case = open_case()
    approval = CuratorApproval(task_id="approve", case=case)
    record(case, approval.output)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,  # a run that waits for a curator is active: it must not keep later batches from starting
    params=FORM,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["sluice"],
)
def curate_batch() -> None:
    """Wire the batch's way."""
    held, reviewed, committed = hold(), review(), commit()
    chain(open_batch(), *(gated(stage) for stage in STAGES), held, reviewed, [committed, rejected()])
    chain(held, committed)


curate_batch()
