"""Our dedup stage on a corpus, in a process of its own; run by `dedup_peers`.

    python -m benchmarks.dedup_ours prepare CORPUS FOLDER
    python -m benchmarks.dedup_ours run FOLDER ANSWER [dedup.recall=0.999 ...]
    python -m benchmarks.dedup_ours profile FOLDER ANSWER [...]

`prepare` writes what ingest would have committed: the corpus in shards of ingest's size, every document kept. `run` is the stage itself
(`pipeline.stages.dedup.run`) in one process, without Spark: it reads the shards, signs, compares and writes the verdicts. `profile` is the
same and prints which step took how many CPU seconds.
"""

from __future__ import annotations

import cProfile
import json
import os
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.batch import Batch, BatchRecord
from pipeline.config import override, validate
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import COLUMNS_ROLE, RAW_ROLE, Chain, read_file_columns, write_shard
from pipeline.settings import Settings
from pipeline.stages import dedup
from pipeline.verdict import keep
from pipeline.work import INLINE, Work

SOURCE, BATCH = "web_crawl", "b0000000000000001"
STEPS = {
    "marking repeated passages": ("mark_shards",),
    "reading and signing": ("sign_shard",),
    "  of it signatures and bands": ("band_hashes",),
    "  of it exact keys": ("exact_keys",),
    "  of it passages": ("find_passages",),
    "candidates": ("candidate_pairs",),
    "reading the candidates' texts": ("texts_of",),
    "shingling them": ("shingle_sets",),
    "comparing": ("overlap",),
    "order of preference": ("preference",),
    "exact groups": ("_stand_ins",),
    "survivors": ("choose_survivors",),
    "near misses": ("_near_misses",),
    "writing": ("_write",),
    "whole stage": ("run",),
}
"""Functions that the steps are; each is called once a shard or once a batch."""
_DIGEST = "0" * 64
_ID, _NAME = 32, 7
"""Digits of a document's id to the stage, and those of them that are its id in the corpus."""


def settings_of(folder: Path, changes: dict[str, float | str]) -> Settings:
    """Return the defaults with one source, a lake in the folder, and the given changes."""
    lake = {"ingestion": {"sources": [SOURCE]}, "lake": {"root": str(folder)}}
    return override(validate({"data_pipeline": lake}), dict(changes))


def prepare(corpus: Path, folder: Path) -> None:
    """Write the corpus as ingest's snapshot."""
    folder.mkdir(parents=True)
    batch = Batch(BatchRecord(batch_id=BATCH, inputs=(), base=None), settings_of(folder, {}), _DIGEST)
    files = []
    size = batch.settings.ingestion.shard_documents
    for shard, part in enumerate(pq.ParquetFile(corpus).iter_batches(size, columns=["id", "text"])):
        columns = {
            "document_id": pc.utf8_rpad(part.column("id"), _ID, "0"),
            "source": pa.repeat(pa.scalar(SOURCE), len(part)),
            "characters": pc.utf8_length(part.column("text")).cast(pa.int32()),
            "verdict": keep(len(part)),
        }
        files.append(write_shard(batch.lake, "ingest", shard, COLUMNS_ROLE, pa.table(columns), "bench"))
        texts = pa.table({"text": part.column("text").cast(pa.string())})
        files.append(write_shard(batch.raw, "ingest", shard, RAW_ROLE, texts, "bench"))
    manifest = Manifest(
        batch_id=BATCH,
        stage="ingest",
        fingerprint=_DIGEST,
        files=tuple(files),
        settings_digest=_DIGEST,
        code_digest=_DIGEST,
    )
    (folder / "ingest.json").write_bytes(manifest.to_bytes())


def run(folder: Path, answer: Path, changes: dict[str, float | str]) -> None:
    """Run the stage and write its metrics and, for each removed document, the one that stays for it."""
    os.environ["SLUICE_SPARK_MASTER"] = INLINE
    batch = Batch(BatchRecord(batch_id=BATCH, inputs=(), base=None), settings_of(folder, changes), _DIGEST)
    manifest = Manifest.load(batch.lake, "ingest.json", "prepare the folder again")
    chain = Chain(batch.lake, batch.raw, (manifest,))
    work = Work(batch, "dedup", chain, _DIGEST, f"dedup-{os.getpid()}", _no_spark)
    output = dedup.run(work)
    removed: dict[str, str] = {}
    for file in output.files:
        ids = chain.read("ingest", file.shard, ["document_id"]).column(0)
        table = read_file_columns(batch.lake, file, ["survivor", "verdict"]).append_column("id", ids)
        gone = table.filter(pc.is_valid(table.column("verdict")))
        names = (pc.utf8_slice_codeunits(gone.column(name), 0, _NAME).to_pylist() for name in ("id", "survivor"))
        removed |= dict(zip(*names, strict=True))
        batch.lake.remove(file.name)
    answer.write_text(json.dumps({"removed": removed, "metrics": output.metrics}), encoding="utf-8")


def _no_spark() -> object:
    raise SystemExit("the stage asked for Spark")


def profile(folder: Path, answer: Path, changes: dict[str, float | str]) -> None:
    """Run the stage once to load and compile, then print the CPU seconds of each step."""
    run(folder, answer, changes)
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(run, folder, answer, changes)
    found: dict[str, float] = {}
    profiler.create_stats()
    # By file, line and name: functions of one name in two files would hide each other in `pstats.Stats.get_stats_profile`.
    for (_, _, name), (_, _, _, cumulative, _) in profiler.stats.items():
        found[name] = max(found.get(name, 0.0), cumulative)
    for step, names in STEPS.items():
        print(f"  {step:32s} {sum(found.get(name, 0.0) for name in names):8.2f} CPU s")


def main() -> None:
    kind, first, second, *rest = sys.argv[1:]
    if kind == "prepare":
        prepare(Path(first), Path(second))
        return
    parts = [entry.partition("=") for entry in rest]
    changes = {key: float(value) if value[0].isdigit() else value for key, _, value in parts}
    {"run": run, "profile": profile}[kind](Path(first), Path(second), changes)


if __name__ == "__main__":
    main()
