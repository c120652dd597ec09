"""The Python daemon of Spark's workers: imports what the stages need once, then forks.

A cold worker pays seconds of imports (numpy, pyarrow, numba and its compiled kernels) for every process; a fork shares them copy
on write. Named in ``spark.python.daemon.module``. SLUICE_WARM_UP names the stages that the session is for; without it, all.
"""

from __future__ import annotations

from pipeline.config import environment
from pipeline.recipe import STAGES, warm_up

warm_up((environment("WARM_UP") or ",".join(STAGES)).split(","))

if __name__ == "__main__":
    from pyspark import daemon

    daemon.manager()
