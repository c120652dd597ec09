"""The compose stack: what must hold of every service, and that each setting is one that Airflow knows."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[1]
COMPOSE = (PROJECT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
SECRETS = {
    "POSTGRES_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "SPARK_SECRET",
    "SPARK_CONNECT_TOKEN",
}


def test_services_are_the_documented_ones() -> None:
    assert set(SERVICES) == {
        "postgres",
        "airflow-init",
        "airflow-apiserver",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
        "spark-master",
        "spark-worker",
        "spark-connect",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_checked_and_unprivileged(name: str) -> None:
    service = SERVICES[name]
    if name == "airflow-init":
        assert service["healthcheck"] == {"disable": True}  # it ends, and its exit code is its health
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
    if name != "postgres":
        assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert re.fullmatch(r"\$\{[A-Z_]+:-[a-z]+:[a-z0-9.-]+\}", service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port)


def test_secrets_come_from_the_environment_and_are_all_made() -> None:
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE))
    made = set(re.findall(r"^([A-Z_]+)=", (PROJECT / "scripts" / "compose_env").read_text(), re.MULTILINE))
    assert demanded == made == SECRETS
    # A secret is nowhere given a default, and nothing that is named like one stands as plain text.
    assert not [name for name in SECRETS if f"${{{name}:-" in COMPOSE or f"${{{name}}}" in COMPOSE]
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD$|SECRET|_KEY$", key):
                assert str(value).startswith("${"), key


def test_image_runs_as_another_user_and_from_the_lock() -> None:
    lines = DOCKERFILE.splitlines()
    # Installed by root, so that no service can change the code; after that nothing becomes root again.
    assert [line for line in lines if line.startswith("USER")] == ["USER sluice"]
    assert lines.index("USER sluice") > max(i for i, line in enumerate(lines) if "uv sync" in line or "apt-get" in line)
    assert DOCKERFILE.count("uv sync --frozen --no-dev --extra production") == 2
    assert "FROM ${PYTHON_IMAGE}" in lines
    assert "syntax=" not in DOCKERFILE
    assert "<<" not in DOCKERFILE
    assert "sha256:" not in DOCKERFILE


def test_only_the_scheduler_imports_ahead_for_its_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = PROJECT / "deploy" / "airflow_local_settings.py"
    assert f"/opt/sluice/deploy/{settings.name} /opt/airflow/config/{settings.name}" in DOCKERFILE
    imported: list[str] = []
    monkeypatch.setattr("importlib.import_module", imported.append)
    for command in ("api-server", "dag-processor", "triggerer", "scheduler"):
        monkeypatch.setattr(sys, "argv", ["airflow", command])
        runpy.run_path(str(settings))
        assert imported == (["pipeline.preload"] if command == "scheduler" else [])


def test_image_gets_every_file_that_it_copies() -> None:
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert copied == allowed
    assert all((PROJECT / name).exists() for name in copied)


@pytest.mark.airflow
def test_every_airflow_setting_is_one_that_airflow_knows(tmp_path: Path) -> None:
    keys = sorted(set(re.findall(r"AIRFLOW__[A-Z0-9_]+", COMPOSE)))
    code = f"""
from airflow.configuration import conf
for key in {keys!r}:
    _, section, option = key.split("__")
    known = conf.configuration_description.get(section.lower(), {{}}).get("options", {{}})
    if option.lower() not in known:
        print("unknown", key)
"""
    environment = {"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path), "HOME": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert [line for line in shown.stdout.splitlines() if line.startswith("unknown")] == []
    assert len(keys) > 10


@pytest.fixture
def page() -> Iterator[str]:
    """Serve a JSON page on loopback and return its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()
            self.wfile.write(
                b'{"scheduler": {"status": "healthy"}, "workers": 0, "url": ""}' if self.path == "/" else b"<html>"
            )

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["/"], 0),
        (["/", "scheduler.status"], 0),
        (["/", "scheduler.status", "healthy"], 0),
        (["/", "scheduler.status", "unhealthy"], 1),
        (["/", "triggerer.status", "healthy"], 1),
        (["/", "workers"], 1),
        (["/", "url"], 1),
        (["/", "workers.status"], 1),
        (["/broken"], 1),
        (["/html"], 1),
    ],
)
def test_health_probe(page: str, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    probe = runpy.run_path(str(PROJECT / "deploy" / "healthy.py"))["main"]
    assert probe(page + arguments[0], *arguments[1:]) == code
    assert capsys.readouterr().out.count("\n") == 1


def test_health_probe_of_a_port(page: str) -> None:
    probe = runpy.run_path(str(PROJECT / "deploy" / "healthy.py"))["main"]
    assert probe(page.replace("http:", "tcp:")) == 0
    assert probe("tcp://127.0.0.1:1") == 1
    assert probe("http://127.0.0.1:1/") == 1


def test_tasks_present_the_token_that_the_connect_server_demands() -> None:
    connect = SERVICES["spark-connect"]
    told = json.loads(SERVICES["airflow-scheduler"]["environment"]["AIRFLOW_CONN_SPARK_DEFAULT"])
    assert told["password"] == connect["environment"]["SPARK_CONNECT_AUTHENTICATE_TOKEN"]
    words = connect["command"][connect["command"].index("--host") :]
    assert [told["host"], str(told["port"])] == [words[1], words[3]]
    assert "ports" not in connect  # it speaks no TLS
