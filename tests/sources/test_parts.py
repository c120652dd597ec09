"""A file that is cut in parts gives what it gives as one, whatever is in it."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fastwarc.stream_io import Lz4Writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceChanged
from pipeline.source import Source
from pipeline.sources.files import SourceFile, format_of
from pipeline.sources.parts import cut, meet
from pipeline.sources.records import FileAccount, read_file
from tests.sources.hostile_archives import compress, http, record

SOURCE = Source(name="feed", kind="web")


def opened(path: Path, form: str | None = None) -> SourceFile:
    return SourceFile("feed", str(path), path.name, path.stat().st_size, form or format_of(path.name) or "jsonl")


def read(source: Source, file: SourceFile) -> tuple[list[dict[str, Any]], FileAccount]:
    reading = read_file(source, file)
    rows = []
    for chunk in reading:
        rows += [a | b for a, b in zip(chunk.raw.to_pylist(), chunk.columns.to_pylist(), strict=True)]
    return rows, reading.account


def check(path: Path, target: int, source: Source = SOURCE, form: str | None = None) -> tuple[int, bool]:
    """Read a file as one and in parts, and compare; return how many parts there are and whether they meet."""
    file = opened(path, form)
    parts = cut(source, file, file.sha256(), target)
    if not parts:
        return 0, True
    assert (parts[0].start, parts[-1].end) == (0, file.size)
    assert all(a.end == b.start and a.first + a.units == b.first for a, b in pairwise(parts))
    assert [part.sha256 for part in parts] == [file.sha256(part) for part in parts]
    read_parts = [read(source, dataclasses.replace(file, part=part)) for part in parts]
    if not meet(parts, [account.stopped for _, account in read_parts]):
        return len(parts), False
    rows, account = read(source, file)
    assert [row for each, _ in read_parts for row in each] == rows
    accounts = [each for _, each in read_parts]
    for name in ("records_read", "other_records", "bytes"):
        assert sum(getattr(each, name) for each in accounts) == getattr(account, name), name
    for name in ("errors", "kinds"):
        assert sum((Counter(getattr(each, name)) for each in accounts), Counter()) == getattr(account, name)
    assert frozenset[str]().union(*(each.deleted for each in accounts)) == account.deleted
    return len(parts), True


def pages(count: int) -> list[bytes]:
    return [record(http(b"<p>page %d</p>" % n + b"x" * (n * 37 % 300)), f"http://a/{n}") for n in range(count)]


def lz4(data: bytes) -> bytes:
    out = io.BytesIO()
    writer = Lz4Writer(out)
    writer.write(data)
    writer.close()
    return out.getvalue()


WHOLE = {
    "a.jsonl": lambda: b"".join(json.dumps({"id": n, "text": f"text {n} " * (n % 9)}).encode() + b"\n" for n in range(200)),
    "no_end.jsonl": lambda: b"\xef\xbb\xbf" + b"\n".join(b'{"text": "%d"}' % n for n in range(600)),
    "one_long.jsonl": lambda: b'{"text": "first"}\n{"text": "' + b"x" * 9_000 + b'"}\r\n\n\n{"text": "last"}\n' * 40,
    "a.warc": lambda: b"".join(pages(100)),
    "a.warc.gz": lambda: b"".join(map(compress, pages(100))),
    "a.warc.zst": lambda: b"".join(map(zstandard.compress, pages(100))),
    "a.warc.lz4": lambda: b"".join(map(lz4, pages(100))),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("target", [1_000, 3_333])
def test_a_large_file_is_cut_and_loses_nothing(tmp_path: Path, name: str, target: int) -> None:
    (tmp_path / name).write_bytes(WHOLE[name]())
    parts, together = check(tmp_path / name, target)
    assert parts >= 2
    assert together


def test_a_parquet_file_is_cut_at_its_row_groups(tmp_path: Path) -> None:
    table = pa.table({"text": [f"text {n} " * 20 for n in range(1_000)], "id": [str(n) for n in range(1_000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=90, compression=None, use_dictionary=False)
    assert check(tmp_path / "a.parquet", 30_000) == (7, True)


def test_a_feed_is_cut_and_what_it_deletes_is_known(tmp_path: Path) -> None:
    lines = []
    for n in range(120):
        commit = {
            "operation": "delete" if n % 5 == 0 else "create",
            "collection": "app.bsky.feed.post",
            "rkey": f"3k{n}",
        }
        if n % 5:
            commit["record"] = {"text": f"post {n}", "createdAt": "2026-01-01T00:00:00Z"}
        lines.append(json.dumps({"did": "did:plc:a", "kind": "commit", "time_us": n, "commit": commit}))
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    source = Source(name="feed", kind="social", format="bluesky")
    parts, together = check(tmp_path / "a.jsonl", 2_000, source, "bluesky")
    assert parts > 5
    assert together


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 20_000, mtime=0, compresslevel=1)),
        ("one.warc.gz", gzip.compress(b"".join(pages(300)), mtime=0)),
        ("a.arc", b"filedesc://a 0.0.0.0 20220101000000 text/plain 3\nabc\n" * 100),
        ("array.json", json.dumps([{"text": str(n)} for n in range(500)], indent=1).encode()),
    ],
)
def test_what_cannot_be_cut_stays_one(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    form = "reddit" if name == "array.json" else None
    assert check(tmp_path / name, 400, Source(name="feed", kind="social" if form else "web"), form) == (0, True)


def test_an_archive_within_an_archive_is_not_taken_for_records(tmp_path: Path) -> None:
    """A record that holds a whole archive: cut within it, the forged records would look like the crawl's own."""
    forged = b"".join(record(http(b"<p>forged</p>"), f"http://forged/{n}") for n in range(40))
    for name, pack in (("a.warc", bytes), ("a.warc.gz", lambda data: gzip.compress(data, compresslevel=0, mtime=0))):
        inner = b"".join(pack(forged[place : place + 200]) if name == "a.warc" else pack(forged) for place in (0,))
        body = record(http(forged if name == "a.warc" else inner * 20, media="application/warc"), "http://honest/")
        (tmp_path / name).write_bytes(b"".join(map(pack, [*pages(3), body, *pages(3)])))
        parts, together = check(tmp_path / name, 2_000)
        assert parts >= 2, name
        assert not together, name


