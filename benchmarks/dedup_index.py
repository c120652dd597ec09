"""A nightly batch against the index of near-duplicates: what is fixed, what grows with the corpus, what the layout brings.

    python -m benchmarks.dedup_index [thousands of documents ...]

The corpus is synthetic (documents of 20 random band hashes) and lies in files as publishing writes them, in the segments that nights of
10,000 documents leave behind. The batch has 10,000 documents, one in fifty a copy of a published one. "Cold" is with the system's cache
of the files dropped. Each figure is a median of several runs: seconds on the clock, with the least and the most, and of the processor.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.dedup_index_layouts import LAYOUTS
from pipeline.dedup.candidates import ANCHORS, Buckets, candidates_against
from pipeline.dedup.plan import derive
from pipeline.dedup.signatures import Bands
from pipeline.lake import indexing
from pipeline.lake.ids import names
from pipeline.lake.index import Index
from pipeline.lake.release import Segment
from pipeline.lake.segments import SegmentReader
from pipeline.lake.store import Store
from pipeline.lake.tables import DOCUMENTS, SIGNATURES, data_name, write_rows
from pipeline.settings import Dedup

SIZES = (100, 1_000, 5_000)
"""Thousands of documents."""
NIGHT = 10_000
COPIES = 50
"""One document of the batch in so many is a copy."""
RUNS = 5
SETTINGS = Dedup()
BANDS = derive(SETTINGS.threshold, SETTINGS.recall).bands
_AT_ONCE = 50_000


def hashes_of(documents: np.ndarray) -> np.ndarray:
    """Return the band hashes of documents by their number, shape ``(n, BANDS)``: a mixer's output (Stafford's mix 13)."""
    value = documents.astype(np.uint64)[:, None] * np.uint64(64) + np.arange(1, BANDS + 1, dtype=np.uint64)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def ids_of(documents: np.ndarray) -> list[str]:
    return names(hashes_of(documents)[:, 0], hashes_of(documents)[:, 1])


def nights(documents: int) -> list[int]:
    """Return the sizes of the segments that nightly publishing leaves."""
    count = documents // NIGHT
    return [NIGHT << bit for bit in reversed(range(count.bit_length())) if count >> bit & 1]


def build(store: Store, documents: int) -> tuple[list[Segment], list[str]]:
    """Write the files of the tables and the segments; return both."""
    held, signed, first = list[Segment](), list[str](), 0
    for number, size in enumerate(nights(documents), start=1):
        batch, files, mine = f"b{number}", list[str](), list[str]()
        for shard, start in enumerate(range(first, first + size, _AT_ONCE)):
            rows = np.arange(start, min(start + _AT_ONCE, first + size))
            constant = {name: "x" for name in DOCUMENTS.names if name not in ("document_id", "quality_score")}
            columns = {name: pa.repeat(pa.scalar(value), len(rows)) for name, value in constant.items()}
            ids = pa.array(ids_of(rows))
            table = pa.table(
                {
                    **columns,
                    "document_id": ids,
                    "quality_score": pa.nulls(len(rows), pa.float32()),
                    "batch_id": pa.repeat(pa.scalar(batch), len(rows)),
                }
            )
            files.append(data_name("documents", batch, "0" * 16, shard))
            write_rows(store, "documents", files[-1], [table.select(DOCUMENTS.names)])
            lists = pa.ListArray.from_arrays(
                pa.array(np.arange(len(rows) + 1, dtype=np.int32) * BANDS),
                pa.array(hashes_of(rows).ravel().view(np.int64)),
                type=SIGNATURES.field("bands").type,
            )
            mine.append(data_name("signatures", batch, "0" * 16, shard))
            digests = pa.repeat(pa.scalar("0" * 64), len(rows))
            write_rows(store, "signatures", mine[-1], [pa.table([ids, digests, lists], names=SIGNATURES.names)])
        made = indexing.make(store, files, mine, {batch: number}, "bench")
        held += [made] if made else []
        signed += mine
        first += size
    return held, signed


def batch_of(documents: int) -> Bands:
    """Return the batch's bands: new documents, and copies from all over the corpus."""
    random = np.random.default_rng(1)
    rows = documents + np.arange(NIGHT)
    rows[::COPIES] = random.choice(documents, len(rows[::COPIES]), replace=False)
    return Bands(hashes_of(rows).view(np.int64), np.ones(NIGHT, np.bool_))


