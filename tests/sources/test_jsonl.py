"""Every line of a JSONL file is a row or a blank, whatever is in it."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import json
import lzma
import random

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.document import document_id, text_digest

GOOD = {"id": "7", "url": "http://a/", "text": "Hello world", "license": "MIT", "date": "2022-01-01T00:00:00Z"}


def lines(*values) -> bytes:
    return b"".join((value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n" for value in values)


def test_a_good_line_fills_every_column(read):
    content = json.dumps(GOOD).encode()
    (row,) = read(content + b"\n", kind="social").rows
    assert row == {
        "document_id": document_id("feed", "http://a/", content),
        "source": "feed",
        "source_kind": "social",
        "uri": "http://a/",
        "canonical_uri": None,
        "fetched_at": row["fetched_at"],
        "published_at": None,
        "language_hint": None,
        "license": "MIT",
        "rights_holder": None,
        "agreement": None,
        "consent": "allowed",
        "consent_evidence": "field:license",
        "consent_signals": None,
        "record_file": "a.jsonl",
        "record_offset": 0,
        "record_id": "7",
        "record_digest": hashlib.sha256(content).hexdigest(),
        "text_digest": text_digest("Hello world"),
        "characters": 11,
        "normalised": None,
        "post": None,
        "verdict": None,
        "text": "Hello world",
        "title": None,
        "record": None,
    }
    assert row["fetched_at"].isoformat() == "2022-01-01T00:00:00+00:00"


CASES = [
    (b"{}", "no_text", "missing"),
    (b'{"text": null}', "no_text", "missing"),
    (b'{"text": ""}', "no_text", "empty"),
    (b'{"text": " \\n\\t "}', "no_text", "empty"),
    (b'{"text": "\\u0000\\u0001"}', "no_text", "empty"),
    (b'{"text": 5}', "unreadable_record", "text_not_string"),
    (b'{"text": ["a"]}', "unreadable_record", "text_not_string"),
    (b'["text"]', "unreadable_record", "not_an_object"),
    (b'"text"', "unreadable_record", "not_an_object"),
    (b"null", "unreadable_record", "not_an_object"),
    (b'{"text": "a"', "unreadable_record", "JSONDecodeError"),
    (b'{"text": "a"} trailing', "unreadable_record", "JSONDecodeError"),
    (b"\x00\x01\x02", "unreadable_record", "JSONDecodeError"),
    (b"[" * 100_000, "unreadable_record", "RecursionError"),
    (b'{"n": ' + b"9" * 5_000 + b', "text": "a"}', "unreadable_record", "ValueError"),
    (b'{"text": "\xff"}', "undecodable_text", "utf-8"),
    (b"\xff\xfe{\x00}\x00", "undecodable_text", "utf-8"),
]


@pytest.mark.parametrize(("line", "reason", "evidence"), CASES)
def test_a_bad_line_fails_alone_and_is_kept_for_replay(read, line, reason, evidence):
    result = read(lines(GOOD, line, GOOD | {"text": "Another one"}))
    assert result.reasons == ["kept", reason, "kept"]
    assert result.rows[1]["verdict"][0]["evidence"] == evidence
    assert result.rows[1]["record"] == line
    assert [row["record_offset"] for row in result.rows] == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'{"text": "a\\ud800b"}', "a\ufffdb"),
        (b'{"text": "\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"text": "x", "score": NaN}', "x"),
        (b'{"text": "one", "text": "two"}', "two"),
        (b'{"text": "x", "url": "\\ud800", "id": {"a": 1}, "license": [], "date": {}}', "x"),
        (b'  {"text": "x"}  \r', "x"),
    ],
)
def test_odd_but_legal_lines_are_documents(read, line, text):
    (row,) = read(line + b"\n").rows
    assert (row["text"], row["verdict"]) == (text, None)


def test_blank_lines_are_counted_apart_and_do_not_shift_the_line_numbers(read):
    result = read(
        b"\xef\xbb\xbf"
        + lines(GOOD)
        + b"\n  \r\n"
        + lines(GOOD | {"text": "b"})
        + b"\t"
        + json.dumps(GOOD | {"text": "c"}).encode()
    )
    assert [row["record_offset"] for row in result.rows] == [0, 3, 4]
    assert (result.account.records_read, result.account.other_records) == (3, 2)


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b" "])
def test_an_empty_file_has_no_records(read, content):
    assert read(content).rows == []


def test_a_line_over_the_limit_is_digested_not_held(read):
    long = json.dumps(GOOD | {"text": "x" * 5_000_000}).encode()
    result = read(lines(GOOD, long, GOOD | {"text": "b"}), max_record_bytes=100_000)
    assert result.reasons == ["kept", "record_too_large", "kept"]
    row = result.rows[1]
    assert row["record"] is None
    assert row["record_digest"] == hashlib.sha256(long).hexdigest()
    assert (row["verdict"][0]["value"], row["verdict"][0]["limit"]) == (len(long), 100_000)


def test_limits_and_licences_are_the_sources(read):
    content = lines(GOOD, {"text": "no licence"}, GOOD | {"text": "x" * 101})
    result = read(content, max_text_characters=100, require_license=True)
    assert result.reasons == ["kept", "missing_license", "text_too_long"]
    assert [row["text"] is None for row in result.rows] == [False, False, False]
    result = read(content, require_license=True, license="CC0-1.0")
    assert [row["license"] for row in result.rows] == ["MIT", "CC0-1.0", "MIT"]
    assert result.rows[1]["consent_evidence"] == "source:license"


def test_fields_are_found_by_name_or_path(read):
    line = lines({"commit": {"record": {"text": "deep", "at": 1663676235}, "cid": 12}, "a.b": "http://dotted/"})
    (row,) = read(
        line, text_field="commit.record.text", date_field="commit.record.at", id_field="commit.cid", uri_field="a.b"
    ).rows
    assert (row["text"], row["record_id"], row["uri"]) == ("deep", "12", "http://dotted/")
    assert row["fetched_at"].year == 2022
    assert read(line, text_field="commit.cid.text").reasons == ["no_text"]


def test_the_id_does_not_depend_on_file_or_place(read):
    one = read(lines(GOOD)).rows[0]
    two = read(lines({"text": "before"}, GOOD), "other.ndjson").rows[1]
    assert one["document_id"] == two["document_id"]
    assert read(lines(GOOD | {"url": "http://b/"})).rows[0]["document_id"] != one["document_id"]


COMPRESSORS = {
    "a.jsonl.gz": gzip.compress,
    "a.jsonl.bz2": functools.partial(bz2.compress, compresslevel=1),
    "a.jsonl.xz": functools.partial(lzma.compress, preset=0),
    "a.jsonl.zst": zstandard.ZstdCompressor().compress,
}


def corpus(count: int) -> bytes:
    letters = random.Random(5)
    return lines(*({"id": i, "text": "".join(letters.choices("abcdefgh \n", k=300))} for i in range(count)))


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_compressed_file_reads_like_a_plain_one(read, name):
    plain = read(corpus(300))
    compressed = read(COMPRESSORS[name](corpus(150)) + COMPRESSORS[name](corpus(300)[len(corpus(150)) :]), name)
    for row in compressed.rows:
        row["record_file"] = "a.jsonl"
    assert compressed.rows == plain.rows
    assert compressed.account == plain.account


@pytest.mark.parametrize("name", COMPRESSORS)
@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_what_comes_before_a_break_is_kept(read, name, cut):
    content = corpus(2_000)
    compressed = COMPRESSORS[name](content)
    result = read(compressed[: int(len(compressed) * cut)], name)
    assert result.reasons[-1] == "truncated_record"
    assert set(result.reasons[:-1]) <= {"kept"}
    if name.endswith(".gz"):  # the others lose their last block as a whole
        assert len(result.rows) > 2_000 * cut * 0.8


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_flipped_byte_costs_what_follows_and_no_more_than_that(read, name):
    content = bytearray(COMPRESSORS[name](corpus(500)))
    content[len(content) // 2] ^= 0xFF
    assert read(bytes(content), name).reasons.count("truncated_record") <= 1


def test_a_bomb_stays_in_bounds(read):
    """50 MB in one line: the line is refused, not held."""
    content = gzip.compress(lines(GOOD)) + gzip.compress(b"0" * 50_000_000, 1)
    result = read(content, "a.jsonl.gz", max_record_bytes=1_000_000)
    assert result.reasons == ["kept", "record_too_large"]
    assert result.rows[1]["verdict"][0]["value"] == 50_000_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [
                    b"\n",
                    b"\r\n",
                    b'{"text": "a"}',
                    b'{"text": "',
                    b'"}',
                    b"{",
                    b"\xff",
                    b"\x00",
                    b'{"text": "\\ud800"}\n',
                ]
            ),
        ),
        max_size=12,
    ).map(b"".join),
    st.sampled_from(["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"]),
)
def test_random_bytes_never_crash_and_always_add_up(read, content, name):
    if name.endswith("gz") and len(content) % 2:
        content = gzip.compress(content)[: 10 + len(content)]
    result = read(content, name, max_record_bytes=40)
    plain = not content.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00"))
    if plain:
        expected = content.split(b"\n")
        blank = [line for line in expected[:-1] if not line.strip()]
        assert result.account.records_read == sum(bool(line.strip()) for line in expected)
        assert result.account.other_records - len(blank) in {0, 1}


def test_what_a_record_says_of_itself_is_taken_from_the_fields_that_are_named(read):
    line = {
        "head": "A title", "text": "text", "lang": "de", "when": "2024-05-06", "owner": "Somebody Ltd", "contract": 17,
    }  # fmt: skip
    (row,) = read(
        json.dumps(line).encode(),
        title_field="head",
        language_field="lang",
        published_field="when",
        rights_holder_field="owner",
        agreement_field="contract",
        rights_holder="the source's",
        agreement="the source's",
    ).rows
    assert (row["title"], row["language_hint"], row["rights_holder"], row["agreement"]) == (
        "A title", "de", "Somebody Ltd", "17",
    )  # fmt: skip
    assert row["published_at"].isoformat() == "2024-05-06T00:00:00+00:00"


def test_posts_of_json_lines_are_known_by_the_fields_that_are_named(read):
    lines = [
        {"id": 1, "text": "first, says @ann", "who": "ann"},
        {"id": 2, "text": "second", "to": 1, "who": "bob_99", "changed": "2024-01-02"},
        {"id": 3, "text": "third", "gone": True},
        {"text": "without an id"},
    ]
    reading = read(
        b"".join(json.dumps(line).encode() + b"\n" for line in lines),
        kind="social", author_field="who", reply_to_field="to", updated_field="changed", deleted_field="gone",
    )  # fmt: skip
    assert reading.reasons == ["kept", "kept", "deleted", "kept"]
    first, second, third, last = reading.rows
    assert first["text"] == "first, says @user"
    assert second["post"]["reply_to"] == first["post"]["id"]
    assert second["post"]["version_at"].isoformat() == "2024-01-02T00:00:00+00:00"
    assert reading.account.deleted == {third["post"]["id"]}
    assert last["post"] is None
    assert third["record"] is None
