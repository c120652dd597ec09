"""Every response, resource and conversion of a WARC file is a row; the rest is counted; damage costs what is damaged."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import random
import zlib

import brotli
import pytest
import zstandard
from fastwarc.stream_io import Lz4Writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.document import document_id
from pipeline.sources import archive
from pipeline.sources import warc as warc_reader

PAGE = b"<html><head><title>T</title></head><body><nav>menu</nav><main><p>Hello, reader of this page.</p></main></body></html>"


def http(body: bytes = PAGE, status: bytes = b"200 OK", **headers: str) -> bytes:
    fields = {"Content-Type": "text/html"} | {key.replace("_", "-"): value for key, value in headers.items()}
    head = b"".join(f"{key}: {value}\r\n".encode() for key, value in fields.items() if value)
    return b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + body


def warc(block: bytes | None = None, kind: str = "response", uri: str = "http://a/", media: str = "application/http; msgtype=response", length: int | None = None) -> bytes:  # fmt: skip
    block = http() if block is None else block
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2022-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{zlib.crc32(block):08x}>\r\nContent-Type: {media}\r\n"
        f"Content-Length: {len(block) if length is None else length}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def one(result):
    (row,) = result.rows
    return row


def test_a_page_fills_every_column(read):
    padding = warc(b"software: x", "warcinfo", media="application/warc-fields")
    result = read(padding + warc(), "a.warc")
    row = one(result)
    assert row["text"] == "Hello, reader of this page."
    assert (row["uri"], row["record_id"]) == ("http://a/", f"<urn:uuid:{zlib.crc32(http()):08x}>")
    assert row["record_offset"] == len(padding)
    assert row["record_digest"] == hashlib.sha256(PAGE).hexdigest()
    assert row["document_id"] == document_id("feed", "http://a/", PAGE)
    assert row["fetched_at"].isoformat() == "2022-01-01T00:00:00+00:00"
    assert (row["consent"], row["license"], row["verdict"]) == ("unknown", None, None)
    assert result.account.other_records == 1


@pytest.mark.parametrize(
    ("record", "reason", "evidence"),
    [
        (warc(http(status=b"404 Not Found")), "http_status", None),
        (warc(http(status=b"301 Moved", Location="http://b/")), "http_status", None),
        (warc(http(b"\x89PNG\r\n\x1a\n", Content_Type="image/png")), "media_type", "image/png"),
        (warc(http(b"{}", Content_Type="application/json; charset=utf-8")), "media_type", "application/json"),
        (warc(http(b"x", Content_Type="a\x01b" * 200)), "media_type", "malformed"),
        (warc(b"a.b. IN A 1.2.3.4", media="text/dns"), "media_type", "text/dns"),
        (warc(http(b"")), "no_text", "missing"),
        (warc(http(b"<html><body><script>1</script></body></html>")), "no_text", "empty"),
        (warc(http(random.Random(1).randbytes(4_000), Content_Type="text/plain; charset=utf-8")), "undecodable_text", "utf-8"),
        (warc(http(gzip.compress(PAGE)[:-20], Content_Encoding="gzip")), "truncated_record", "content_encoding"),
        (warc(http(b"%x\r\n%s" % (len(PAGE), PAGE[:-20]), Transfer_Encoding="chunked")), "truncated_record", "content_encoding"),
        (warc(http(b"\x1f\x8b\x08" + b"\xff" * 30, Content_Encoding="gzip")), "undecodable_text", "error"),
        (warc(b"this is no HTTP"), "unreadable_record", "http_status_line"),
    ],
)  # fmt: skip
def test_what_is_no_text_says_why_and_is_kept_for_replay(read, record, reason, evidence):
    result = read(warc() + record + warc(uri="http://c/"), "a.warc")
    assert result.reasons == ["kept", reason, "kept"]
    assert result.rows[1]["verdict"][0]["evidence"] == evidence
    assert result.rows[1]["record"] is not None


@pytest.mark.parametrize(
    "response",
    [
        http(gzip.compress(PAGE), Content_Encoding="gzip"),
        http(gzip.compress(PAGE), Content_Encoding="x-gzip"),
        http(zlib.compress(PAGE), Content_Encoding="deflate"),
        http(zlib.compress(PAGE)[2:-4], Content_Encoding="deflate"),
        http(brotli.compress(PAGE), Content_Encoding="br"),
        http(zstandard.ZstdCompressor().compress(PAGE), Content_Encoding="zstd"),
        http(brotli.compress(gzip.compress(PAGE)), Content_Encoding="gzip, br"),
        http(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE), Transfer_Encoding="chunked"),
        http(
            b"5;ext=1\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (PAGE[:5], len(PAGE) - 5, PAGE[5:]),
            Transfer_Encoding="chunked",
        ),
        http(PAGE, Content_Encoding="gzip"),  # stored decoded, headers as received
        http(PAGE, Content_Encoding="br"),
        http(PAGE, Transfer_Encoding="chunked"),
        http(PAGE, Content_Encoding="identity"),
        http(PAGE, Content_Type=""),
        http(PAGE, Content_Type="TEXT/HTML;charset=nonsense"),
        http(b"\xef\xbb\xbf" + PAGE, Content_Type="text/html; charset=latin-1"),
        http(PAGE.decode().encode("utf-16"), Content_Type="text/html"),
        http(b"Hello, reader of this page.", Content_Type="text/plain"),
    ],
)
def test_each_coding_is_undone(read, response):
    row = one(read(warc(response), "a.warc"))
    assert (row["text"], row["verdict"]) == ("Hello, reader of this page.", None)


@pytest.mark.parametrize(
    ("text", "charset", "media"),
    [
        ("Größe und Maß, über alles", "utf-8", "text/html"),
        ("Größe und Maß, über alles", "latin-1", "text/html; charset=ISO-8859-1"),
        ("Größe und “Maß”, über… alles", "cp1252", "text/html; charset=iso-8859-1"),
        ("Все люди рождаются свободными и равными", "koi8-r", 'text/html; charset="koi8-r"'),  # noqa: RUF001 - Cyrillic is the point
        ("すべての人間は、生まれながらにして自由であり", "shift_jis", "text/html; charset=shift_jis"),
        ("すべての人間は、生まれながらにして自由であり", "euc_jp", "meta"),
    ],
)
def test_each_charset_is_read(read, text, charset, media):
    meta = f"<meta charset={charset}>" if media == "meta" else ""
    page = f"<html><head>{meta}</head><body><main><p>{text}</p></main></body></html>".encode(charset)
    row = one(read(warc(http(page, Content_Type=media.replace("meta", "text/html"))), "a.warc"))
    assert row["text"] == text


def test_a_page_brings_its_title_language_address_and_date(read):
    head = b"<title>A title</title><link rel=canonical href=/b><meta property=article:published_time content=%s>"
    page = PAGE.replace(b"<html><head><title>T</title>", b"<html lang=de-AT><head>" + head % b"2021-12-31")
    row = one(read(warc(http(page)), "a.warc"))
    assert (row["title"], row["language_hint"], row["canonical_uri"]) == ("A title", "de-AT", "http://a/b")
    assert row["published_at"].isoformat() == "2021-12-31T00:00:00+00:00"
    late = one(read(warc(http(page.replace(b"2021-12-31", b"2022-01-09"))), "a.warc"))
    assert late["published_at"] is None
    fields = {"Content_Language": "fr", "Link": '<http://a/c>; rel="canonical"'}
    row = one(read(warc(http(**fields)), "a.warc"))
    assert (row["title"], row["language_hint"], row["canonical_uri"]) == ("T", "fr", "http://a/c")


def test_each_extractor_finds_the_main_content(read):
    text = "A sentence of the page, long enough to count as its main content. " * 5
    page = http(PAGE.replace(b"Hello, reader of this page.", text.encode()))
    for extractor in ("resiliparse", "trafilatura"):
        assert one(read(warc(page), "a.warc", extractor=extractor))["text"] == text.strip()


def test_what_the_crawler_cut_fails_unless_the_source_keeps_it(read):
    for reason, evidence in (("length", "length"), ("Disconnect", "disconnect"), ("me@example.com", "other")):
        cut = warc().replace(b"WARC-Type", b"WARC-Truncated: " + reason.encode() + b"\r\nWARC-Type")
        row = one(read(cut, "a.warc"))
        assert row["verdict"][0]["reason"] == "ingest.truncated_record@1"
        assert row["verdict"][0]["evidence"] == f"warc-truncated:{evidence}"
        assert row["record"] == PAGE
        assert read(cut, "a.warc", keep_truncated=True).reasons == ["kept"]


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        (b"WARC-Refers-To: <urn:uuid:00000000-0000-0000-0000-00000000000a>\r\nWARC-Payload-Digest: sha1:" + b"A" * 32, "urn:uuid:00000000-0000-0000-0000-00000000000a"),
        (b"WARC-Payload-Digest: sha1:" + b"A" * 32, "sha1:" + "A" * 32),
        (b"WARC-Refers-To: <mailto:me@example.com>", "unnamed"),
    ],
)  # fmt: skip
def test_a_revisit_names_its_target_where_the_source_wants_a_row(read, fields, target):
    revisit = warc(http(b""), "revisit", uri="http://r/").replace(b"WARC-Type", fields + b"\r\nWARC-Type")
    result = read(warc() + revisit + revisit, "a.warc", revisits="record")
    assert result.reasons == ["kept", "revisit", "revisit"]
    assert (result.rows[1]["uri"], result.rows[1]["verdict"][0]["evidence"]) == ("http://r/", target)
    assert read(warc() + revisit, "a.warc").account.kinds == {"revisit": 1}


def test_other_kinds_of_records(read):
    text = "Plain conversion."
    content = (
        warc(b"GET / HTTP/1.1\r\n\r\n", "request", media="application/http; msgtype=request")
        + warc(text.encode(), "conversion", media="text/plain")
        + warc(PAGE, "resource", media="text/html")
        + warc(b"{}", "metadata", media="application/json")
        + warc(http(b""), "revisit")
    )
    for name, data in (("a.warc", content), ("a.warc.gz", gzip.compress(content))):
        result = read(data, name)
        assert [row["text"] for row in result.rows] == [text, "Hello, reader of this page."]
        assert result.account.other_records == 3
        assert result.account.kinds == {"request": 1, "metadata": 1, "revisit": 1}


@pytest.mark.parametrize(
    ("page", "headers", "evidence"),
    [
        (PAGE, {"X_Robots_Tag": "noai"}, "header:x-robots-tag"),
        (PAGE, {"tdm_reservation": "1"}, "header:tdm-reservation"),
        (PAGE.replace(b"<head>", b"<head><meta name=robots content=noai>"), {}, "meta:robots"),
    ],
)
def test_an_opted_out_page_leaves_place_and_digest_only(read, page, headers, evidence):
    row = one(read(warc(http(page, **headers)), "a.warc", license="CC0-1.0"))
    assert row["verdict"][0] == {"reason": "ingest.opted_out@1", "value": None, "limit": None, "evidence": evidence}
    assert (row["text"], row["record"], row["text_digest"]) == (None, None, None)
    assert row["record_digest"] == hashlib.sha256(page).hexdigest()


def test_a_licence_in_the_page_allows(read):
    page = PAGE.replace(
        b"</main>", b'</main><a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC</a>'
    )
    row = one(read(warc(http(page)), "a.warc", require_license=True))
    assert (row["license"], row["consent"], row["consent_evidence"]) == ("CC-BY-4.0", "allowed", "a:rel-license")


def test_a_record_over_the_limit_is_digested_not_held(read):
    body = b"x" * 300_000
    result = read(warc(http(body, Content_Type="text/plain")) + warc(), "a.warc", max_record_bytes=100_000)
    assert result.reasons == ["record_too_large", "kept"]
    assert result.rows[0]["record_digest"] == hashlib.sha256(body).hexdigest()
    bomb = http(gzip.compress(b"0" * 30_000_000), Content_Encoding="gzip", Content_Type="text/plain")
    assert read(warc(bomb), "a.warc", max_record_bytes=100_000).reasons == ["record_too_large"]
    bomb = http(brotli.compress(b"0" * 30_000_000), Content_Encoding="br", Content_Type="text/plain")
    assert read(warc(bomb), "a.warc", max_record_bytes=100_000).reasons == ["record_too_large"]


def pages(count: int) -> list[bytes]:
    letters = random.Random(9)
    return [
        warc(http(PAGE.replace(b"reader", "".join(letters.choices("abcdef ", k=400)).encode())), uri=f"http://a/{i}")
        for i in range(count)
    ]


def test_plain_and_compressed_files_give_the_same_rows(read):
    records = pages(20)
    plain = read(b"".join(records), "a.warc").rows
    packed = read(b"".join(map(gzip.compress, records)), "a.warc.gz").rows
    assert [row["document_id"] for row in plain] == [row["document_id"] for row in packed]
    assert [row["record_offset"] for row in packed] == [
        len(b"".join(map(gzip.compress, records[:i]))) for i in range(20)
    ]


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda _: b"garbage\r\n\r\n", lambda record: record.replace(b"WARC/1.1", b"WORC/1.1"), lambda record: record[:100], lambda _: b"\x00" * 5_000],
)  # fmt: skip
def test_reading_goes_on_behind_damage_in_a_plain_file(read, damage):
    records = pages(9)
    middle = damage(records[4])
    result = read(b"".join([*records[:4], middle, *records[5:]]), "a.warc")
    # A header that breaks off swallows the first lines of the next and fails twice; the next record is read all the same.
    failed = result.reasons[4:-4]
    assert result.reasons == ["kept"] * 4 + failed + ["kept"] * 4
    assert len(failed) <= 2 if middle.startswith(b"WARC/1.1\r\n") else failed == ["unreadable_record"] * bool(middle)


@pytest.mark.parametrize(
    "damage", [flipped, lambda record: record[: len(record) // 2], lambda _: b"\x1f\x8b\x08\x00" * 9]
)
def test_reading_goes_on_behind_damage_in_a_compressed_file(read, damage):
    records = list(map(gzip.compress, pages(9)))
    result = read(b"".join([*records[:4], damage(records[4]), *records[5:]]), "a.warc.gz")
    failed = [reason for reason in result.reasons if reason != "kept"]
    assert result.reasons[:4] == [*result.reasons[-3:], "kept"] == ["kept"] * 4
    assert result.reasons.count("kept") >= 7
    assert 1 <= len(failed) <= 2


def lz4(data: bytes) -> bytes:
    packed = io.BytesIO()
    writer = Lz4Writer(packed)
    writer.write(data)
    writer.close()
    return packed.getvalue()


zstd = zstandard.ZstdCompressor(write_checksum=True).compress
CODINGS = {"a.warc": bytes, "a.warc.gz": gzip.compress, "a.warc.zst": zstd, "a.warc.lz4": lz4}


@pytest.mark.parametrize("name", CODINGS)
def test_each_compression_is_read_record_by_record_or_whole(read, name):
    records = pages(5)
    for data in (b"".join(map(CODINGS[name], records)), CODINGS[name](b"".join(records))):
        result = read(data, name)
        assert result.reasons == ["kept"] * 5
        assert [row["uri"] for row in result.rows] == [f"http://a/{i}" for i in range(5)]


@pytest.mark.parametrize("name", CODINGS)
def test_every_damaged_part_is_reported_and_every_whole_record_between_them_is_read_at_its_place(read, name):
    records = list(map(CODINGS[name], pages(9)))
    broken = b"garbage\r\n\r\n" if name == "a.warc" else records[0][: len(records[0]) // 2]
    parts = [records[0], broken, *records[1:3], broken, broken, *records[3:8], broken, records[8]]
    result = read(b"".join(parts), name)
    assert result.reasons == ["kept", "unreadable_record", "kept", "kept", "unreadable_record", *["kept"] * 5, "unreadable_record", "kept"]  # fmt: skip
    kept = [row for row in result.rows if not row["verdict"]]
    assert [row["uri"] for row in kept] == [f"http://a/{i}" for i in range(9)]
    places = list(itertools.accumulate(map(len, parts), initial=0))
    assert [row["record_offset"] for row in kept] == [places[i] for i in (0, 2, 3, 6, 7, 8, 9, 10, 12)]


@pytest.mark.parametrize("name", sorted(CODINGS))
def test_a_record_that_is_cut_anywhere_fails_once_and_is_never_kept_in_part(read, name):
    one, two, three = pages(3)
    packed = CODINGS[name](two)
    whole = read(CODINGS[name](two), name).rows[0]["text"]
    for cut in range(40, len(packed), max(1, len(packed) // 12)):
        result = read(CODINGS[name](one) + packed[:cut] + CODINGS[name](three), name)
        texts = {row["uri"]: row["text"] for row in result.rows if not row["verdict"]}
        assert texts.get("http://a/1", whole) == whole
        failed = [reason for reason in result.reasons if reason != "kept"]
        assert set(failed) <= {"unreadable_record", "truncated_record"}
        assert texts.keys() >= {"http://a/0", "http://a/2"}
        # In a plain file a header that is cut takes in the next one, which is found again.
        assert len(failed) in ({1, 2} if name == "a.warc" else {1}) if "http://a/1" not in texts else not failed


def test_a_zstandard_dictionary_is_used_behind_damage_too(read):
    records = pages(60)
    dictionary = zstandard.train_dictionary(1_000, records)
    packed = [zstandard.ZstdCompressor(dict_data=dictionary).compress(record) for record in records[:5]]
    raw = dictionary.as_bytes()
    head = b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw
    result = read(b"".join([head, *packed[:2], flipped(packed[2])[:40], *packed[3:]]), "a.warc.zst")
    assert result.reasons == ["kept", "kept", "unreadable_record", "kept", "kept"]
    assert result.rows[-1]["record_offset"] == len(head) + sum(map(len, packed[:2])) + 40 + len(packed[3])


def test_a_large_file_with_a_dictionary_is_read_on_behind_damage(read):
    records = pages(600)
    dictionary = zstandard.train_dictionary(1_000, records)
    packed = [zstandard.ZstdCompressor(dict_data=dictionary).compress(record) for record in records]
    assert sum(map(len, packed)) > 2 * 2**16
    raw = dictionary.as_bytes()
    head = b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw
    reasons = read(b"".join([head, *packed[:2], packed[2][:40], *packed[3:]]), "a.warc.zst").reasons
    assert reasons == ["kept", "kept", "unreadable_record", *["kept"] * 597]


def test_a_panic_of_a_native_parser_costs_one_record(read, monkeypatch):
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    def read_page(html, *_):
        calls.append(html)
        if len(calls) == 2:
            raise panic
        return original(html, *_)

    calls: list[str] = []
    original = warc_reader.read_page
    monkeypatch.setattr(warc_reader, "read_page", read_page)
    result = read(b"".join(pages(3)), "a.warc")
    assert result.reasons == ["kept", "failed", "kept"]
    assert result.account.errors == {"ParserPanic": 1}


def test_a_file_that_breaks_off_keeps_what_was_whole(read):
    records = pages(5)
    result = read(b"".join(records)[:-200], "a.warc")
    assert result.reasons == ["kept"] * 4 + ["truncated_record"]
    packed = b"".join(map(gzip.compress, records))
    result = read(packed[:-100], "a.warc.gz")
    assert result.reasons[:4] == ["kept"] * 4
    assert len(result.reasons) == 5


def test_a_line_end_too_many_is_no_loss(read):
    records = pages(4)
    result = read(b"\r\n\r\n".join(records) + b"\r\n" * 5, "a.warc")
    assert result.reasons == ["kept"] * 4


@pytest.mark.parametrize("length", [0, 10, 99_999, -5, 10**30])
def test_a_lying_length_never_crashes(read, length):
    result = read(warc() + warc(uri="http://b/", length=length) + warc(uri="http://c/"), "a.warc")
    assert result.reasons[0] == "kept"
    assert set(result.reasons) - {"kept"}


pieces = st.one_of(
    st.binary(max_size=50),
    st.sampled_from([warc(), warc()[:80], b"WARC/1.0\r\n", b"WARC/1.1\r\nContent-Length: 5\r\n\r\n", b"\r\n\r\n", b"\x1f\x8b\x08\x00", gzip.compress(warc()), flipped(gzip.compress(warc())), warc(http(b"<p>\xff\x00"), uri="\x00\ud7ff")]),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=8).map(b"".join), st.sampled_from(["a.warc", "a.warc.gz"]))
def test_random_bytes_never_crash_and_always_add_up(read, content, name):
    read(content, name)


def test_an_empty_gzip_member_is_not_the_end_of_the_file(read):
    records = list(map(gzip.compress, pages(3)))
    empty = gzip.compress(b"")
    assert read(empty + records[0] + empty * 3 + records[1] + empty + records[2], "a.warc.gz").reasons == ["kept"] * 3
    assert read(records[0] + empty * 2, "a.warc.gz").reasons == ["kept"]
    assert read(records[0] + empty + records[1][:-30], "a.warc.gz").reasons[1:] in (
        ["truncated_record"],
        ["unreadable_record"],
    )


def test_a_long_brotli_page_is_read_and_a_cut_one_is_not(read):
    words = " ".join("".join(random.Random(n).choices("abcdefgh", k=6)) for n in range(60_000))
    packed = brotli.compress(f"<html><body><main><p>{words}</p></main></body></html>".encode(), quality=1)
    assert one(read(warc(http(packed, Content_Encoding="br")), "a.warc"))["characters"] == len(words)
    assert read(warc(http(packed[:-20], Content_Encoding="br")), "a.warc").reasons == ["truncated_record"]


def test_records_that_claim_all_that_follows_cost_no_square(read, monkeypatch):
    monkeypatch.setattr(archive, "_MOST_AGAIN", 2**20)
    head = b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 60000\r\n\r\n"
    result = read(warc() + head * 2_000, "a.warc")
    assert result.reasons[0] == "kept"
    assert result.reasons.count("truncated_record") < 200
    assert result.rows[-1]["verdict"][0]["evidence"] == "TooManyRestarts"
