"""Waiting for runs of the real scheduler."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from pipeline.demo.airflow_client import AirflowClient
from pipeline.errors import TransientError, UserError

DAG = "curate_batch"
PATIENCE = 400
"""Seconds; generous, because it costs nothing where the machine is idle."""


def until(found: Callable[[], Any]) -> Any:
    """Ask until there is an answer that is true; a server that does not answer on a busy machine is asked again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(TransientError):
            if result := found():
                return result
        time.sleep(0.3)
    raise AssertionError("it did not happen in time")


def trigger(admin: AirflowClient, run_id: str, form: dict[str, Any], dag_id: str = DAG) -> str:
    """Trigger a run and return its id."""
    _until_taken(lambda: admin.trigger(dag_id, form, run_id))
    return run_id


def _until_taken(call: Callable[[], Any]) -> None:
    """Ask until Airflow has taken it: a busy SQLite database answers with 500, and may have taken it all the same (409)."""

    def tried() -> bool:
        try:
            call()
        except UserError as error:
            if "409" not in str(error):
                raise
        return True

    until(tried)


def finished(admin: AirflowClient, run_id: str) -> tuple[str, dict[str, str | None]]:
    state = until(lambda: (state := admin.run(DAG, run_id)["state"]) in ("success", "failed") and state)
    return state, admin.states(DAG, run_id)


def decide(curator: AirflowClient, run_id: str, option: str, why: str) -> None:
    """Answer a run's approval once it waits: an answer that comes before its task has parked makes Airflow ask again."""
    until(lambda: curator.approvals(DAG, run_id) and curator.states(DAG, run_id)["review.approve"] == "awaiting_input")
    _until_taken(lambda: curator.answer(DAG, run_id, "review.approve", option, why))


def clear(admin: AirflowClient, run_id: str, task_id: str) -> None:
    """Clear a task of a run and everything after it, as an operator does in the grid."""
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": [task_id],
        "include_downstream": True,
        "only_failed": False,
    }
    _until_taken(lambda: admin._call("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", body))


def backfill(admin: AirflowClient, start: str, end: str, form: dict[str, Any]) -> None:
    """Backfill the nightly over some dates and wait until all its runs are done; dates that have their run are left alone."""
    body = {"dag_id": "nightly_ingest", "from_date": start, "to_date": end, "dag_run_conf": form, "max_active_runs": 1}

    def done() -> bool:
        found = admin._call("GET", "/api/v2/backfills?dag_id=nightly_ingest")["backfills"]
        return bool(found) and all(entry["completed_at"] for entry in found)

    def asked_and_done() -> bool:
        with contextlib.suppress(TransientError):
            admin._call("POST", "/api/v2/backfills", body)
            until(done)
            return True
        until(done)  # what a locked SQLite database let through; then the rest is asked for
        return False

    until(asked_and_done)
