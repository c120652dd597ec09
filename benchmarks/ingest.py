"""Throughput of each reader on 1x, 4x and 16x of text that is on the machine.

    python benchmarks/ingest.py [folder]

The text is the demonstration's: descriptions, licences and documentation of installed packages. Each size holds the smaller one's
documents again, each with its number before it, so that no two are equal. Rates are by CPU time of one process; memory is its peak.
"""

from __future__ import annotations

import gzip
import io
import json
import resource
import sys
import tempfile
import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.demo.packages import licensed_entries
from pipeline.source import Source
from pipeline.sources.files import list_files
from pipeline.sources.records import read_file
from pipeline.text.normalize import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = 800
SIZES = (1, 4, 16)


def documents(texts: list[str], size: int) -> Iterator[tuple[str, str]]:
    for turn in range(size):
        for number, text in enumerate(texts):
            yield f"http://bench.localhost/{turn}/{number}", f"{turn} {number}\n{text}"


def write_jsonl(file: Path, rows: Iterator[tuple[str, str]]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for uri, text in rows:
            stream.write(json.dumps({"url": uri, "text": text, "license": "MIT", "date": "2024-01-01"}) + "\n")


def write_gzip(file: Path, rows: Iterator[tuple[str, str]]) -> None:
    with gzip.open(file, "wt", compresslevel=1, encoding="utf-8") as stream:
        for uri, text in rows:
            stream.write(json.dumps({"url": uri, "text": text}) + "\n")


def write_parquet(file: Path, rows: Iterator[tuple[str, str]]) -> None:
    uris, texts = zip(*rows, strict=True)
    pq.write_table(pa.table({"url": uris, "text": texts}), file, compression="zstd", row_group_size=2_000)


def write_warc(file: Path, rows: Iterator[tuple[str, str]]) -> None:
    with file.open("wb") as stream:
        for uri, text in rows:
            paragraphs = "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n"))
            page = f"<html><head><title>{uri}</title></head><body><nav><a href='/'>Home</a></nav><main>{paragraphs}</main></body></html>"
            block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page.encode()
            head = f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
            packed = io.BytesIO()
            with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as member:
                member.write(head.encode() + block + b"\r\n\r\n")
            stream.write(packed.getvalue())


WRITERS = {"a.jsonl": write_jsonl, "a.jsonl.gz": write_gzip, "a.parquet": write_parquet, "a.warc.gz": write_warc}


def measure(file: Path, characters: int) -> str:
    source = Source(name="bench", kind="web", paths=(str(file),))
    (entry,) = list_files(source).files
    started, rows, kept = time.process_time(), 0, 0
    for chunk in read_file(source, entry):
        rows += chunk.columns.num_rows
        kept += chunk.columns["verdict"].null_count
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"{rows:>8,} rows  {kept:>8,} kept  {rows / seconds:>8,.0f} rows/s  {characters / 1e6 / seconds:>6.1f} M characters/s  peak {peak:,} MB"


def main() -> None:
    texts = [entry.text for entry in licensed_entries() if len(entry.text) <= 60_000][:BASE]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    started = time.process_time()
    for text in texts:
        normalise(text)
    total = sum(map(len, texts))
    print(
        f"{len(texts)} texts, {total / 1e6:.1f} M characters; normalise: {total / 1e6 / (time.process_time() - started):.0f} M characters/s"
    )
    warm_up = folder / "warm.jsonl"
    write_jsonl(warm_up, documents(texts, 1))
    measure(warm_up, total)  # the first batch imports pandas, by way of pyarrow
    warm_up.unlink()
    for size in SIZES:
        for name, write in WRITERS.items():
            file = folder / name
            write(file, documents(texts, size))
            print(
                f"{size:>3}x {name:<11} {file.stat().st_size / 1e6:>6.1f} MB  {measure(file, total * size)}", flush=True
            )
            file.unlink()


if __name__ == "__main__":
    main()
