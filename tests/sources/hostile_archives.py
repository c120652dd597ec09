"""Hostile web archives: every file begins with a good record, and most end with one."""

from __future__ import annotations

import gzip
import zlib
from functools import partial

import brotli
import zstandard

from tests.sources.hostile import MIB, Case, zipped

compress = partial(gzip.compress, mtime=0)
"""The same bytes at any time."""

PAGE = b"<html><head><title>T</title></head><body><main><p>Hello, reader of this page.</p></main></body></html>"


def http(body: bytes = PAGE, *fields: str, status: bytes = b"200 OK", media: str = "text/html") -> bytes:
    head = "".join(f"{field}\r\n" for field in (f"Content-Type: {media}", *fields))
    return b"HTTP/1.1 " + status + b"\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n" + body


def record(block: bytes, uri: str = "http://a/", kind: str = "response", length: object = None, more: bytes = b"", media: str = "application/http; msgtype=response") -> bytes:  # fmt: skip
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2022-01-01T00:00:00Z\r\n"
        f"Content-Type: {media}\r\nContent-Length: {len(block) if length is None else length}\r\n"
    )
    return head.encode() + more + b"\r\n" + block + b"\r\n\r\n"


FIRST, LAST = record(http(), "http://first/"), record(http(), "http://last/")


def between(*middle: bytes) -> bytes:
    return FIRST + b"".join(middle) + LAST


