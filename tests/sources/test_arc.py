"""ARC files give the rows that the same records in a WARC file give; damage costs what is damaged."""

from __future__ import annotations

import gzip
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEAD = b"filedesc://a.arc 0.0.0.0 20140216050221 text/plain 75\n1 0 Crawl\nURL IP-address Archive-date Content-type Archive-length\n\n"
HEAD = HEAD.replace(b" 75\n", b" %d\n" % (len(HEAD) - len(HEAD.split(b"\n")[0]) - 2))


def arc(number: int, words: str = "Hello, reader", length: int | None = None, media: str = "text/html") -> bytes:
    page = f"<html lang=en><body><main><p>{words} of page {number}.</p></main></body></html>".encode()
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
    length = len(block) if length is None else length
    return f"http://a/{number} 10.0.0.1 20140216050221 {media} {length}\n".encode() + block + b"\n"


def texts(result) -> dict[str, str]:
    return {row["uri"]: row["text"] for row in result.rows if not row["verdict"]}


@pytest.mark.parametrize(("name", "pack"), [("a.arc", bytes), ("a.arc.gz", gzip.compress)])
def test_records_are_read_from_one_member_each_or_one_for_all(read, name, pack):
    parts = [HEAD, *map(arc, range(4)), b"dns:a 10.0.0.1 20140216050221 text/dns 4\nA 1\n\n"]
    packed = list(map(pack, parts))
    for data in (b"".join(packed), pack(b"".join(parts))):
        result = read(data, name)
        assert result.reasons == ["kept"] * 4 + ["media_type"]
        assert texts(result) == {f"http://a/{i}": f"Hello, reader of page {i}." for i in range(4)}
        assert result.account.other_records == 1
        assert result.rows[0]["fetched_at"].isoformat() == "2014-02-16T05:02:21+00:00"
    places = list(itertools.accumulate(map(len, packed), initial=0))
    assert [row["record_offset"] for row in read(b"".join(packed), name).rows] == places[1:6]


@pytest.mark.parametrize("media", ["text/html;charset=utf-8", "no-type", "text/html; charset=utf-8", "-"])
def test_a_media_type_may_be_odd(read, media):
    assert read(HEAD + arc(0, media=media), "a.arc").reasons == ["kept"]


def test_a_record_of_version_two_is_read(read):
    first, rest = arc(0).split(b"\n", 1)
    *fields, length = first.split(b" ")
    line = b" ".join([*fields, b"200", b"-", b"-", b"151", b"a.arc.gz", length])
    assert texts(read(HEAD.replace(b"1 0 Crawl", b"2 0 Crawl") + line + b"\n" + rest, "a.arc")).keys() == {"http://a/0"}


@pytest.mark.parametrize("length", [-1, 0, 60, 99_999, 10**30])
def test_a_wrong_length_never_leaves_a_part_and_never_takes_a_neighbour(read, length):
    result = read(HEAD + arc(0) + arc(1, length=length) + arc(2) + arc(3), "a.arc")
    kept = texts(result)
    assert "http://a/0" in kept
    assert "http://a/1" not in kept
    assert length > 1_000 or kept.keys() == {"http://a/0", "http://a/2", "http://a/3"}
    assert set(kept.values()) <= {f"Hello, reader of page {i}." for i in range(4)}
    assert len(result.rows) == len(kept) + 1


@pytest.mark.parametrize(("name", "pack"), [("a.arc", bytes), ("a.arc.gz", gzip.compress)])
def test_a_record_that_is_cut_anywhere_fails_once_and_its_neighbours_do_not(read, name, pack):
    first, cut_one, last = (pack(arc(i, words)) for i, words in enumerate(("One", "Two" * 200, "Three")))
    # The one cut that is not seen is where a plain record takes in all of the next one and ends just before its line end.
    for cut in range(30, len(cut_one) - 1, max(1, len(cut_one) // 20)):
        result = read(pack(HEAD) + first + cut_one[:cut] + last, name)
        kept = texts(result)
        assert set(kept.values()) <= {"One of page 0.", "Two" * 200 + " of page 1.", "Three of page 2."}
        assert "http://a/0" in kept
        # A plain file's record that takes in the next one's first line costs that one as well, in the same failed row.
        assert name == "a.arc" or "http://a/2" in kept
        assert [reason for reason in result.reasons if reason != "kept"] in (
            ["truncated_record"],
            ["unreadable_record"],
        )


def test_each_damaged_part_is_one_failed_row(read):
    packed = list(map(gzip.compress, [HEAD, *map(arc, range(5))]))
    garbage = b"\x1f\x8b\x08\x00" + b"\xff" * 50
    result = read(b"".join([*packed[:2], garbage, *packed[2:4], garbage, garbage, *packed[4:]]), "a.arc.gz")
    assert result.reasons == ["kept", "unreadable_record", "kept", "kept", "unreadable_record", "kept", "kept"]
    result = read(HEAD + arc(0) + b"garbage\n\x00\nmore\n" + arc(1), "a.arc")
    assert result.reasons == ["kept", "unreadable_record", "kept"]


pieces = st.one_of(st.binary(max_size=40), st.sampled_from([HEAD, arc(1), arc(2)[:60], arc(3, length=7), gzip.compress(arc(4)), gzip.compress(arc(5))[:50], b"\n\n", b"http://a/ 1.1.1.1 20140216050221 text/html 5\n"]))  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.lists(pieces, max_size=8).map(b"".join), st.sampled_from(["a.arc", "a.arc.gz"]))
def test_random_bytes_never_crash_and_always_add_up(read, content, name):
    start = HEAD if name == "a.arc" else gzip.compress(HEAD)
    read(start + content, name)
