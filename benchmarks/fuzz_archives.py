"""Small web archives and Parquet files that the fuzzer starts from, and the compressions that are theirs."""

from __future__ import annotations

import functools
import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import brotli
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from fastwarc.stream_io import Lz4Writer

PAGE = (
    b"<!doctype html><html lang=en><head><title>T</title><meta name=robots content=index><link rel=canonical href=http://a/><meta property='article:published_time' content='2020-01-01'>"
    b'<script type=\'application/ld+json\'>{"datePublished": "2020-01-01"}</script></head><body><nav>menu</nav><main><article><p>Hello, reader of this page &amp; caf\xc3\xa9.</p><ul><li>one</ul><pre>x\ny</pre>'
    b"<table><tr><td>1</table><a rel=license href=http://creativecommons.org/licenses/by/4.0/>l</a></article></main></body></html>"
)
_DICTIONARY_START = b"\x5d\x2a\x4d\x18"


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(1, write_checksum=True).compress(data)


def _lz4(data: bytes) -> bytes:
    packed = io.BytesIO()
    writer = Lz4Writer(packed)
    writer.write(data)
    writer.close()
    return packed.getvalue()


def _zstd_with_dictionary(parts: Sequence[bytes]) -> bytes:
    """Return a frame for each part, behind the frame of the dictionary that all of them use."""
    dictionary = _dictionary()
    words = dictionary.as_bytes()
    packed = [zstandard.ZstdCompressor(1, dict_data=dictionary).compress(part) for part in parts]
    return _DICTIONARY_START + len(words).to_bytes(4, "little") + words + b"".join(packed)


@functools.cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    return zstandard.train_dictionary(1_000, [warc(http(PAGE + b"%d" % n)) for n in range(60)])


class Coat(NamedTuple):
    """A compression: what the file's name ends in, and how its parts are packed, together or each by itself."""

    suffix: str
    pack: Callable[[Sequence[bytes]], bytes]


PLAIN = {"plain": Coat("", b"".join)}
WARC_COATS = {
    **PLAIN,
    "gzip": Coat(".gz", lambda parts: _gzip(b"".join(parts))),
    "zstd": Coat(".zst", lambda parts: _zstd(b"".join(parts))),
    "lz4": Coat(".lz4", lambda parts: _lz4(b"".join(parts))),
    "gzip members": Coat(".gz", lambda parts: b"".join(map(_gzip, parts))),
    "zstd frames": Coat(".zst", lambda parts: b"".join(map(_zstd, parts))),
    "lz4 frames": Coat(".lz4", lambda parts: b"".join(map(_lz4, parts))),
    "zstd frames with a dictionary": Coat(".zst", _zstd_with_dictionary),
}
ARC_COATS = {name: WARC_COATS[name] for name in ("plain", "gzip", "gzip members")}


def http(body: bytes, *fields: str, media: str = "text/html; charset=utf-8") -> bytes:
    head = "".join(f"{name}\r\n" for name in (f"Content-Type: {media}", *fields))
    return b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + body


def warc(block: bytes, kind: str = "response", media: str = "application/http; msgtype=response", more: str = "") -> bytes:  # fmt: skip
    return (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a/{zlib.crc32(block)}\r\nWARC-Date: 2022-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{zlib.crc32(block):08x}>\r\n{more}Content-Type: {media}\r\nContent-Length: {len(block)}\r\n\r\n"
    ).encode() + block + b"\r\n\r\n"  # fmt: skip


def warcs() -> list[list[bytes]]:
    """Return files of records: each coding, charset, kind and header that the reader knows."""
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)
    records = [
        warc(b"software: x\r\n", "warcinfo", "application/warc-fields"),
        warc(http(PAGE)),
        warc(http(_gzip(PAGE), "Content-Encoding: gzip")),
        warc(http(brotli.compress(PAGE), "Content-Encoding: br")),
        warc(http(zstandard.compress(PAGE), "Content-Encoding: zstd")),
        warc(http(zlib.compress(PAGE), "Content-Encoding: deflate")),
        warc(http(chunked, "Transfer-Encoding: chunked", "X-Robots-Tag: noai", "Link: <http://l/>; rel=license")),
        warc(http(PAGE.decode().encode("latin-1"), "Content-Language: en", media="text/html; charset=windows-1252")),
        warc(http("Plain, übersetzt".encode("utf-16"), media="text/plain")),
        warc(http(b""), "revisit", more="WARC-Refers-To: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\n"),
        warc(http(PAGE[:99]), more="WARC-Truncated: length\r\n"),
        warc(b"GET / HTTP/1.1\r\n\r\n", "request", "application/http; msgtype=request"),
        warc(PAGE, "resource", "text/html"),
    ]
    return [records, records[1:2], records[2:6], records[6:9], records[9:]]


def wets() -> list[list[bytes]]:
    """Return files of conversions, as Common Crawl's WET has them."""
    texts = ["A text.\nIn two lines.", "Plain conversion, übersetzt", "caf\u00c3\u00a9"]
    info = warc(b"software: x\r\n", "warcinfo", "application/warc-fields")
    return [[info, *(warc(text.encode(), "conversion", "text/plain", "WARC-Identified-Content-Language: eng\r\n") for text in texts)]]  # fmt: skip


def arcs() -> list[list[bytes]]:
    """Return files of both versions."""
    version = b"1 0 Crawl\nURL IP-address Archive-date Content-type Archive-length\n"
    head = b"filedesc://a.arc 0.0.0.0 20140216050221 text/plain %d\n%s\n" % (len(version), version)
    bodies = [http(PAGE), http(_gzip(PAGE), "Content-Encoding: gzip"), b"A 1\n"]
    first = [b"http://a/%d 10.0.0.1 20140216050221 text/html %d\n%s\n" % (n, len(body), body) for n, body in enumerate(bodies)]  # fmt: skip
    second = [b"http://a/%d 10.0.0.1 20140216050221 text/html 200 - - 151 a.arc.gz %d\n%s\n" % (n, len(body), body) for n, body in enumerate(bodies)]  # fmt: skip
    return [[head, *first], [head.replace(b"1 0 Crawl", b"2 0 Crawl"), *second]]


TEXTS = [f"A text of a row, number {n}. " * (n % 7 + 1) for n in range(30)]


def tables() -> list[bytes]:
    """Return Parquet files: each compression and encoding that the reader knows."""
    table = pa.table({"id": list(range(30)), "text": TEXTS, "url": ["http://a/"] * 30, "date": ["2020-01-01"] * 30})
    options: list[dict[str, object]] = [
        {"compression": "none", "row_group_size": 10},
        {"compression": "snappy"},
        {"compression": "zstd", "use_dictionary": False, "data_page_size": 100},
        {"compression": "gzip", "use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
        {"compression": "none", "use_dictionary": False, "column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"compression": "brotli", "data_page_version": "2.0", "write_page_checksum": True},
        {"compression": "lz4"},
    ]
    return [_written(table, **more) for more in options]


def nested_table() -> bytes:
    """Return a Parquet file whose text lies in a struct, beside a list, and whose other columns are of other types than strings."""
    texts = pa.array([{"text": text, "more": [1, 2]} for text in TEXTS])
    dates, licenses = pa.array([0] * 30, pa.timestamp("us")), pa.array(["MIT"] * 30, pa.large_string())
    return _written(pa.table({"text": texts, "id": pa.array(TEXTS).dictionary_encode(), "date": dates, "license": licenses}))  # fmt: skip


def _written(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()
