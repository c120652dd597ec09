"""What doctor finds, each with the fault that it is there for."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
from rich.console import Console

from pipeline import doctor, lockfile, machine, models
from pipeline.errors import UserError

PROJECT = Path(__file__).resolve().parents[1]
NAMES = [
    "python",
    "packages",
    "modules",
    "java",
    "models",
    "disk",
    "memory",
    "loopback",
    "lake",
    "expectations",
    "dags",
]


def test_every_check_runs_and_a_failed_one_has_a_next_step(tmp_path: Path) -> None:
    checks = doctor.run_checks(tmp_path / "lake", project=tmp_path)
    assert [check.name for check in checks] == NAMES
    assert {check.name for check in checks if not check.ok} >= {"packages", "expectations", "dags"}
    assert all((check.next_step is None) == check.ok for check in checks)
    assert not (tmp_path / "lake").exists()
    assert json.loads(json.dumps([check.to_json() for check in checks]))[0].keys() == {
        "name",
        "ok",
        "detail",
        "next_step",
    }


def test_this_environment_is_as_locked() -> None:
    check = doctor.check_packages(PROJECT / "uv.lock")
    assert check.ok, check.detail
    assert doctor.check_modules().ok


def test_another_version_and_a_missing_package_are_named() -> None:
    def version_of(name: str) -> str | None:
        return {"pyspark": "4.1.0", "numba": None}.get(name, lockfile.installed_version(name))

    check = doctor.check_packages(PROJECT / "uv.lock", version_of)
    assert not check.ok
    assert "pyspark 4.1.0 (locked 4.3.0)" in check.detail
    assert "numba absent (locked " in check.detail


def test_an_empty_environment_is_not_listed_to_the_end() -> None:
    check = doctor.check_packages(PROJECT / "uv.lock", lambda _: None)
    assert " more" in check.detail
    assert len(check.detail) < 400


def test_lock_is_read_with_markers_extras_and_double_versions(tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text("""
version = 1
[[package]]
name = "sluice"
version = "0.1.0"
dependencies = [
  { name = "both", version = "1", marker = "python_full_version < '3'" },
  { name = "both", version = "2", marker = "python_full_version >= '3'" },
  { name = "elsewhere", marker = "sys_platform == 'never'" },
  { name = "plain", extra = ["more"] },
]
[package.dev-dependencies]
dev = [{ name = "elsewhere" }]
[[package]]
name = "both"
version = "1"
[[package]]
name = "both"
version = "2"
dependencies = [{ name = "plain" }]
[[package]]
name = "elsewhere"
version = "3"
[[package]]
name = "plain"
version = "4"
dependencies = [{ name = "both", version = "2" }]
[package.optional-dependencies]
more = [{ name = "extra" }]
[[package]]
name = "extra"
version = "5"
""")
    assert lockfile.locked_versions(lock) == {"both": "2", "plain": "4", "extra": "5"}


@pytest.mark.parametrize("intruder", ["pyspark-client", "fasttext-predict", "fasttext"])
def test_package_that_overwrites_another_is_found(intruder: str) -> None:
    check = doctor.check_modules(lambda name: "1.0" if name == intruder else None)
    assert not check.ok
    assert f"{intruder} overwrites modules of" in check.detail


@pytest.mark.parametrize(("version", "ok"), [((3, 10), False), ((3, 11), True), ((3, 12), True), ((3, 13), False)])
def test_python_versions(version: tuple[int, int], ok: bool) -> None:
    assert doctor.check_python(version).ok is ok


def test_too_little_disk_and_memory() -> None:
    assert not doctor.check_disk("lake", free_bytes=10**9).ok
    assert not doctor.check_memory(available_bytes=10**9).ok
    assert doctor.check_disk("lake", free_bytes=10**12).ok
    assert doctor.check_memory(available_bytes=10**11).ok


def test_a_containers_limit_counts_without_its_page_cache(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    limit = tmp_path / "memory.max"
    assert machine.available_memory(meminfo, limit) == 8000 * 1024
    limit.write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\ninactive_file 300000\n")
    assert machine.available_memory(meminfo, limit) == 600_000
    limit.write_text("max\n")
    assert machine.available_memory(meminfo, limit) == 8000 * 1024
    assert machine.available_memory(tmp_path / "none", limit) is None


@pytest.mark.parametrize("root", ["lake", "a/b/lake"])
def test_lake_that_can_be_written(tmp_path: Path, root: str) -> None:
    assert doctor.check_lake(str(tmp_path / root)).ok
    assert list(tmp_path.iterdir()) == []


def test_lake_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "not a folder" in doctor.check_lake(str(tmp_path / "file")).detail
    assert not doctor.check_lake("/proc/lake").ok
    assert not doctor.check_lake("nosuchscheme://bucket/lake").ok


def test_lake_behind_a_uri() -> None:
    assert doctor.check_lake("memory://sluice/lake").ok


def test_loopback_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise OSError(1, "Operation not permitted")

    assert doctor.check_loopback().ok
    monkeypatch.setattr(socket, "create_server", refuse)
    assert "Operation not permitted" in doctor.check_loopback().detail


def test_suites_and_dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suites, dags = tmp_path / "expectations", tmp_path / "dags"
    suites.mkdir()
    dags.mkdir()
    for stage in doctor.STAGES[1:]:
        (suites / f"{stage}.json").write_text("{}")
    assert f"{suites} lacks ingest.json" in doctor.check_expectations(suites).detail
    (suites / "ingest.json").write_text("{}")
    assert doctor.check_expectations(suites).ok
    assert not doctor.check_dags(dags).ok
    (dags / "curate_batch.py").write_text("")
    assert doctor.check_dags(dags).ok
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(suites))
    assert "holds no curate_batch.py" in doctor.check_dags(dags).detail
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(dags))
    assert doctor.check_dags(dags).ok


def test_damaged_and_missing_models_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_models().ok
    files = {
        "good": models.ModelFile(Path("a"), "00", "00"),
        "damaged": models.ModelFile(Path("b"), "00", "11"),
        "absent": models.ModelFile(None, "00", None),
    }
    monkeypatch.setattr(models, "all_models", lambda: files)
    assert doctor.check_models().detail == "missing: absent; another digest than the pinned one: damaged"


def test_what_a_check_raises_is_its_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> NoReturn:
        raise UserError("no Java was found: install it")

    monkeypatch.setattr(doctor, "find_java", missing)
    found = {check.name: check for check in doctor.run_checks()}
    assert found["java"] == ("java", False, "no Java was found", "install it")


def test_a_check_that_breaks_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "check_memory", lambda: 1 / 0)
    checks = doctor.run_checks()
    assert [check.name for check in checks] == NAMES
    assert "ZeroDivisionError" in next(check.detail for check in checks if check.name == "memory")


def test_table_shows_every_check_as_it_is() -> None:
    checks = [doctor.Check("one", True, "fine [bold]"), doctor.Check("two", False, "bad", "mend it")]
    shown = io.StringIO()
    Console(file=shown, width=80).print(doctor.render(checks))
    assert [line.split() for line in shown.getvalue().splitlines()] == [
        ["ok", "one", "fine", "[bold]"],
        ["NO", "two", "bad"],
        ["->", "mend", "it"],
    ]
