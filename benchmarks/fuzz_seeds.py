"""What the fuzzer starts from: for each format small valid files, made here and taken from real data where it is on the machine."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import brotli
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
LARGEST = 64 * 2**10
"""Bytes of a real file that is taken as it is; of larger ones the first lines."""

COATS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, 1, mtime=0),
    ".zst": zstandard.ZstdCompressor(1).compress,
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
}
"""Compressions of a whole file by the suffix that they give its name; the mutated content goes in, so that damage comes deeper."""

_REAL = {
    "jsonl": ("social/**/*.json*", "quality/*/data.jsonl.gz"),
    "warc": ("web/warc_shared/**/*.warc*", "web/warc_shared/**/*.wet*", "web/warc_shared/**/*.arc*"),
    "bluesky": ("social/bluesky_jetstream/*.json*",),
    "activitypub": ("social/activitypub_a/**/*.json*",),
    "reddit": ("social/goemotions_reddit/*.json*", "social/goemotions_reddit/*.csv"),
    "jats": ("licensed/plos_jats_xml/*.xml",),
}
"""Where real data of a format lies under the folder of shared data."""

PAGE = (
    b"<!doctype html><html lang=en><head><title>T</title><meta name=robots content=index><link rel=canonical href=http://a/>"
    b"</head><body><nav>menu</nav><main><p>Hello, reader of this page &amp; caf\xc3\xa9.</p></main></body></html>"
)


class Seed(NamedTuple):
    """A file: its format, the end of its name, its bytes, and whether they may be compressed as a whole."""

    format: str
    suffix: str
    content: bytes
    plain: bool = True


def _http(body: bytes, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in ("Content-Type: text/html; charset=utf-8", *fields))
    return b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + body


def _warc(block: bytes, kind: str = "response", media: str = "application/http; msgtype=response") -> bytes:
    return (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a/{zlib.crc32(block)}\r\nWARC-Date: 2022-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{zlib.crc32(block):08x}>\r\nContent-Type: {media}\r\nContent-Length: {len(block)}\r\n\r\n"
    ).encode() + block + b"\r\n\r\n"  # fmt: skip


def _warcs() -> list[bytes]:
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)
    return [
        _warc(b"software: x\r\n", "warcinfo", "application/warc-fields"),
        _warc(_http(PAGE)),
        _warc(_http(gzip.compress(PAGE, mtime=0), "Content-Encoding: gzip")),
        _warc(_http(brotli.compress(PAGE), "Content-Encoding: br")),
        _warc(_http(zstandard.compress(PAGE), "Content-Encoding: zstd")),
        _warc(_http(zlib.compress(PAGE), "Content-Encoding: deflate")),
        _warc(_http(chunked, "Transfer-Encoding: chunked", "X-Robots-Tag: noai", "Link: <http://l/>; rel=license")),
        _warc("Plain conversion, übersetzt".encode(), "conversion", "text/plain"),
        _warc(_http(b""), "revisit"),
    ]


def _tables() -> list[bytes]:
    texts = [f"A text of a row, number {n}. " * (n % 7 + 1) for n in range(30)]
    table = pa.table({"id": list(range(30)), "text": texts, "url": ["http://a/"] * 30, "date": ["2020-01-01"] * 30})
    deep = pa.table({"text": pa.array([{"text": t, "more": [1, 2]} for t in texts]), "id": pa.array(texts).dictionary_encode()})  # fmt: skip
    options = [
        {"compression": "none", "row_group_size": 10},
        {"compression": "snappy"},
        {"compression": "zstd", "use_dictionary": False, "data_page_size": 100},
        {"compression": "gzip", "use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
        {"compression": "none", "use_dictionary": False, "column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"compression": "brotli", "data_page_version": "2.0", "write_page_checksum": True},
    ]
    result = []
    for rows, more in [*((table, option) for option in options), (deep, {})]:
        sink = io.BytesIO()
        pq.write_table(rows, sink, **more)
        result.append(sink.getvalue())
    return result


def made() -> list[Seed]:
    """Return the files that are made here."""
    rows = [
        {"id": "7", "url": "http://a/", "text": "Hello wörld", "license": "MIT", "date": "2022-01-01T00:00:00Z"},
        {"id": 8, "text": "caf\u00c3\u00a9 \ud83d\ude00 \u0000", "title": "T", "lang": "de", "rights_holder": "A"},
        {"text": {"text": "deep"}, "score": 1e308, "date": 1_600_000_000},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    event = {"did": "did:plc:a", "time_us": 1725911162329308, "kind": "commit", "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3l", "record": {"$type": "app.bsky.feed.post", "createdAt": "2024-09-09T19:46:02.102Z", "langs": ["en"], "text": "Hello there"}}}  # fmt: skip
    note = {"@context": "https://www.w3.org/ns/activitystreams", "type": "Note", "id": "https://a/1", "content": "<p>Hi <a href='https://b/@c'>@c</a></p>", "published": "2024-01-01T00:00:00Z"}  # fmt: skip
    comment = {"id": "c1", "author": "u", "body": "A comment", "created_utc": 1500000000, "link_id": "t3_a", "parent_id": "t3_a", "subreddit": "s"}  # fmt: skip
    article = b'<?xml version="1.0"?><!DOCTYPE article [<!ENTITY e "x">]><article><front><article-meta><title-group><article-title>T &e;</article-title></title-group><permissions><license license-type="open-access"/></permissions><abstract><p>A</p></abstract></article-meta></front><body><sec><title>S</title><p>Text <xref>1</xref></p></sec></body></article>'
    warcs = _warcs()
    return [
        Seed("jsonl", ".jsonl", lines),
        *(Seed("warc", ".warc", b"".join(part)) for part in (warcs, warcs[:3], warcs[3:6], warcs[6:])),
        Seed("warc", ".warc.gz", b"".join(gzip.compress(record, mtime=0) for record in warcs), plain=False),
        Seed("warc", ".warc.zst", b"".join(zstandard.compress(record) for record in warcs), plain=False),
        *(Seed("parquet", ".parquet", content, plain=False) for content in _tables()),
        Seed("bluesky", ".jsonl", json.dumps(event).encode() + b"\n"),
        Seed("activitypub", ".json", json.dumps([note, {"type": "Delete", "object": "https://a/1"}]).encode()),
        Seed("reddit", ".jsonl", json.dumps(comment).encode() + b"\n"),
        Seed("csv", ".csv", b'id,text,license\r\n1,"a ""quoted"",\ntext",MIT\r\n2,b,\r\n'),
        Seed("text", ".md", b"---\ntitle: T\nlicense: MIT\ndate: 2024-01-01\n---\n# H\n\nText\n"),
        Seed("jats", ".xml", article),
    ]


def real() -> list[Seed]:
    """Return small real files, and the beginnings of larger ones; none where there are no shared data."""
    seeds = []
    for kind, patterns in _REAL.items():
        for pattern in patterns:
            for file in sorted(SHARED.joinpath("data").glob(pattern)) if SHARED.is_dir() else ():
                seeds += _cut(kind, file)
    return seeds


def _cut(kind: str, file: Path) -> list[Seed]:
    if not file.is_file() or file.name == "README.txt":
        return []
    content = file.read_bytes()
    if kind == "jsonl" or (file.suffix == ".gz" and kind != "warc"):
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        return [Seed(kind, ".jsonl", content[: LARGEST // 8])]
    if len(content) > LARGEST:
        return []
    packed = content[:2] == b"\x1f\x8b" or content[:4] == b"\x28\xb5\x2f\xfd"
    return [Seed(kind, "".join(file.suffixes[-2:]) if kind == "warc" else file.suffix, content, plain=not packed)]
