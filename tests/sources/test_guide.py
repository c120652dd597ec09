"""The guide's example runs as it stands, and its tables name what the code knows."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config import parse
from pipeline.reasons import REASONS
from pipeline.source import Source
from pipeline.sources.files import list_files
from pipeline.sources.records import read_file

GUIDE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")


def test_the_example_is_a_configuration_that_reads(tmp_path):
    example, *_ = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    for folder in ("forum/2024", "forum/extra", "crawl"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "forum/2024/a.jsonl").write_text('{"body": "Hello", "post_id": 7, "created": "2024-01-01"}\n')
    (tmp_path / "forum/extra/b.jsonl.gz").write_bytes(gzip.compress(b'{"body": "Again"}\n'))
    (tmp_path / "crawl/c.warc").write_bytes(b"")
    pq.write_table(pa.table({"text": ["a", "b"], "license": ["MIT", None]}), tmp_path / "press.parquet")
    rows = {}
    for source in parse(example, tmp_path).ingestion.sources:
        chunks = [chunk for file in list_files(source).files for chunk in read_file(source, file)]
        rows[source.name] = [row for chunk in chunks for row in chunk.columns.to_pylist()]
    assert [row["record_id"] for row in rows["forum"]] == ["7", None]
    assert {row["license"] for row in rows["forum"]} == {"CC-BY-SA-4.0"}
    assert [bool(row["verdict"]) for row in rows["press"]] == [False, True]
    assert rows["crawl"] == []


def test_every_reason_and_default_that_is_named_exists():
    # This comes from the batch, not from reading: records read before.
    batch = {"ingest.repeated_record@1"}
    assert set(re.findall(r"`(ingest\.[\w.]+@\d+)`", GUIDE)) == {r for r in REASONS if r.startswith("ingest.")} - batch
    defaults = dict(re.findall(r"\| `(\w+_field)` \| `(\w+)` \|", GUIDE))
    fields = {name: field.default for name, field in Source.model_fields.items() if name.endswith("_field")}
    assert defaults == {name: default for name, default in fields.items() if default}
    assert all(f"`{name}`" in GUIDE for name in fields)
