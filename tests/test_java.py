"""Which Java is found, and that Spark runs on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import java
from pipeline.errors import UserError


def make_java(home: Path, version: str, *, exit_code: int = 0, says: str | None = None) -> Path:
    """Write a `java` that answers as one of `version` does, and return its home."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    shown = says or f"Property settings:\n    java.home = {home}\n    java.specification.version = {version}"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{shown}\nEND\nexit {exit_code}\n")
    program.chmod(0o755)
    return home


def test_java_home_goes_first(tmp_path: Path) -> None:
    named = make_java(tmp_path / "named", "21")
    on_path = make_java(tmp_path / "path", "17")
    found = java.find_java({"JAVA_HOME": str(named), "PATH": str(on_path / "bin")}, places=[])
    assert found == (named, 21)


@pytest.mark.parametrize(
    ("version", "exit_code", "says"),
    [
        ("11", 0, None),
        ("1.8", 0, None),
        ("17", 1, None),  # a runtime without the module jdk.incubator.vector ends so
        ("17", 0, "this says nothing of use"),
        ("", 0, None),
    ],
)
def test_java_that_cannot_run_spark_is_passed_over(
    tmp_path: Path, version: str, exit_code: int, says: str | None
) -> None:
    named = make_java(tmp_path / "named", version, exit_code=exit_code, says=says)
    on_path = make_java(tmp_path / "path", "17")
    found = java.find_java({"JAVA_HOME": str(named), "PATH": str(on_path / "bin")}, places=[])
    assert found == (on_path, 17)


def test_home_is_what_java_says_not_where_the_command_lies(tmp_path: Path) -> None:
    shim = make_java(tmp_path / "shims", "17", says="  java.home = /real/home\n  java.specification.version = 17")
    assert java.find_java({"PATH": str(shim / "bin")}, places=[]).path == Path("/real/home")


@pytest.mark.parametrize(
    ("installed", "wanted"), [((11, 25, 21, 17), 17), ((25, 21), 21), ((26, 25), 25), ((8, 11, 24), 24)]
)
def test_installed_ones_by_preference(tmp_path: Path, installed: tuple[int, ...], wanted: int) -> None:
    for version in installed:
        make_java(tmp_path / f"java-{version}", str(version))
    (tmp_path / "no-java").mkdir()
    assert java.find_java({}, places=[f"{tmp_path}/*"]).version == wanted


def test_none_found_says_what_to_install(tmp_path: Path) -> None:
    old = make_java(tmp_path / "old", "11")
    with pytest.raises(UserError, match=r"old/bin/java cannot run it.*install openjdk-17-jre-headless") as caught:
        java.find_java({"JAVA_HOME": str(old), "PATH": str(tmp_path)}, places=[f"{tmp_path}/none/*"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("program", ["/nonexistent/java", "/etc/passwd", "/bin/false", "/"])
def test_what_does_not_start_is_no_java(program: str) -> None:
    assert java.probe(program) is None


# Slow, as `tests/end_to_end/test_spark.py` runs on the Java that is found as well.
@pytest.mark.slow
@pytest.mark.spark
def test_spark_runs_on_the_java_that_is_found() -> None:
    code = """
from pipeline.java import use_java
use_java()
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
print("sum", spark.range(5).selectExpr("sum(id)").first()[0])
spark.stop()
"""
    environment = {"PATH": "/usr/bin:/bin", "SPARK_LOCAL_IP": "127.0.0.1"}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert "sum 10" in shown.stdout, shown.stderr[-2000:]
