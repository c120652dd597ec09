"""What a stage's driver side is given and gives back, and where its tasks run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.batch import Batch
from pipeline.config import environment
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import Chain

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INLINE = "inline"
"""Master that runs every task in this process, one after the other, without Spark: for small batches and a debugger."""


@dataclass(frozen=True)
class Work:
    """What a stage's driver side is given."""

    batch: Batch
    stage: str
    chain: Chain
    fingerprint: str
    folder: str
    get_spark: Callable[[], SparkSession]

    def on_workers(self, tasks: Sequence[Any], function: Callable[[Any], str]) -> list[Any]:
        """Run a function for every task on Spark's workers; the answers are JSON."""
        if master_of(self.batch) == INLINE:
            return [json.loads(function(task)) for task in tasks]
        from pipeline.spark import run_tasks

        return [json.loads(answer) for answer in run_tasks(self.get_spark(), tasks, function)]


@dataclass(frozen=True)
class Output:
    """Files that a stage wrote, and figures that only it knows."""

    files: list[ShardFile]
    metrics: dict[str, float | str | None]


def master_of(batch: Batch) -> str:
    """Return where the batch's tasks run: SLUICE_SPARK_MASTER, or what the settings say."""
    return environment("SPARK_MASTER") or batch.settings.engine.master


def session_of(batch: Batch, stages: Sequence[str]) -> SparkSession:
    """Return the Spark session of a batch, made for some stages if there is none."""
    from pipeline.spark import session

    return session(master_of(batch), stages)
