"""One Spark Connect server on loopback for all tasks of the demo.

It starts once, while Airflow starts, and all tasks name one session of it (`pipeline.connect_server` says why): the first job of a
task took 0.3 s instead of 30 s on a busy machine. It asks for no token, hence loopback only.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Self

from pipeline.demo.processes import Process
from pipeline.errors import TransientError

USER = "sluice"
HOST = "127.0.0.1"


class SparkConnect:
    """A Spark Connect server on 127.0.0.1; started at once, ready when `wait` returns."""

    def __init__(self, folder: Path, port: int) -> None:
        from pipeline import connect_server

        self.port = port
        self.session = str(uuid.uuid4())
        settings = {
            "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
            "spark.local.dir": str(folder / "spark"),
        }
        command = connect_server.command("local[*]", HOST, port, settings)
        environment = {**os.environ, **connect_server.environment(HOST)}
        folder.mkdir(parents=True, exist_ok=True)
        self._process = Process(command, folder / "spark-connect.log", environment)

    @property
    def connection(self) -> str:
        """The Airflow connection that leads every task to the same session."""
        extra = {"user_id": USER, "session_id": self.session}
        return json.dumps({"conn_type": "spark_connect", "host": HOST, "port": self.port, "extra": extra})

    def warm_up(self, patience: float = 180) -> None:
        """Start the session and its workers, so that the first stage need not wait for them.

        Raises
        ------
        TransientError
            If they do not start in `patience` seconds.
        """
        master = f"sc://{HOST}:{self.port}/;user_id={USER};session_id={self.session}"
        # In a process of its own: gRPC's threads do not survive the forks that start Airflow.
        first = (
            "import sys; from pipeline.spark import run_tasks, session; run_tasks(session(sys.argv[1], ()), [0], str)"
        )
        command = [sys.executable, "-W", "ignore", "-c", first, master]
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                command, capture_output=True, text=True, check=False, timeout=patience
            )
        except subprocess.TimeoutExpired:  # a client goes on asking a dead server for more than ten minutes
            raise TransientError(
                f"Spark's workers did not start in {patience:.0f} s; see {self._process.log}"
            ) from None
        if done.returncode:
            raise TransientError(f"Spark's workers did not start: {done.stderr.strip()[-500:]}")

    def wait(self, patience: float = 120) -> Self:
        """Wait until the server listens.

        Raises
        ------
        TransientError
            If it ends or does not listen in `patience` seconds; the message has the end of its log.
        """
        deadline = time.monotonic() + patience
        while self._process.running and time.monotonic() < deadline:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex((HOST, self.port)) == 0:
                    return self
            time.sleep(0.2)
        log = self._process.log
        raise TransientError(f"the Spark Connect server did not start; see {log}:\n{self._process.tail()}")

    def stop(self) -> None:
        """End the server and its workers."""
        self._process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
