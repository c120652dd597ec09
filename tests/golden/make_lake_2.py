"""Made `lake-2`, once, of the documents of `lake-1`; README.md says why it is not run again.

SLUICE_SPARK_MASTER=inline .venv/bin/python -m tests.golden.make_lake_2 FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq

from tests.golden import make_lake_1
from tests.golden.lakes import GOLDEN

ADDED = "\n\nQuestions go to someone@example.org or +1 202 555 0143."
"""What `make_lake_1` adds to the first document."""


def documents() -> list[dict[str, str]]:
    """Return the documents of `lake-1` as they came in: today's pages say other things."""
    batches: dict[str, list[dict[str, str]]] = {}
    for raw in GOLDEN.glob("lake/raw/batches/*/ingest/*/*.parquet"):
        [columns] = (GOLDEN / "lake" / raw.relative_to(GOLDEN / "lake/raw").parent).glob("shard-*-columns-*.parquet")
        texts = pq.read_table(raw, columns=["text"]).column(0).to_pylist()
        for text, row in zip(texts, pq.read_table(columns).to_pylist(), strict=True):
            if text is not None and row["record_id"] != "a copy of another document":
                found = {"id": row["record_id"], "url": row["uri"], "text": text.removesuffix(ADDED)}
                batches.setdefault(row["record_file"], []).append(found)
    return [row for name in ("first", "second", "third") for row in batches[f"{name}.jsonl"]]


if __name__ == "__main__":
    make_lake_1.sections = documents
    make_lake_1.make(Path(sys.argv[1]))
