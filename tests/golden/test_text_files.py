"""A stage's changed text goes to a file of its own, aligned with its columns, and is what later stages read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import listing
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.document import PII, TEXT
from pipeline.lake.manifest import Manifest, ShardFile
from pipeline.lake.snapshots import Chain, unify
from pipeline.run import apply_to_shard
from tests.golden.lakes import Copy


@dataclass(frozen=True)
class Shouting:
    """Turns text to capitals."""

    name: str = "pii"
    version: str = "1"
    reads: tuple[str, ...] = (TEXT,)
    adds: pa.Schema = PII
    models: dict[str, str] = field(default_factory=dict)

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        loud = pa.array([text.upper() for text in documents.column(0).to_pylist()])
        return unify(PII, {TEXT: loud}, len(loud)).combine_chunks().to_batches()[0]


@pytest.mark.parametrize("batch_rows", [1, 1000])
def test_text_lies_in_a_file_of_its_own(tmp_path, batch_rows: int) -> None:
    golden = Copy(tmp_path / "copy")
    batch = next(row["batch"] for row in listing.batches(golden.config) if row["release"] == 1)
    before = full_chain(load_batch(listing.find_batch(golden.config, batch))).upto("pii")
    folder = f"batches/{batch}/pii/0123456789abcdef"
    files = [ShardFile.model_validate(f) for f in json.loads(apply_to_shard(0, before, Shouting(), folder, batch_rows))]
    assert [file.role for file in files] == ["columns", "text"]
    names = {file.role: pq.read_schema(golden.store.local_path(file.name)).names for file in files}
    assert names == {"columns": [name for name in PII.names if name != TEXT], "text": [TEXT]}
    assert len({file.rows for file in files}) == 1

    manifest = Manifest(
        batch_id=batch, stage="pii", fingerprint="0123456789abcdef", files=tuple(files), settings_digest="0" * 16,
        code_digest="0" * 16,
    )  # fmt: skip
    live = before.live(0)
    raw = before.texts(0).to_pylist()
    loud = Chain(before.lake, before.raw, (*before.manifests, manifest)).texts(0).to_pylist()
    assert loud == [text.upper() if alive else None for text, alive in zip(raw, live, strict=True)]
    off = manifest.model_copy(update={"switched_off": True})
    assert Chain(before.lake, before.raw, (*before.manifests, off)).texts(0).to_pylist() == raw
