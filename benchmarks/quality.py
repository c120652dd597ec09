"""Measures: the kernel against its plain-Python reference, and the whole stage, on the same texts in the same run.

    uv run python -m benchmarks.quality [--documents 200] [--repeats 5]

The texts are those of `benchmarks.minhash` (docstrings and licences of the installed packages). The kernel runs at 1, 4 and 16
times their number, the reference at 1 time; figures are medians of CPU seconds, and `ratio` is the reference's cost of a document
over the kernel's. Both give the same numbers, which is checked first: a kernel that is fast and wrong has no figure.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.minhash import installed_texts
from pipeline.stages.quality import QualityStage
from pipeline.text import measures_reference
from pipeline.text.measures import NAMES, measure

if TYPE_CHECKING:
    from collections.abc import Callable


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median of CPU seconds over `repeats` calls, after one that is not timed."""
    run()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    texts = installed_texts(arguments.documents)
    expected = [list(measures_reference.measures(text).items()) for text in texts]
    found = measure(pa.array(texts))
    for row, pairs in zip(found, expected, strict=True):
        values = dict(zip(NAMES, row.tolist(), strict=True))
        np.testing.assert_allclose([values[name] for name, _ in pairs], [value for _, value in pairs], atol=1e-12)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    plain = median_seconds(lambda: [measures_reference.measures(text) for text in texts], arguments.repeats) / len(
        texts
    )
    print(f"{'':24s} {'documents':>9s} {'a CPU s':>9s} {'MB/s':>7s} {'ratio':>7s}")
    print(
        f"{'plain-Python reference':24s} {len(texts):9d} {1 / plain:9.0f} {megabytes / plain / len(texts):7.1f} {1:7.1f}"
    )
    for factor in (1, 4, 16):
        array = pa.array(texts * factor)
        each = median_seconds(lambda array=array: measure(array), arguments.repeats) / len(array)
        print(
            f"{'kernel':24s} {len(array):9d} {1 / each:9.0f} {megabytes / each / len(texts):7.1f} {plain / each:7.1f}"
        )
    stage = QualityStage(threshold=0.8, hard_rules=("gopher", "fineweb"))
    for factor in (1, 4, 16):
        array = pa.array(texts * factor)
        size = len(array)
        columns = [array, pa.array(["en"] * size), pa.array(["web"] * size)]
        batch = pa.RecordBatch.from_arrays(columns, names=["text", "language", "source_kind"])
        each = median_seconds(lambda batch=batch: stage.apply(batch), arguments.repeats) / size
        print(f"{'whole stage':24s} {size:9d} {1 / each:9.0f} {megabytes / each / len(texts):7.1f} {plain / each:7.1f}")


if __name__ == "__main__":
    main()
