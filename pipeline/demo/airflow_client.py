"""The few calls of Airflow's REST interface that the demo and the tests make."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from pipeline.errors import TransientError, UserError

TIMEOUT_SECONDS = 30


class AirflowClient:
    """Airflow's REST interface as one user; fetches its token when it is first needed.

    Every call raises `UserError` where Airflow refuses (the message has its status and words) and `TransientError` where it does
    not answer.
    """

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address.rstrip("/")
        self.user = user
        self._password = password
        self._token: str | None = None

    def health(self) -> dict[str, Any]:
        """Return what Airflow says of its components."""
        return dict(self._call("GET", "/api/v2/monitor/health", login=False))

    def dag(self, dag_id: str) -> dict[str, Any]:
        """Return a DAG."""
        return dict(self._call("GET", f"/api/v2/dags/{dag_id}"))

    def import_errors(self) -> list[dict[str, Any]]:
        """Return the DAG files that do not import."""
        return list(self._call("GET", "/api/v2/importErrors")["import_errors"])

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def create_pool(self, name: str, slots: int) -> None:
        """Create a pool; nothing happens where it exists."""
        try:
            self._call("POST", "/api/v2/pools", {"name": name, "slots": slots})
        except UserError:
            self._call("GET", f"/api/v2/pools/{name}")

    def trigger(self, dag_id: str, form: dict[str, Any], run_id: str | None = None) -> str:
        """Trigger a run and return its id."""
        body = {"logical_date": None, "conf": form} | ({"dag_run_id": run_id} if run_id else {})
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the newest runs of a DAG, newest first."""
        return list(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=20")["dag_runs"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run; its `state` is queued, running, success or failed."""
        return dict(self._call("GET", self._run(dag_id, run_id)))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return a run's tasks."""
        return list(self._call("GET", f"{self._run(dag_id, run_id)}/taskInstances?limit=100")["task_instances"])

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the state of each of a run's tasks."""
        return {task["task_id"]: task["state"] for task in self.tasks(dag_id, run_id)}

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task returned."""
        path = f"{self._run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        value = self._call("GET", path)["value"]
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return value

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> list[str]:
        """Return the lines of a task's log."""
        path = f"{self._run(dag_id, run_id)}/taskInstances/{task_id}/logs/{attempt}?full_content=true"
        lines = []
        for entry in self._call("GET", path)["content"]:
            if isinstance(entry, str):
                lines.append(entry)
                continue
            lines.append(str(entry.get("event", "")))
            lines += [f"{e['exc_type']}: {e['exc_value']}" for e in entry.get("error_detail") or ()]
        return lines

    def approvals(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the approvals of a run that wait for an answer."""
        answer = self._call("GET", f"{self._run(dag_id, run_id)}/hitlDetails?response_received=false")
        return [entry for entry in answer["hitl_details"] if entry["task_instance"]["state"] == "awaiting_input"]

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, reason: str) -> None:
        """Answer an approval, e.g. with Approve or Reject."""
        path = f"{self._run(dag_id, run_id)}/taskInstances/{task_id}/-1/hitlDetails"
        self._call("PATCH", path, {"chosen_options": [option], "params_input": {"reason": reason}})

    def asset_events(self, run_id: str) -> list[dict[str, Any]]:
        """Return the asset events that a run emitted."""
        query = urllib.parse.urlencode({"source_run_id": run_id})
        return list(self._call("GET", f"/api/v2/assets/events?{query}")["asset_events"])

    @staticmethod
    def _run(dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}"

    def _call(self, method: str, path: str, body: Any = None, *, login: bool = True) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if login:
            if self._token is None:
                said = {"username": self.user, "password": self._password}
                self._token = str(self._call("POST", "/auth/token", said, login=False)["access_token"])
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers, method=method)  # noqa: S310 - http to loopback
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")[:500]
            kind = UserError if error.code < 500 else TransientError
            raise kind(f"Airflow refuses {method} {path} with status {error.code}: {words}") from None
        except OSError as error:  # URLError, a reset connection, a time-out
            raise TransientError(f"Airflow does not answer at {self.address}: {error}") from None
        return json.loads(text) if text else {}
