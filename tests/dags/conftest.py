"""An Airflow database of the tests' own, made once, and a stand-in for the library behind the DAGs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
_HOME = Path(tempfile.mkdtemp(prefix="sluice-airflow-"))

# Airflow reads these when it is imported, so they stand before any test imports it.
os.environ.update(
    AIRFLOW_HOME=str(_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(REPOSITORY / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="admin:admin,cora:user,vic:viewer",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_HOME}/airflow.db",
    AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS="False",
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(_HOME / "logs"),
)
os.environ.pop("SLUICE_CONFIG", None)


@pytest.fixture(scope="session")
def airflow_database():
    """The tables and the publishing pool; removed at the end."""
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb

    initdb()
    Pool.create_or_update_pool("sluice_publish", slots=1, description="", include_deferred=False)
    yield
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def bag(airflow_database):
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(REPOSITORY / "dags"))


@pytest.fixture
def stand_in(monkeypatch) -> ModuleType:
    """The stand-in, in the place of `pipeline.api`."""
    import pipeline

    spec = importlib.util.spec_from_file_location("pipeline.api", STAND_IN / "api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "pipeline.api", module)
    monkeypatch.setattr(pipeline, "api", module, raising=False)
    return module


@pytest.fixture
def config(tmp_path) -> str:
    path = tmp_path / "pipeline.yaml"
    path.write_text((REPOSITORY / "examples" / "pipeline.yaml").read_text())
    return str(path)


@pytest.fixture
def impatient(monkeypatch):
    """`dag.test()` sleeps a second in each round in which no task can start; a twentieth is enough here."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.05)))


@pytest.fixture
def states():
    """A function: the state of every task of a run; of a mapped one by `task[index]`."""

    def of(run: Any) -> dict[str, str]:
        return {
            f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state)
            for ti in run.get_task_instances()
        }

    return of


@pytest.fixture(scope="session")
def rest(airflow_database):
    """The real REST application, in this process, and the headers of a user of it; it takes two seconds to make."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    client = TestClient(create_app(apps="core"))
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="cora", role="USER"))
    return client, {"Authorization": f"Bearer {token}"}


@pytest.fixture
def curator(rest):
    """A function that answers the next approval of a batch over the real REST application."""
    client, headers = rest
    waiting = "/api/v2/dags/curate_batch/dagRuns/~/hitlDetails?response_received=false"

    def answer(option: str, reason: str, batch: str = "b1") -> dict[str, Any]:
        for _ in range(600):
            for detail in client.get(waiting, headers=headers).json()["hitl_details"]:
                ti = detail["task_instance"]
                if ti["state"] == "awaiting_input" and batch in detail["subject"]:
                    path = f"/api/v2/dags/curate_batch/dagRuns/{ti['dag_run_id']}/taskInstances/review.approve/-1/hitlDetails"
                    said = {"chosen_options": [option], "params_input": {"reason": reason}}
                    assert client.patch(path, headers=headers, json=said).status_code == 200
                    return dict(detail)
            time.sleep(0.2)
        raise AssertionError("no approval waits")

    return answer


@pytest.fixture
def triggered(rest):
    """A function: what the REST application answers to a form, and the run it made if it took it."""
    client, headers = rest

    def trigger(dag_id: str, conf: dict[str, Any]) -> tuple[int, Any]:
        answer = client.post(
            f"/api/v2/dags/{dag_id}/dagRuns",
            headers=headers,
            json={"logical_date": None, "conf": conf},
        )
        return answer.status_code, answer.json()

    return trigger