def test_a_file_that_changed_since_it_was_pinned_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(WHOLE["a.jsonl"]())
    file = opened(path)
    pinned = file.sha256()
    path.write_bytes(path.read_bytes().replace(b"text 7 ", b"text 8 "))
    with pytest.raises(SourceChanged):
        cut(SOURCE, file, pinned, 1_000)


LINE = st.binary(max_size=40) | st.sampled_from([b'{"text": "a"}', b'{"text": "a", "id": 7}\r', b"", b"\r", b"[1]"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, max_size=30), st.integers(1, 60), st.booleans())
def test_lines_of_any_kind(tmp_path: Path, lines: list[bytes], target: int, ended: bool) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines) + b"\n" * ended)
    assert check(tmp_path / "a.jsonl", target)[1]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["a.warc", "a.warc.gz", "a.warc.zst", "a.warc.lz4"]),
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=8)), max_size=3),
    st.integers(200, 4_000),
)
def test_damaged_archives(tmp_path: Path, name: str, damages: list[tuple[int, bytes]], target: int) -> None:
    content = bytearray(WHOLE[name]())
    for place, damage in damages:
        at = place % len(content)
        content[at : at + len(damage)] = damage
    (tmp_path / name).write_bytes(content)
    _, together = check(tmp_path / name, target)
    assert together or damages


def test_digest_of_a_part_is_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(WHOLE["a.jsonl"]())
    file = opened(path)
    part = cut(SOURCE, file, file.sha256(), 2_000)[1]
    assert part.sha256 == hashlib.sha256(path.read_bytes()[part.start : part.end]).hexdigest()