def look_up(store: Store, held: list[Segment], batch: Bands) -> int:
    """Open the index, look the batch up, and return the number of candidate pairs: all that dedup does but reading texts."""
    index = Index(store, held)
    wanted = np.unique(batch.hashes.ravel().view(np.uint64))
    found = index.find(wanted, SETTINGS.max_bucket, ANCHORS)
    shared = np.flatnonzero(found.sizes)
    buckets = Buckets(wanted[shared], found.sizes[shared], np.searchsorted(found.hashes, shared), found.documents)
    return len(candidates_against(batch, buckets, len(found.ids), SETTINGS.max_bucket)[0])


def drop_cache(store: Store, files: list[str]) -> None:
    for name in files:
        handle = os.open(store.local_path(name), os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


class Taken(NamedTuple):
    """Seconds of several runs."""

    clock: list[float]
    processor: list[float]

    def __str__(self) -> str:
        least, most = min(self.clock), max(self.clock)
        median, processor = statistics.median(self.clock), statistics.median(self.processor)
        return f"{median:.3f} s [{least:.3f} to {most:.3f}], {processor:.3f} CPU s"


def timed(run: Callable[[], object], runs: int = RUNS, before: Callable[[], None] | None = None) -> Taken:
    """Run several times."""
    taken = Taken([], [])
    for _ in range(runs):
        if before:
            before()
        start = time.perf_counter(), time.process_time()
        run()
        taken.clock.append(time.perf_counter() - start[0])
        taken.processor.append(time.process_time() - start[1])
    return taken


def memory_of(run: Callable[[], object]) -> float:
    """Return the most that a run allocates, in MB; mapped files are not counted."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def measure(documents: int) -> tuple[Taken, Taken]:
    """Measure one size; return the runs, warm and cold."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        store = Store(folder)
        start = time.process_time()
        held, signed = build(store, documents)
        built = time.process_time() - start
        files = [file.name for segment in held for file in segment.files]
        size = sum(store.size(name) for name in files)
        batch = batch_of(documents)
        expected = NIGHT // COPIES
        if (pairs := look_up(store, held, batch)) != expected:
            raise SystemExit(f"{pairs} candidate pairs instead of {expected}: the measurement is of something else")
        print(
            f"{documents:,} documents in {len(held)} segments: {size / documents:.1f} bytes a document "
            f"(files and segments made in {built:.0f} CPU s)"
        )
        warm = timed(lambda: look_up(store, held, batch))
        cold = timed(lambda: look_up(store, held, batch), before=lambda: drop_cache(store, files))
        print(f"  batch against the index: warm {warm}; cold {cold}", flush=True)
        print(f"  allocated at most {memory_of(lambda: look_up(store, held, batch)):.0f} MB")
        compare_layouts(store, held, signed, batch)
        start = time.process_time()
        merged = indexing.merge(store, Index(store, held), [SegmentReader(store, part) for part in held], "bench")
        print(f"  all segments merged into one: {time.process_time() - start:.1f} CPU s", flush=True)
        if merged is None or merged.documents != documents:
            raise SystemExit("the merge lost documents")
        return warm, cold


def compare_layouts(store: Store, held: list[Segment], signed: list[str], batch: Bands) -> None:
    """Look the same hashes up in each layout."""
    wanted = np.unique(batch.hashes.ravel().view(np.uint64))
    documents = sum(segment.documents for segment in held)
    runs = RUNS if documents <= 1_000_000 else 3
    for name, layout in LAYOUTS.items():
        if documents > layout.most:
            continue
        prepared, space = layout.prepare(store, held, signed)
        find = partial(layout.find, store, prepared, wanted)
        warm, cold = timed(find, runs), timed(find, runs, partial(drop_cache, store, prepared.files))
        print(f"  {name:40s} {space / documents:.0f} bytes a document; warm {warm}; cold {cold}", flush=True)


def main() -> None:
    sizes = [int(value) * 1_000 for value in sys.argv[1:]] or [size * 1_000 for size in SIZES]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}; {BANDS} bands; batches of {NIGHT:,}")
    found = [measure(size) for size in sizes]
    if len(sizes) > 1:
        for name, taken in zip(("warm", "cold"), zip(*found, strict=True), strict=True):
            for clock in Taken._fields:
                medians = [statistics.median(getattr(runs, clock)) for runs in taken]
                slope, fixed = np.polyfit(np.array(sizes) / 1e6, medians, 1)
                print(
                    f"{name}, {clock}: {fixed:.3f} s fixed and {slope:.3f} s for each million documents (least squares)"
                )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"load at the end {load}; peak of the process {_peak():.0f} MB, mapped files and the making of the corpus included"
    )


def _peak() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


if __name__ == "__main__":
    main()
