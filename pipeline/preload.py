"""Import once what every task needs.

Airflow's LocalExecutor forks each task from the scheduler, so a scheduler that has imported this module spares every gate the
10 s CPU of importing Great Expectations, and every other task a second or two. Where tasks run elsewhere nothing changes. No
import here starts a thread, opens a connection or a session: a test says so, because a fork would inherit it half alive.
"""

from __future__ import annotations

import importlib

from pipeline.gates.engine import import_gx

MODULES = (
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.standard.operators.trigger_dagrun",
    "pipeline.airflow",
    "pipeline.api",
    "pyspark.sql",
    "pyspark.sql.connect.session",
)

for _name in MODULES:
    importlib.import_module(_name)
import_gx()
