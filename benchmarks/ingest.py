"""Throughput of each reader on 1x, 4x and 16x of text that is on the machine, and how time, work and memory grow.

    python -m benchmarks.ingest [--repeats 5] [--texts 800] [folder]

The text is the demonstration's: descriptions, licences and documentation of installed packages. Each size holds the smaller one's
documents again, each with its number before it, so that no two are equal. The sizes take turns, and the table gives medians of CPU time
and the process's peak of memory. The last figures say how many times the size before it took: CPU time, calls of functions, bytes read of
the file. The last two are exact, whatever else the machine does; if one of them grows faster than the input, the exit code is 1.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import statistics
import sys
import tempfile
import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.memory import fresh_peak, peak
from pipeline.demo.packages import licensed_entries
from pipeline.source import Source
from pipeline.sources.files import list_files
from pipeline.sources.records import read_file
from pipeline.sources.stream import SourceStream

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (1, 4, 16)
MOST_GROWTH = 4.1
"""Times the calls and the bytes read that four times as much may take. Both are exact; CPU time is not, and is shown only."""


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


WRITERS = {"jsonl": write_jsonl, "jsonl.gz": write_gzip, "parquet": write_parquet, "warc.gz": write_warc}


def read(file: Path) -> int:
    """Read a file to its end; return its kept records."""
    (entry,) = list_files(Source(name="bench", kind="web", paths=(str(file),))).files
    source = Source(name="bench", kind="web")
    return sum(chunk.columns["verdict"].null_count for chunk in read_file(source, entry))


def counted(file: Path) -> tuple[int, int]:
    """Return how many functions reading a file calls, and how many bytes of it it reads."""
    calls = taken = 0
    honest = SourceStream.read

    def reading(self: SourceStream, size: int = -1) -> bytes:
        nonlocal taken
        data = honest(self, size)
        taken += len(data)
        return data

    def called(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    SourceStream.read = reading  # type: ignore[method-assign]
    sys.setprofile(called)
    try:
        read(file)
    finally:
        sys.setprofile(None)
    return calls, taken


def compare(folder: Path, texts: list[str], name: str, repeats: int) -> bool:
    """Measure a format at each size, print its rows, and return whether its work grows no faster than its input."""
    files = {size: folder / f"{size}x.{name}" for size in SIZES}
    for size, file in files.items():
        WRITERS[name](file, documents(texts, size))
    kept = {size: read(file) for size, file in files.items()}
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    peaks: dict[int, int] = dict.fromkeys(SIZES, 0)
    for _ in range(repeats):
        for size, file in files.items():
            fresh_peak()
            started = time.process_time()
            read(file)
            seconds[size].append(time.process_time() - started)
            peaks[size] = max(peaks[size], peak() // 1024)
    before: tuple[float, ...] = ()
    fits = True
    for size, file in files.items():
        middle = statistics.median(seconds[size])
        now = (middle, *counted(file))
        growth = [new / old for new, old in zip(now, before, strict=False)]
        fits &= all(times <= MOST_GROWTH for times in growth[1:])
        rate = size * sum(map(len, texts)) / 1e6 / middle
        print(
            f"{size:>3}x {name:<9}{file.stat().st_size / 1e6:>7.1f} MB {kept[size]:>7,} kept {middle:>8.3f} s "
            f"[{min(seconds[size]):.3f} to {max(seconds[size]):.3f}] {rate:>6.1f} M characters/s  peak {peaks[size]:,} MB  "
            + " ".join(f"{times:.2f}" for times in growth),
            flush=True,
        )
        before = now
        file.unlink()
    return fits


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--texts", type=int, default=800, help="at 1x")
    parser.add_argument("--formats", default=",".join(WRITERS))
    options = parser.parse_args()
    texts = [entry.text for entry in licensed_entries() if len(entry.text) <= 60_000][: options.texts]
    print(f"{len(texts)} texts, {sum(map(len, texts)) / 1e6:.1f} M characters; load average {os.getloadavg()[0]:.1f}")
    print("last: growth of CPU time, calls and bytes read against the size before")
    folder = options.folder or Path(tempfile.mkdtemp())
    fits = [compare(folder, texts, name, options.repeats) for name in options.formats.split(",")]
    return int(not all(fits))


if __name__ == "__main__":
    sys.exit(main())