def archives() -> list[Case]:
    """Return the cases of web archives."""
    zeros = b"0" * 8 * MIB
    deep = b"<div>" * 20_000 + b"bottom" + b"</div>" * 20_000
    page = lambda body: record(http(b"<html><body><main><p>text</p>" + body + b"</main></body></html>"))  # noqa: E731
    layers = PAGE
    for _ in range(10):
        layers = compress(layers, mtime=0)
    coded = lambda body, coding: record(http(body, f"Content-Encoding: {coding}"))  # noqa: E731
    return [
        Case("empty.warc", b"", {}),
        Case("petabytes.warc", between(record(http(), length=9 * 10**15)), {"kept": 1, "truncated_record": 1}),
        Case("beyond_64_bit.warc", between(record(http(), length=10**30)), {"kept": 2, "unreadable_record": 2}),
        Case("negative.warc", between(record(http(), length=-5)), {"kept": 2, "unreadable_record": 2}),
        Case("no_number.warc", between(record(http(), length="many")), {"kept": 2, "unreadable_record": 2}),
        Case("two_lengths.warc", between(record(http(), more=b"Content-Length: 7\r\n")), {"kept": 3}),
        Case("long_header.warc", between(record(http(), more=b"X: " + b"x" * MIB + b"\r\n")), {"kept": 2, "unreadable_record": 1}),
        Case("many_headers.warc", between(record(http(), more=b"X: y\r\n" * 50_000)), {"kept": 2, "unreadable_record": 1}),
        Case("no_colon.warc", between(record(http(), more=b"nonsense\r\n \r\n")), {"kept": 2, "unreadable_record": 1}),
        Case("nul_header.warc", between(record(http(), more=b"X\x00Y: \x00\r\n")), {"kept": 3}),
        Case("version.warc", between(record(http()).replace(b"WARC/1.1", b"WARC/9.9")), {"kept": 2, "unreadable_record": 1}),
        Case("endless_header.warc", FIRST + b"WARC/1.1\r\n" * 4_000, {"kept": 1, "unreadable_record": 2}),
        Case("false_starts.warc.gz", compress(FIRST) + b"\x1f\x8b\x08\x00" * 5_000, {"kept": 1, "unreadable_record": 1}),
        Case("blank_lines.warc.gz", compress(FIRST) + compress(LAST + b"\r\n" * 8 * MIB), {"kept": 2}),
        Case("escapes_in_uri.warc", between(record(http(), uri="http://a/\x1b[2J\x07")), {"kept": 3}),
        Case("empty_page.warc", between(record(http(b""))), {"kept": 2, "no_text": 1}),
        Case("no_http.warc", between(record(b"this is no HTTP")), {"kept": 2, "unreadable_record": 1}),
        Case("http_flood.warc", between(record(http(PAGE, *["X: y"] * 50_000))), {"kept": 2, "unreadable_record": 1}),
        Case("status.warc", between(record(http(status=b"999999999999 ?"))), {"kept": 2, "unreadable_record": 1}),
        Case("gzip_bomb.warc", between(coded(compress(zeros), "gzip")), {"kept": 2, "record_too_large": 1}),
        Case("brotli_bomb.warc", between(coded(brotli.compress(zeros), "br")), {"kept": 2, "record_too_large": 1}),
        Case("deflate_bomb.warc", between(coded(zlib.compress(zeros), "deflate")), {"kept": 2, "record_too_large": 1}),
        Case("zstd_bomb.warc", between(coded(zstandard.compress(zeros), "zstd")), {"kept": 2, "record_too_large": 1}),
        Case("layers.warc", between(coded(layers, ", ".join(["gzip"] * 10))), {"kept": 3}),
        Case("many_codings.warc", between(coded(PAGE, ", ".join(["gzip, br"] * 20_000))), {"kept": 2, "unreadable_record": 1}),
        Case("chunk_size.warc", between(record(http(b"ffffffffffffff\r\n" + PAGE, "Transfer-Encoding: chunked"))), {"kept": 2, "truncated_record": 1}),
        Case("tiny_chunks.warc", between(record(http(b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n", "Transfer-Encoding: chunked", media="text/plain"))), {"kept": 3}),
        Case("charset_names.warc", between(*(record(http(PAGE, media=f"text/html; charset={name}"), uri=f"http://{name}/") for name in ("undefined", "zip", "base64", "idna", "punycode", "unicode_escape", "utf-7", "rot13", "../x", "x" * 9_000))), {"kept": 12}),
        Case("wrong_charset.warc", between(record(http(bytes(range(128, 256)) * 40, media="text/plain; charset=utf-8"))), {"kept": 2, "undecodable_text": 1}),
        Case("media_type.warc", between(record(http(PAGE, media="x" * MIB))), {"kept": 2, "unreadable_record": 1}),
        Case("zip.warc", between(record(http(zipped(), media="application/zip"))), {"kept": 2, "media_type": 1}),
        Case("warc_in_warc.warc.gz", compress(between(record(http(compress(between()), media="application/warc"))), 0), {"kept": 2, "media_type": 1}),
        Case("warc_as_text.warc", between(record(http(between(), media="text/plain"))), {"kept": 3}),
        Case("deep_page.warc", between(page(deep)), {"kept": 3}),
        Case("open_tags.warc", between(page(b"<b><i><a>" * 4_000)), {"kept": 3}),
        Case("open_comment.warc", between(page(b"<!--" * 50_000)), {"kept": 3}),
        Case("attributes.warc", between(page(b"<p " + b"a=b " * 50_000 + b">x</p>")), {"kept": 3}),
        Case("entities.warc", between(page(b"&#x10FFFF;&#0;&#xD800;&amp" * 20_000)), {"kept": 3}),
        Case("nul_page.warc", between(page(b"\x00" * 100_000)), {"kept": 3}),
        Case("title.warc", between(record(http(PAGE.replace(b">T<", b">" + b"t" * 500_000 + b"<")))), {"kept": 3}),
        Case("scripts.warc", between(record(http(b"<html><script>" + b"x" * 500_000 + b"</script></html>"))), {"kept": 2, "no_text": 1}),
        Case("wrong_checksum.warc.gz", compress(FIRST) + compress(record(http()))[:-8] + b"\x00" * 8 + compress(LAST), {"kept": 2, "unreadable_record": 1}),
        Case("cut.warc.gz", compress(FIRST) + compress(record(http()))[:-60] + compress(LAST), {"kept": 2, "unreadable_record": 1}),
        Case("empty_members.warc.gz", compress(FIRST) + compress(b"") * 5_000 + compress(LAST), {"kept": 2}),
        Case("cut.warc.zst", zstandard.compress(FIRST) + zstandard.compress(LAST)[:-9], {"kept": 1, "unreadable_record": 1}),
        Case("cut.warc.lz4", b"\x04\x22\x4d\x18\x40\x40\xc0" + b"\xff\xff\xff\x7f", {"unreadable_record": 1}),
        Case("jsonl.warc", b'{"text": "a"}\n' * 100, {"unreadable_record": 1}),
    ]  # fmt: skip
