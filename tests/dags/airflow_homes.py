"""The real scheduler with the real library without Spark, and with what `planted/sitecustomize.py` plants."""

from __future__ import annotations

import os
from pathlib import Path

from projects import REPOSITORY

from pipeline.demo.airflow_home import AirflowHome


def planted_home(folder: Path) -> AirflowHome:
    """Return an Airflow in `folder`, to be started by ``with``."""
    path = os.pathsep.join([str(Path(__file__).parent / "planted"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return AirflowHome(
        folder,
        REPOSITORY / "dags",
        users={"admin": "admin", "cora": "user"},
        environment={"PYTHONPATH": path, "SLUICE_SPARK_MASTER": "inline"},
        preload="pipeline.preload",
    )
