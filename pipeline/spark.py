"""Builds Spark: the only file with its settings.

The DataFrame API and `mapInArrow` only, so that the same code runs on ``local[*]``, a standalone or Kubernetes cluster and a
Spark Connect server (``sc://``).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline import errors
from pipeline.errors import SluiceError
from pipeline.guard import guarded
from pipeline.java import use_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONF: dict[str, str] = {
    "spark.app.name": "sluice",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    # Workers fork from a daemon that has imported the stages once.
    "spark.python.daemon.module": "pipeline.warm_daemon",
    "spark.python.worker.reuse": "true",
    # A task writes under a name of its own attempt and the driver names the winners, so speculation is safe.
    "spark.speculation": "false",
    # One row a shard goes through Arrow, so batches need no tuning; a failure must name our exception, not Spark's.
    "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled": "true",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}
"""Settings of every session; on a cluster the driver's address is left to Spark."""


def session(master: str, stages: Sequence[str]) -> SparkSession:
    """Return the session for `master`: ``local[n]``, ``spark://``, ``k8s://`` or ``sc://host:port``.

    A session that runs already is reused. `stages` are the ones that it is for: its workers import what these need, once. A
    Connect server is for all; name a ``session_id`` in its address, or each client's session starts workers of its own.

    Raises
    ------
    UserError
        If no Java 17 or newer is found (not needed for ``sc://``).
    """
    from pyspark.sql import SparkSession

    if master.startswith("sc://"):
        return SparkSession.builder.remote(master).getOrCreate()
    use_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master)
    for key, value in {**CONF, "spark.executorEnv.SLUICE_WARM_UP": ",".join(stages)}.items():
        if key.startswith("spark.driver.") and not master.startswith("local"):
            continue
        builder = builder.config(key, value)
    return builder.getOrCreate()


def run_tasks(spark: SparkSession, tasks: Sequence[Any], work: Callable[[Any], str]) -> list[str]:
    """Run ``work(task)`` for every task on Spark's workers, one partition each; return the answers in the tasks' order.

    Only the tasks' numbers and the answers (short JSON strings) travel; data goes through the store.

    Raises
    ------
    SluiceError
        What a worker raised, as it raised it; anything unforeseen has been put into its own words there already, before Spark
        writes it into its logs.
    """
    if not tasks:
        return []
    everything = list(tasks)

    def on_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = batch.column(0).to_pylist()
            answers = [guarded(work)(everything[number]) for number in numbers]
            yield pa.RecordBatch.from_arrays(
                [pa.array(numbers, pa.int64()), pa.array(answers, pa.string())], ["task", "answer"]
            )

    frame = spark.range(0, len(everything), 1, len(everything)).mapInArrow(on_worker, "task long, answer string")
    try:
        answers = {row["task"]: row["answer"] for row in frame.collect()}
    except Exception as error:  # noqa: BLE001 - PySpark has a tree of its own for each kind of session
        raise (_raised_by_worker(str(error)) or error) from None
    return [answers[number] for number in range(len(everything))]


_OF_WORKER = re.compile(r"^pipeline\.errors\.(\w+): (.*)$", re.MULTILINE)


def _raised_by_worker(trace: str) -> SluiceError | None:
    """Return the error of Sluice's that a worker's traceback, as Spark hands it on, ends with."""
    found = _OF_WORKER.findall(trace)
    kind = getattr(errors, found[-1][0], None) if found else None
    return kind(found[-1][1]) if kind is not None else None
