"""What it takes to tell a document's story in a lake of ten million decisions.

    python -m benchmarks explain
    python -m benchmarks.explain [--batches 25] [--documents 50000] [--stories 400] [--lake FOLDER]

The lake is synthetic: each batch holds so many documents, each with a row of every column of all eight stages, drawn at random but for `quality`'s,
which are those of a text that it keeps and of one that it rejects, so that there is a score to explain. Half of the documents are rejected at
one of the stages. Stories of kept and of rejected documents are told by `pipeline.explain.explain`, as a library call, in
a random order. The system's file cache holds what has just been written; `--lake` keeps the folder, so that it can be told from again.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.batch import FORMAT_VERSION, lake_store
from pipeline.config import validate
from pipeline.document import COLUMNS, TEXT
from pipeline.explain import explain
from pipeline.fingerprint import digest
from pipeline.lake import manifest as manifests
from pipeline.lake.format import prepared
from pipeline.lake.manifest import Manifest
from pipeline.lake.places import write_places
from pipeline.lake.snapshots import COLUMNS_ROLE, write_shard
from pipeline.settings import Settings
from pipeline.stages.quality import QualityStage
from pipeline.verdict import REASONS, VERDICT

SHARD = 5_000
PROJECT = Path(__file__).resolve().parents[1]
_DIGEST = "0" * 64


def identity(batch: int, row: int) -> str:
    """Return a document's id."""
    return hashlib.sha256(f"{batch}/{row}".encode()).hexdigest()[:32]


def stopped_at(row: int) -> int | None:
    """Return the number of the stage that rejects a document; None for the half that is kept."""
    return row // 2 % len(COLUMNS) if row % 2 else None


def column(field: pa.Field, length: int, drawn: np.random.Generator) -> pa.Array:
    """Return values of a field's type; nothing depends on what they say."""
    kind = field.type
    if pa.types.is_floating(kind):
        return pa.array(drawn.random(length), pa.float64()).cast(kind)
    if pa.types.is_integer(kind):
        return pa.array(drawn.integers(0, 1_000, length), pa.int64()).cast(kind)
    if pa.types.is_string(kind):
        return pa.array([f"{number:040x}" for number in drawn.integers(0, 1 << 60, length).tolist()])
    if pa.types.is_boolean(kind):
        return pa.array(drawn.random(length) < 0.5)
    if field.name == "bands":
        hashes = pa.array(drawn.integers(-(1 << 62), 1 << 62, 20 * length))
        return pa.ListArray.from_arrays(pa.array(np.arange(length + 1) * 20, pa.int32()), hashes, type=kind)
    return pa.array(
        [None] * length, kind
    )  # not `pa.nulls`: Parquet takes the children of its structs for nulls of their own


def judged_texts() -> pa.RecordBatch:
    """Return what `quality` stores of a text that it keeps and of one that it rejects."""
    texts = pa.array([(PROJECT / "LICENSE").read_text(encoding="utf-8"), "# 1 2 3 $ buy now " * 40])
    batch = pa.RecordBatch.from_arrays(
        [texts, pa.array(["en"] * 2), pa.array(["web"] * 2)], names=["text", "language", "source_kind"]
    )
    found = QualityStage(Settings().cleaning.quality_threshold, Settings().quality.hard_rules).apply(batch)
    if found.column("verdict").is_valid().to_pylist() != [False, True]:
        raise SystemExit("the two texts are not judged as they should be")
    return found


def write(settings: Settings, batches: int, documents: int) -> None:
    """Write the lake."""
    lake = prepared(lake_store(settings))
    stored = settings.model_dump_json().encode()
    judged = judged_texts()
    mark = digest(settings.model_dump(mode="json"))[:16]
    for batch in range(batches):
        name = f"b{batch:016x}"
        lake.write_atomic(
            f"batches/{name}/batch.json",
            f'{{"format_version": {FORMAT_VERSION}, "batch_id": "{name}", "inputs": [], "base": null}}'.encode(),
        )
        lake.write_atomic(f"batches/{name}/settings-{mark}.json", stored)
        head: list[list[str]] = []
        for number, (stage, schema) in enumerate(COLUMNS.items()):
            fingerprint = hashlib.sha256(f"{name}/{stage}".encode()).hexdigest()[:32]
            files = []
            for shard, first in enumerate(range(0, documents, SHARD)):
                rows = range(first, min(first + SHARD, documents))
                drawn = np.random.default_rng((batch, number, shard))
                columns = {f.name: column(f, len(rows), drawn) for f in schema if f.name != TEXT}
                if stage == "ingest":
                    columns["document_id"] = pa.array([identity(batch, row) for row in rows])
                reason = next(reason for reason in REASONS if reason.startswith(f"{stage}."))
                gone = [[{"reason": reason, "value": 0.5}] if stopped_at(row) == number else None for row in rows]
                columns["verdict"] = pa.array(gone, VERDICT)
                if stage == "quality":
                    which = pa.array([int(stopped_at(row) == number) for row in rows])
                    columns = dict(zip(schema.names, judged.take(which).columns, strict=True))
                if stage == "ingest":
                    columns["source_kind"] = pa.array(["web"] * len(rows))
                folder = f"batches/{name}/{stage}/{fingerprint}"
                files.append(write_shard(lake, folder, shard, COLUMNS_ROLE, pa.table(columns), "bench"))
            if stage == "ingest":
                write_places(lake, name, fingerprint, files)
            manifests.write(lake, Manifest(
                batch_id=name, stage=stage, fingerprint=fingerprint, files=tuple(files), settings_digest=_DIGEST, code_digest=_DIGEST
            ))  # fmt: skip
            head.append([stage, fingerprint])
        lake.write_atomic(f"batches/{name}/head-{mark}.json", str(head).replace("'", '"').encode())
        print(f"\r  {batch + 1} of {batches} batches written", end="", flush=True)
    print()


def tell(settings: Settings, batches: int, documents: int, stories: int) -> None:
    """Tell stories and print what they took."""
    drawn = np.random.default_rng(1)
    taken: dict[str, list[float]] = {"kept": [], "rejected": []}
    for _ in range(stories):
        batch, row = int(drawn.integers(batches)), int(drawn.integers(documents))
        started = time.perf_counter()
        story: dict[str, Any] = explain(settings, identity(batch, row))
        seconds = time.perf_counter() - started
        [told] = story["batches"]
        stopped = stopped_at(row)
        if len(told["stages"]) != (len(COLUMNS) if stopped is None else stopped + 1):
            raise SystemExit(f"the story of {identity(batch, row)} is not that of the document")
        taken["kept" if stopped is None else "rejected"].append(seconds)
    for kind, of in taken.items():
        median, late, worst = (1_000 * float(np.quantile(of, share)) for share in (0.5, 0.99, 1))
        print(f"  {kind:9s} {len(of):4d} stories: median {median:5.0f} ms, p99 {late:5.0f} ms, longest {worst:5.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=25)
    parser.add_argument("--documents", type=int, default=50_000, help="of each batch")
    parser.add_argument("--stories", type=int, default=400)
    parser.add_argument("--lake", type=Path, help="keep the lake here, or tell from the one that is there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.lake or Path(temporary) / "lake"
        settings = validate({"data_pipeline": {"ingestion": {"sources": ["web_crawl"]}, "lake": {"root": str(root)}}})
        if not root.exists():
            write(settings, arguments.batches, arguments.documents)
        print(f"{arguments.batches * arguments.documents * len(COLUMNS):,} decisions in {arguments.batches} batches")
        tell(settings, arguments.batches, arguments.documents, arguments.stories)


if __name__ == "__main__":
    main()
