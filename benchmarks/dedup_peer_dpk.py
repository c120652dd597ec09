"""Data Prep Kit's fuzzy deduplication on a corpus; run by `dedup_peers` in its environment.

Its own defaults (14 bands of 8 on word 5-grams, similarity 0.75 estimated from the signatures), its four services one after the other.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dpk_fdedup.transform_python import Fdedup


def main(corpus: str, folder: str, answer: str) -> None:
    read, write = Path(folder) / "in", Path(folder) / "out"
    read.mkdir(parents=True)
    names = []
    for number, batch in enumerate(pq.ParquetFile(corpus).iter_batches(12_500, columns=["id", "text"])):
        table = pa.table({"int_id_column": [int(name) for name in batch.column("id").to_pylist()], "contents": batch.column("text").cast(pa.string())})  # fmt: skip
        pq.write_table(table, read / f"{number:04d}.parquet")
        names += batch.column("id").to_pylist()
    status = Fdedup(input_folder=str(read), output_folder=str(write), operation_mode="filter_duplicates").transform()
    if status:
        sys.exit(f"Fdedup ended with {status}")
    kept = {
        int(n)
        for file in (write / "cleaned").rglob("*.parquet")
        for n in pq.read_table(file).column("int_id_column").to_pylist()
    }
    Path(answer).write_text(
        json.dumps({"removed": dict.fromkeys(n for n in names if int(n) not in kept)}), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
