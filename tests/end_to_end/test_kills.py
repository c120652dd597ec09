"""Real runs killed at every fault point and at random moments, then run again: the release is the undisturbed one.

A reader looks at the whole lake all the time and must never see a snapshot in part or a release in halves.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import faults
from tests.end_to_end.killing import SHARD_DOCUMENTS, Lake, curate_in_process, processes, watch

ELSEWHERE = {
    "drop.": "tests/test_drops.py",
    "gc.": "tests/retention/test_collect.py",
    "lake.": "tests/lake/test_format.py",
}
"""Points of other calls than a batch's way, and the tests that kill there."""
POINTS = [point for point in faults.POINTS if not point.startswith(tuple(ELSEWHERE))]
QUICK = {"stage.manifest.before#4"}
"""In `make test`, besides those of `tests/lake/test_crashes.py`; all the others in `make test-all`."""
# A stage's points are reached again and again: also kill in the middle of a batch, and at its end.
LATER = ["stage.manifest.before#4", "stage.manifest.after#8", "stage.shard.after#9", "stage.shard.before#20",
         "stage.head.before#5", "gate.report.before#6", "table.file.after#2", "index.file.after#2"]  # fmt: skip


def cases(names: list[str]) -> list[object]:
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in names]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        yield Lake(tmp_path_factory.mktemp("kills") / "project")


@contextmanager
def watched(lake: Lake) -> Iterator[None]:
    """Let a reader look at the lake while the block runs."""
    context = processes()
    stop, results = context.Event(), context.Queue()
    reader = context.Process(target=watch, args=(str(lake.folder), stop, results))
    reader.start()
    try:
        yield
    finally:
        stop.set()
        looks, wrong = results.get(timeout=120)
        reader.join(60)
    assert wrong == []
    assert looks > 0


def run_again(lake: Lake) -> None:
    context = processes()
    results = context.Queue()
    process = context.Process(target=curate_in_process, args=(str(lake.folder), None, results, {}))
    process.start()
    lake.check(results.get(timeout=300))
    process.join(60)


@pytest.mark.parametrize("point", cases([*POINTS, *LATER]))
def test_killed_at_a_fault_point_and_run_again(lake: Lake, point: str) -> None:
    lake.restore()
    context = processes()
    results = context.Queue()
    with watched(lake):
        process = context.Process(target=curate_in_process, args=(str(lake.folder), f"{point}=kill", results, {}))
        process.start()
        process.join(300)
        assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
        run_again(lake)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(14))
def test_killed_at_a_random_moment_and_run_again(lake: Lake, number: int) -> None:
    lake.restore()
    context = processes()
    results = context.Queue()
    share = random.Random(number).uniform(0.02, 0.95)
    with watched(lake):
        process = context.Process(target=curate_in_process, args=(str(lake.folder), None, results, {}))
        process.start()
        process.join(share * lake.seconds)
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join(60)
        run_again(lake)


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("number", range(6))
def test_a_command_with_spark_killed_at_a_random_moment_and_run_again(lake: Lake, number: int) -> None:
    """The driver dies; its JVM and workers may go on for a moment beside the next run, as after a real crash."""
    lake.restore()
    run = [sys.executable, "-m", "pipeline.cli", "run", str(lake.folder / "pipeline.yaml")]
    run += ["--set", f"ingestion.shard_documents={SHARD_DOCUMENTS}"]
    environment = {**os.environ, "SLUICE_SPARK_MASTER": "local[2]", "PYTHONPATH": os.pathsep.join(sys.path)}
    with watched(lake):
        process = subprocess.Popen(run, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.Random(100 + number).uniform(5, 25))
        process.kill()
        process.wait(60)
        again = subprocess.run(run, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert again.returncode in (0, 4), again.stderr
        run_again(lake)


def test_every_point_is_killed_somewhere() -> None:
    names = {point.split(".")[0] for point in faults.POINTS}
    assert {"batch", "stage", "gate", "review", "table", "corpus"} <= names
    for prefix, place in ELSEWHERE.items():
        if any(point.startswith(prefix) for point in faults.POINTS):
            assert prefix in (Path(__file__).parents[2] / place).read_text()
