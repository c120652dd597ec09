"""An Airflow of our own on this machine: scheduler, DAG processor and API server over SQLite, on loopback, in one folder.

The same three programs as in production, started as `airflow standalone` starts them, without its triggerer: nothing here defers,
and an approval parks without one. What differs from a fresh installation is said in `settings`, with the reason.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Self

from pipeline.demo.airflow_client import AirflowClient
from pipeline.demo.processes import Process
from pipeline.errors import TransientError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PUBLISH_POOL = "sluice_publish"
DAGS = ("curate_batch", "nightly_ingest")
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}

CONNECT_ARGS = {"timeout": 20}
"""For SQLite: seconds that a component waits for another one's write. With the driver's five, a scheduler on a busy machine ends with
"database is locked" while runs are triggered. Less than a client of the API server waits for its answer."""

LOCAL_SETTINGS = '''"""Tasks are forked from the scheduler, so what it has imported they need not import again."""

import importlib
import sys

if "scheduler" in sys.argv[1:2]:
    importlib.import_module("{module}")
'''
"""airflow_local_settings.py: Airflow's own place for code that runs when a component starts."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class AirflowHome:
    """A private Airflow in `folder`.

    Parameters
    ----------
    folder
        AIRFLOW_HOME; database, passwords and logs lie in it, readable by its owner only.
    dags
        Folder of the DAG files.
    users
        Name and role (`admin`, `user`, `viewer`) of each user; Airflow generates the passwords.
    environment
        Variables for the components and so for every task.
    preload
        Module that the scheduler imports once for all the tasks it forks; none, if not given.
    """

    def __init__(
        self,
        folder: Path,
        dags: Path,
        *,
        users: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        preload: str | None = None,
        port: int | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.users = dict(users)
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.password_file = self.folder / "simple_auth_manager_passwords.json.generated"
        self._environment = {**os.environ, **self.settings(dags.resolve()), **(environment or {})}
        self._preload = preload
        self._processes: dict[str, Process] = {}

    def settings(self, dags: Path) -> dict[str, str]:
        """Return Airflow's settings that are not its defaults."""
        return {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",  # it forks this many workers at start; the default is 32
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in self.users.items()),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder}/airflow.db",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": f"{__name__}.CONNECT_ARGS",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": f"{__name__}.CONNECT_ARGS",
            "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",  # they hold a spark_default that means YARN
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            # Latency: a task that is ready waits for the scheduler's next round.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",  # approvals that nobody answered
            # Calm: these files do not change while it runs, so they are not parsed again and again.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }

    def start(self, patience: float = 180) -> Self:
        """Make the database, start the components, and wait until both DAGs can be triggered.

        Raises
        ------
        TransientError
            If Airflow is not ready in `patience` seconds, or a component ends; the message has the end of its log.
        UserError
            If a DAG file does not import.
        """
        deadline = time.monotonic() + patience
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if self._preload:
            (self.folder / "config").mkdir(exist_ok=True)
            text = LOCAL_SETTINGS.format(module=self._preload)
            (self.folder / "config" / "airflow_local_settings.py").write_text(text)
        try:
            self._migrate(patience)
            for name, command in COMPONENTS.items():
                log = self.folder / "logs" / f"{name}.log"
                self._processes[name] = Process([*_AIRFLOW, *command], log, self._environment)
            self._wait(deadline)
        except BaseException:
            self.stop()
            raise
        return self

    def client(self, user: str) -> AirflowClient:
        """Return the REST interface as `user`."""
        return AirflowClient(self.address, user, self.password(user))

    def password(self, user: str) -> str:
        """Return the password that Airflow generated for a user."""
        try:
            return str(json.loads(self.password_file.read_text())[user])
        except (OSError, ValueError, KeyError):
            raise TransientError(
                f"Airflow has not written a password for '{user}' into {self.password_file} yet"
            ) from None

    def stop(self) -> None:
        """End all components and what they started."""
        for process in self._processes.values():
            process.ask_to_stop()
        for process in self._processes.values():
            process.stop()
        self._processes.clear()

    def _migrate(self, patience: float) -> None:
        """Create or upgrade the database (also writes the generated secrets that the components share)."""
        log = self.folder / "logs" / "migrate.log"
        with Process([*_AIRFLOW, "db", "migrate"], log, self._environment) as process:
            code = process.wait(patience)
        if code != 0:
            raise TransientError(f"Airflow's database could not be made; see {log}:\n{process.tail()}")

    def _wait(self, deadline: float) -> None:
        """Wait until the scheduler is healthy and the DAGs are there; make the publishing pool on the way."""
        said: Exception | None = None
        while time.monotonic() < deadline:
            for name, process in self._processes.items():
                if not process.running:
                    raise TransientError(f"Airflow's {name} ended at its start; see {process.log}:\n{process.tail()}")
            try:
                client = self.client(next(iter(self.users)))
                if client.health()["scheduler"]["status"] == "healthy":
                    client.create_pool(PUBLISH_POOL, 1)
                    for dag_id in DAGS:
                        client.dag(dag_id)
                    return
            except (TransientError, UserError) as error:
                said = error
            time.sleep(0.2)
        raise TransientError(f"Airflow was not ready in time; see {self.folder / 'logs'} ({said})")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


_AIRFLOW = (sys.executable, "-m", "airflow")
