"""Start one `curate_batch` run for each complete drop that arrived.

A drop is a sub-folder of a source, on a disk or in an object store; it is complete once it holds the source's marker file (`_SUCCESS` unless configured), or once
nothing in it has changed for `drop_stable_minutes`, so a half-arrived one waits for the next night. Each complete drop becomes a
batch **exactly once**: the run's id follows from the drop's content, and Airflow holds at most one run of an id.

`report` says in its log and its XCom what was taken, what waits, and what cannot be read. Nothing new is a success. A drop whose run failed is not started again from here: clear
the failed task of its run in `curate_batch`.

A paused `curate_batch` makes `drop.start` fail, and the drop is found again the next night.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, dag, task, task_group

from pipeline.airflow import TASK_DEFAULTS, config_param

EXAMPLE = str(Path(__file__).resolve().parents[1] / "examples" / "pipeline.yaml")


@task
def look(params: dict[str, Any]) -> dict[str, Any]:
    """Look for drops: those that no batch has taken, those that wait, those that cannot be read."""
    from pipeline import api

    return api.find_drops(params["config"])


@task
def find(search: dict[str, Any], params: dict[str, Any]) -> list[dict[str, Any]]:
    """List the complete drops that no batch has taken, each with the run that would."""
    from pipeline import airflow

    return airflow.runs_of(search["drops"], params["config"])


# Runs also where `start` was skipped, which is the case that it repairs: the run exists, the claim is missing.
@task(trigger_rule="none_failed")
def claim(drop: dict[str, Any], params: dict[str, Any]) -> bool:
    """Mark the drop as taken, so that the next night does not find it."""
    from pipeline import api

    return api.claim_drop(params["config"], drop)


# Start first, claim after: killed in between, the drop is found again, its run id exists, `start` is skipped and says so, and the
# claim is made up for. The other way round a crash would leave a claimed drop that no run takes. The run id is the one thing that
# makes "once" true; the claim only spares the search.
@task_group(group_id="drop")
def take(drop: dict[str, Any], run_id: str, conf: dict[str, Any]) -> None:
    """Start the drop's run and claim the drop."""
    start = TriggerDagRunOperator(
        task_id="start",
        trigger_dag_id="curate_batch",
        trigger_run_id=run_id,
        conf=conf,
        logical_date=None,  # two drops of one night share no date: the id alone tells runs apart
        skip_when_already_exists=True,
        fail_when_dag_is_paused=True,  # else runs would queue unseen
        openlineage_inject_parent_info=False,
    )
    start >> claim(drop)


# Runs also where no drop was found and the mapped group is therefore skipped.
@task(trigger_rule="none_failed")
def report(search: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """Say what was started, what waits, and what somebody must mend."""
    from pipeline import airflow

    said = airflow.said_of(search, found)
    print(said)  # noqa: T201 - standard output is the task's log
    return said


@dag(
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"config": config_param(EXAMPLE)},
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["sluice"],
)
def nightly_ingest() -> None:
    """Wire the search and what follows for each drop."""
    search = look()
    found = find(search)
    take.expand_kwargs(found) >> report(search, found)


nightly_ingest()
