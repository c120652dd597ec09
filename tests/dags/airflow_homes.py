"""The real scheduler with the real library without Spark, and with what `planted/sitecustomize.py` plants."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from projects import REPOSITORY
from scheduler import PATIENCE

from pipeline.demo.airflow_home import AirflowHome


@contextlib.contextmanager
def planted_home(folder: Path) -> Iterator[AirflowHome]:
    """Run an Airflow in `folder`."""
    path = os.pathsep.join([str(Path(__file__).parent / "planted"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    home = AirflowHome(
        folder,
        REPOSITORY / "dags",
        users={"admin": "admin", "cora": "user", "vic": "viewer"},
        environment={"PYTHONPATH": path, "SLUICE_SPARK_MASTER": "inline"},
        preload="pipeline.preload",
    )
    try:
        yield home.start(PATIENCE)
    finally:
        home.stop()
