"""The whole quality stage on 100,000 real documents, on the clock: as many processes as there are cores, side by side.

    python -m benchmarks quality_stage
    python -m benchmarks.quality_stage [--documents 100000]

The corpus is that of the near-duplicate benchmark (`dedup_corpus`). All presets reject, batches are as large as the runner's, loading is left out.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.dedup_corpus import corpus
from benchmarks.environments import cache_folder
from pipeline.settings import Settings
from pipeline.stages.quality import QualityStage

STAGE = QualityStage(Settings().cleaning.quality_threshold, ("gopher", "fineweb", "c4"))
_batches: list[pa.RecordBatch] = []


def load(file: Path, first: int, count: int) -> None:
    """Read a worker's documents and compile what they need."""
    texts = pq.read_table(file, columns=["text"]).column(0).combine_chunks().slice(first, count).cast(pa.string())
    rows = Settings().engine.batch_rows
    for start in range(0, count, rows):
        part = texts.slice(start, rows)
        columns = [part, pa.array(["en"] * len(part)), pa.array(["web"] * len(part))]
        _batches.append(pa.RecordBatch.from_arrays(columns, names=["text", "language", "source_kind"]))
    STAGE.apply(_batches[0])


def judge() -> tuple[float, float, float]:
    """Judge the documents; return CPU seconds, and when that began and ended."""
    began, started = time.time(), time.process_time()
    for batch in _batches:
        STAGE.apply(batch)
    return time.process_time() - started, began, time.time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    documents = parser.parse_args().documents
    file, cores = corpus(documents, cache_folder()).file, os.cpu_count() or 1
    each = documents // cores
    workers = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(cores)]
    for loading in [worker.submit(load, file, i * each, each) for i, worker in enumerate(workers)]:
        loading.result()
    done = [judging.result() for judging in [worker.submit(judge) for worker in workers]]
    seconds = max(ended for _, _, ended in done) - min(began for _, began, _ in done)
    print(
        f"{cores * each:,} documents on {cores} cores: {cores * each / seconds:,.0f} a second, "
        f"{cores * each / sum(cpu for cpu, _, _ in done):,.0f} a CPU second; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
