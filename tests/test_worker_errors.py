"""What a Spark worker raises reaches the driver as what it was, and no text that it quotes reaches Spark's logs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.errors import SourceUnavailable, UnexpectedError
from pipeline.spark import _raised_by_worker

QUOTED = "Zora lives at 12 Canary Row"
SCRIPT = f"""
from pipeline.errors import SourceUnavailable
from pipeline.spark import run_tasks, session

def work(task):
    if task == "lost":
        raise SourceUnavailable("source 'x': cannot read a.jsonl")
    raise ValueError({QUOTED!r})

spark = session("local[1]", ())
for task in ("lost", "quoting"):
    try:
        run_tasks(spark, [task], work)
    except Exception as error:
        print(task, "->", type(error).__name__, error)
"""

TRACE = """An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "pipeline/spark.py", line 90, in on_worker
pipeline.errors.{error}
"""


def test_the_last_line_of_a_workers_traceback_is_the_error() -> None:
    error = _raised_by_worker(TRACE.format(error="SourceUnavailable: source 'x': cannot read a.jsonl (TimeoutError)"))
    assert isinstance(error, SourceUnavailable)
    assert str(error) == "source 'x': cannot read a.jsonl (TimeoutError)"
    assert isinstance(
        _raised_by_worker(TRACE.format(error="UnexpectedError: ValueError in pipeline/x.py:1, f")), UnexpectedError
    )
    assert _raised_by_worker("java.lang.OutOfMemoryError") is None


@pytest.mark.spark
@pytest.mark.slow
def test_a_worker_that_quotes_a_text_leaves_it_in_no_log() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert said[0] == "lost -> SourceUnavailable source 'x': cannot read a.jsonl"
    assert said[1].startswith("quoting -> UnexpectedError ValueError ")
    assert "PythonException" in done.stderr, "Spark did log the failure"
    assert QUOTED not in done.stdout + done.stderr
