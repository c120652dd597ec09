"""The Python daemon of Spark's workers: imports what the stages need once, then forks.

A cold worker pays seconds of imports (numpy, pyarrow, numba and its compiled kernels) for every process; a fork shares them copy
on write. Named in ``spark.python.daemon.module``.
"""

from __future__ import annotations

from pipeline.recipe import warm_up

warm_up()

if __name__ == "__main__":
    from pyspark import daemon

    daemon.manager()
