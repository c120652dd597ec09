"""The Spark Connect server: it works only for who presents its token, and its command is what compose and the demo start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import connect_server

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a=token;with%signs"  # noqa: S105 - made up
ECHO = "import sys; from pipeline.spark import run_tasks, session; print(run_tasks(session(sys.argv[1], ()), [7], str))"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a server that demands a token; return its port."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    command = [sys.executable, "-m", "pipeline.connect_server", "local[1]", "--port", str(port)]
    environment = {**os.environ, "SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN, "SLUICE_WARM_UP": "provenance"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 180
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        assert process.poll() is None, (folder / "log").read_text()[-2_000:]
        yield port
    finally:
        process.terminate()
        process.wait(60)


def run_task(monkeypatch: pytest.MonkeyPatch, port: int, password: str) -> subprocess.CompletedProcess[str]:
    """Run a task in a process of its own, which finds the server by an Airflow connection."""
    from airflow.sdk import Connection

    from pipeline.airflow import spark_master

    extra = '{"use_ssl": false, "user_id": "sluice", "session_id": "51a1ce00-0000-4000-8000-000000000001"}'
    told = Connection(
        conn_id="c", conn_type="spark_connect", host="127.0.0.1", port=port, password=password, extra=extra
    )
    monkeypatch.delenv("SPARK_CONNECT_AUTHENTICATE_TOKEN", raising=False)
    command = [sys.executable, "-W", "ignore", "-c", ECHO, spark_master(told) or ""]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.airflow
def test_only_who_presents_the_token_is_served(monkeypatch: pytest.MonkeyPatch, server: int) -> None:
    refused = run_task(monkeypatch, server, "another")
    assert refused.returncode != 0
    assert "UNAUTHENTICATED" in refused.stderr
    assert run_task(monkeypatch, server, "").returncode != 0
    served = run_task(monkeypatch, server, TOKEN)
    assert (served.returncode, served.stdout.strip()) == (0, "['7']"), served.stderr[-2_000:]


def test_the_command_names_where_it_listens_and_keeps_idle_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda *words: became.append(words))
    connect_server.main(["spark://spark-master:7077", "--host", "spark-connect", "--port", "7"])
    [(program, words, environment)] = became
    assert Path(program).is_file()
    conf = dict(word.split("=", 1) for word in words if "=" in word)
    assert conf["spark.master"] == "spark://spark-master:7077"
    assert conf["spark.connect.grpc.binding.port"] == "7"
    assert conf["spark.connect.session.manager.defaultSessionTimeout"] == "-1"
    assert {conf[key] for key in conf if key.endswith(("driver.host", "Address", ".address"))} == {"spark-connect"}
    assert environment["PYSPARK_PYTHON"] == sys.executable
