"""What a file costs grows with its bytes, however they are arranged; and no value of a feed is a surprise to its reader.

Each of these cost the square of its size, or more: in seconds of CPU before and after, on one machine, as the comments say.
"""

from __future__ import annotations

import copy
import json
import time

import pytest

from benchmarks.fuzz_changes import places_of
from benchmarks.fuzz_seeds import ACTIVITIES, EVENTS, LISTING, MAPPING, POSTS, THREAD
from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from tests.sources.conftest import Reading, check

ODD = [None, True, 5, 1e308, "", "\ud800", "http://[", [], ["a", 1], {}, {"id": {}}]
"""A value of each type, and texts that are no address and no Unicode."""


@pytest.fixture
def feed(tmp_path):
    """Return a function that writes a file and reads it in a format."""

    def read(form: str, content: bytes, **fields) -> Reading:
        path = tmp_path / "file"
        path.write_bytes(content)
        source = Source(name="feed", kind="licensed", **fields)
        return check(read_file(source, SourceFile("feed", str(path), path.name, path.stat().st_size, form)))

    return read


def facets(count: int) -> bytes:
    """Return a post of which every word is marked as a mention."""
    marks = [{"index": {"byteStart": 5 * n, "byteEnd": 5 * n + 4}, "features": [{"$type": "app.bsky.richtext.facet#mention"}]} for n in range(count)]  # fmt: skip
    event = copy.deepcopy(EVENTS[0])
    event["commit"]["record"] = {"text": "word " * 5 * count, "facets": marks}
    return json.dumps(event).encode()


def names(count: int) -> bytes:
    """Return a post that mentions very many people, each by a name that stands in its text."""
    called = [f"name{n}" for n in range(count)]
    note = {"type": "Note", "id": "https://a/1", "to": "as:Public", "mediaType": "text/plain", "content": " ".join(called * 5)}  # fmt: skip
    return json.dumps({**note, "tag": [{"type": "Mention", "name": name} for name in called]}).encode()


def merges(count: int) -> bytes:
    """Return front matter in which each mapping holds the one before it twice."""
    rows = [f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]" for n in range(1, count)]
    return "\n".join(["---", "a0: &a0 {x: 1}", *rows, "---", "Text"]).encode()


CASES = {
    "lines_that_open_a_quote": ("csv", b"text\n" + b'b",",""\n' * 8_000),  # 44 s; 0.2 s
    "merge_keys": ("text", merges(22)),  # 5 s; 0.01 s
    "key_of_many_parts": ("text", b"+++\n" + b".".join([b"a"] * 30_000) + b" = 1\n+++\nText\n"),  # 15 s and 3.4 GiB; 0.00 s
    "names_of_many_people": ("activitypub", names(6_000)),  # 44 s; 0.2 s
    "many_mentions": ("bluesky", facets(40_000)),  # 3.2 s; 0.6 s
    "paragraphs_in_paragraphs": ("jats", b"<article><body>" + b"<p>" * 240 + b"<b/>" * 30_000 + b"</p>" * 240 + b"</body></article>"),  # 6.3 s; 0.3 s
    "articles_in_articles": ("jats", b"<set>" + b"<article>" * 240 + b"<b/>" * 30_000 + b"</article>" * 240 + b"</set>"),  # 2.6 s; 0.2 s
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_once_cost_the_square_of_its_size(feed, name):
    form, content = CASES[name]
    started = time.process_time()
    feed(form, content)
    assert time.process_time() - started < 2


def test_rows_behind_too_many_quotes_that_never_close_fail_as_one_and_all_lines_are_accounted_for(feed):
    content = b'text\n"whole"\n' + b'b",",""\n' * 4_000
    rows = feed("csv", content).rows
    assert rows[0]["verdict"] is None
    assert {row["verdict"][0]["evidence"] for row in rows[1:]} == {"Error", "StopIteration", "TooManyRestarts"} - {"StopIteration"}  # fmt: skip
    *_, last = rows
    assert last["record"].count(b"\n") > 3_000
    assert b"".join(row["record"] + b"\n" for row in rows[1:]) == b'b",",""\n' * 4_000


def test_stray_quotes_in_an_ordinary_table_cost_their_own_lines_only(feed):
    lines = [b'%d,"open' % n if n % 50 == 0 else b'%d,"quoted, %d"' % (n, n) for n in range(5_000)]
    reasons = feed("csv", b"id,text\n" + b"\n".join(lines) + b"\n").reasons
    assert (reasons.count("unreadable_record"), reasons.count("kept")) == (100, 4_900)


@pytest.mark.parametrize(
    ("form", "objects", "fields"),
    [
        ("bluesky", EVENTS, {}),
        ("activitypub", ACTIVITIES, {}),
        ("reddit", [*THREAD, LISTING], {}),
        ("jsonl", POSTS, MAPPING),
    ],
)
def test_any_value_in_any_place_of_a_feed_is_judged(feed, form, objects, fields):
    lines = []
    for whole in objects:
        for place in range(len(places_of([whole]))):
            for value in ODD:
                top = [copy.deepcopy(whole)]
                holder, key = places_of(top)[place]
                holder[key] = value
                lines.append(json.dumps(top[0]).encode() + b"\n")
    reasons = feed(form, b"".join(lines), **fields).reasons
    assert len(reasons) > 300
    assert "failed" not in reasons


def test_of_an_activity_of_several_types_the_known_one_counts(feed):
    note = {**ACTIVITIES[0], "type": ["https://a/ns#Toot", "Note"]}
    assert feed("activitypub", json.dumps(note).encode()).reasons == ["kept"]
