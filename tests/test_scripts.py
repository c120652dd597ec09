"""The set-up scripts on machines that lack something: one sentence, and what to do."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
TOOLS = [
    "sh",
    "env",
    "dirname",
    "cat",
    "sed",
    "grep",
    "tail",
    "cut",
    "df",
    "awk",
    "sleep",
    "mkdir",
    "rm",
    "tr",
    "od",
    "head",
    "mv",
]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a copy of the project's set-up files on a machine whose PATH holds a few tools and no Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in [*TOOLS, "base64"]:
        (tools / name).symlink_to(str(shutil.which(name)))
    add_command(tools / "id", "echo 1000")  # not root: nothing may be installed
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "scripts", project / "scripts")
    for name in ("uv.lock", "pyproject.toml", "requirements-bootstrap.txt"):
        shutil.copy(PROJECT / name, project)
    return project


def add_command(path: Path, body: str) -> None:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def call(project: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the copy with nothing but its machine's PATH."""
    environment = {"PATH": str(project.parent / "bin"), "HOME": str(project.parent / "home"), **variables}
    return subprocess.run(
        [str(project / "scripts" / script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def answers_as(version: str) -> str:
    """Return the body of a `python3` of another version: it fails the version's test."""
    return f"[ \"$2\" = '' ] || exit 1 # {version}"


def test_shim_that_does_not_run_is_skipped(machine: Path) -> None:
    tools = machine.parent / "bin"
    add_command(tools / "python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    add_command(tools / "python3.12", "exit 1")
    add_command(tools / "python3", f'exec {sys.executable} "$@"')
    found = call(machine, "find-python")
    assert found.returncode == 0
    assert Path(found.stdout.strip()).exists()
    assert found.stderr == ""


def test_later_folder_of_the_path_is_reached_behind_a_dead_shim(machine: Path) -> None:
    tools = machine.parent / "bin"
    later = machine.parent / "later folder"
    later.mkdir()
    add_command(tools / "python3.11", "exit 127")
    add_command(later / "python3.11", f'exec {sys.executable} "$@"')
    assert call(machine, "find-python", PATH=f"{tools}:{later}").returncode == 0


@pytest.mark.parametrize("script", ["find-python", "setup"])
def test_no_python_is_one_sentence(machine: Path, script: str) -> None:
    add_command(machine.parent / "bin" / "python3", answers_as("3.9"))
    found = call(machine, script)
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "no Python 3.11 or 3.12 was found" in found.stderr
    assert "make setup PYTHON=" in found.stderr


@pytest.mark.parametrize("value", ["/nonexistent/python", "python4", "sh", "/etc/passwd"])
def test_named_python_that_does_not_fit_is_one_sentence(machine: Path, value: str) -> None:
    found = call(machine, "setup", PYTHON=value)
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert f"PYTHON={value} is not a Python 3.11 or 3.12 that runs" in found.stderr


def test_python_without_venv_is_one_sentence(machine: Path) -> None:
    tools = machine.parent / "bin"
    unlike = 'case "$2" in *sys.executable*) echo "$0"; exit ;; *ensurepip*) exit 1 ;; esac'
    add_command(tools / "python3", f'{unlike}; exec {sys.executable} "$@"')
    found = call(machine, "setup", PYTHON=str(tools / "python3"))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert f"install python{version}-venv" in found.stderr


def test_full_disk_is_one_sentence(machine: Path) -> None:
    tools = machine.parent / "bin"
    (tools / "df").unlink()
    add_command(tools / "df", "echo 'Filesystem blocks used free'; echo 'disk 9 9 1048576 9% /'")
    found = call(machine, "setup", PYTHON=sys.executable)
    assert found.returncode == 1
    assert (
        found.stderr == "setup: the packages need 4 GB of disk and 1 GB are free here: make room and call this again.\n"
    )


@pytest.mark.slow
def test_unreachable_registry_is_one_sentence(machine: Path) -> None:
    found = call(machine, "setup", PYTHON=sys.executable, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "uv 0." in found.stderr
    assert "could not be installed" in found.stderr


def test_bootstrap_tool_is_pinned_by_hash_and_never_built() -> None:
    lines = (PROJECT / "requirements-bootstrap.txt").read_text().splitlines()
    assert "--only-binary :all:" in lines
    (pin,) = [line for line in lines if re.match(r"[a-z]", line)]
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+ \\", pin)
    assert sum("--hash=sha256:" in line for line in lines) > 10


def test_compose_secrets_are_random_private_and_kept(machine: Path) -> None:
    assert call(machine, "compose_env").returncode == 0
    env = machine / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    first = dict(line.split("=", 1) for line in env.read_text().splitlines())
    assert all(len(value) >= 24 for value in first.values())
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}=", first["AIRFLOW_FERNET_KEY"])
    call(machine, "compose_env")
    assert dict(line.split("=", 1) for line in env.read_text().splitlines()) == first
    env.unlink()
    call(machine, "compose_env")
    second = dict(line.split("=", 1) for line in env.read_text().splitlines())
    assert second.keys() == first.keys()
    assert not set(second.values()) & set(first.values())


def test_compose_secrets_that_a_later_version_needs_are_added(machine: Path) -> None:
    env = machine / ".env"
    env.write_text("POSTGRES_PASSWORD=kept\n# mine\nAIRFLOW_PORT=9")
    assert "wrote" in call(machine, "compose_env").stdout
    assert env.read_text().startswith("POSTGRES_PASSWORD=kept\n# mine\nAIRFLOW_PORT=9\nAIRFLOW_FERNET_KEY=")
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert env.read_text().count("POSTGRES_PASSWORD=") == 1
    assert "wrote" not in call(machine, "compose_env").stdout


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (None, "docker was not found"),
        ("exit 1", "no compose plugin"),
        ('[ "$1" = compose ]', "the Docker daemon does not answer"),
    ],
)
def test_missing_docker_is_one_sentence(machine: Path, body: str | None, sentence: str) -> None:
    if body:
        add_command(machine.parent / "bin" / "docker", body)
    found = call(machine, "compose", "up")
    assert found.returncode == 1
    assert sentence in found.stderr
    assert found.stderr.count("\n") == 1
    assert not (machine / ".env").exists()


def test_secrets_are_not_committed() -> None:
    ignored = (PROJECT / ".gitignore").read_text().splitlines()
    assert ".env" in ignored
