"""What the fuzzer starts from: for each reader, and each way of its own to be written, small valid files that are made here.

A file is a list of parts (lines, records, documents), so that a part can be changed, or compressed, by itself.
"""

from __future__ import annotations

import bz2
import json
import lzma
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.fuzz_archives import ARC_COATS, PLAIN, WARC_COATS, Coat, arcs, nested_table, tables, warcs, wets
from benchmarks.fuzz_changes import LARGEST, SHAPES, mutated
from pipeline.source import Format, SourceKind

Parts = Sequence[bytes]
plain = PLAIN["plain"].pack

COATS = {
    **{name: WARC_COATS[name] for name in ("plain", "gzip", "zstd", "gzip members", "zstd frames")},
    "bzip2": Coat(".bz2", lambda parts: bz2.compress(plain(parts), 1)),
    "xz": Coat(".xz", lambda parts: lzma.compress(plain(parts), preset=0)),
}


@dataclass(frozen=True)
class Kind:
    """A reader, or a way to be written that has code of its own: its format, its files, what they are made of."""

    format: Format
    suffix: str
    files: list[Parts]
    coats: dict[str, Coat] = field(default_factory=lambda: COATS)
    made_of: str = ""
    """Key of `SHAPES`, or nothing."""
    kind: SourceKind = "licensed"
    settings: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, list[Any]] = field(default_factory=dict)
    """Further settings, of each of which one value is drawn; the first is that of the files as they are."""


@dataclass(frozen=True)
class Input:
    """One file to read: the end of its name, its bytes, the source's settings, and its length before it was compressed."""

    suffix: str
    content: bytes
    settings: dict[str, Any]
    held: int


def lines(*values: object) -> Parts:
    return [json.dumps(value).encode() + b"\n" for value in values]


ROWS = [
    {"id": "7", "url": "http://a/", "text": "Hello wörld", "license": "MIT", "date": "2022-01-01T00:00:00Z", "published": 1_600_000_000},
    {"id": 8, "text": "caf\u00c3\u00a9 \ud83d\ude00 \u0000", "title": "T", "language": "de", "rights_holder": "A", "agreement": "B"},
    {"text": "e\u0301 \r\n\u0085 \ufeff", "score": 1e308, "license": "https://creativecommons.org/licenses/by/4.0/"},
]  # fmt: skip
POSTS = [
    {"key": f"p{n}", "of": {"who": "anna_b", "to": f"p{n - 1}", "top": "p0"}, "body": {"text": "Hi @anna_b and /u/bob, see http://a/@carl/1"}, "at": f"2024-01-0{n + 1}", "gone": None}
    for n in range(3)
] + [{"key": "p1", "of": {"who": "anna_b"}, "body": {"text": ""}, "at": 1_700_000_000, "gone": True}]  # fmt: skip
MAPPING = {"text_field": "body.text", "id_field": "key", "author_field": "of.who", "reply_to_field": "of.to", "thread_field": "of.top", "updated_field": "at", "deleted_field": "gone"}  # fmt: skip


def _event(record: object, operation: str = "create", collection: str = "app.bsky.feed.post") -> dict[str, object]:
    commit = {"operation": operation, "collection": collection, "rkey": "3l", "record": record}
    return {"did": "did:plc:a", "time_us": 1_725_911_162_329_308, "kind": "commit", "commit": commit}


_MENTION = {"index": {"byteStart": 0, "byteEnd": 5}, "features": [{"$type": "app.bsky.richtext.facet#mention"}]}
EVENTS = [
    _event({"createdAt": "2024-09-09T19:46:02.102Z", "langs": ["en"], "text": "@anna Hello thére", "facets": [_MENTION], "labels": {"values": [{"val": "x"}]}}),
    _event({"text": "An answer", "reply": {"parent": {"uri": "at://b/app.bsky.feed.post/1"}, "root": {"uri": "at://c/app.bsky.feed.post/1"}}}, "update"),
    _event({}, "delete"),
    _event({}, collection="app.bsky.feed.like"),
    {"did": "did:plc:a", "kind": "identity"},
    {"did": "did:plc:a", "kind": "account", "account": {"status": "deleted"}},
]  # fmt: skip
_PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NOTE = {"type": "Note", "id": "https://a/users/f/1", "attributedTo": "https://a/users/felix", "to": [_PUBLIC], "content": "<p>Hi <a class='u-url mention' href='https://b/@c'>@c</a> felix</p>", "summary": "CW", "published": "2024-01-01T00:00:00Z", "inReplyTo": "https://a/0", "tag": [{"type": "Mention", "name": "@c@b"}], "contentMap": {"en": "x"}}  # fmt: skip
ACTIVITIES: list[dict[str, Any]] = [
    NOTE,
    {"type": "Announce", "to": _PUBLIC, "object": {"type": "Create", "object": {"type": "Page", "id": "https://a/2", "name": "T", "content": "c", "mediaType": "text/markdown", "url": [{"href": "https://a/p"}], "language": {"identifier": "de"}}}},
    {"type": "Delete", "object": {"type": "Tombstone", "id": "https://a/1"}},
    {"type": "Undo", "object": {"type": "Like"}},
    {"visibility": "public", "content": "<p>x</p>", "uri": "https://m/1", "id": "1", "account": {"acct": "felix", "uri": "https://m/f"}, "mentions": [{"acct": "anna"}], "in_reply_to_id": "9", "created_at": "2024-01-01T00:00:00Z"},
    {"type": "OrderedCollection", "orderedItems": [NOTE, "https://a/9"], "first": {"type": "CollectionPage", "items": [NOTE]}},
]  # fmt: skip
THREAD = [
    {"id": "abc", "name": "t3_abc", "title": "A title &amp; more", "selftext": "A text by u_name", "author": "u_name", "created_utc": 1_500_000_000, "edited": False, "subreddit": "s", "is_self": True},
    {"id": "c1", "author": "other", "body": "A comment on /u/u_name", "created_utc": "1500000001", "link_id": "t3_abc", "parent_id": "t3_abc", "retrieved_on": 1_600_000_000},
    {"kind": "t1", "data": {"id": "c2", "body": "[deleted]", "author": "[deleted]", "link_id": "abc", "parent_id": "t1_c1"}},
    {"kind": "t5", "data": {"id": "x"}},
]  # fmt: skip
LISTING = {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": THREAD[0]}, {"kind": "more", "data": {}}]}}

TABLE = [b"id,text,license,date\r\n", b'1,"a ""quoted"",\n', b'text",MIT,2024-01-01\r\n', b"2,b,,\r\n", "3,wörld,CC0-1.0,\r\n".encode()]  # fmt: skip
FRONT = [b"---\n", b"title: T\nlicense: MIT\ndate: 2024-01-01\nlanguage: en\ntags: [a, {b: c}]\n", b"more: &m {x: 1}\nagain: *m\n", b"---\n", b"# H\n\nText\n\n- a list\n"]  # fmt: skip
TOML = [b"+++\n", b'title = "T"\ndate = 2024-01-01T00:00:00Z\n[a.b]\nc = [1, 2.5]\n', b"+++\n", b"Text\n"]

ARTICLE = (
    b'<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.2//EN" "JATS.dtd"><article xml:lang="en" xmlns:xlink="http://x"><front><article-meta><article-id pub-id-type="doi">10.1/a</article-id>'
    b'<title-group><article-title>T &amp; <italic>e</italic></article-title></title-group><pub-date pub-type="epub"><day>1</day><month>2</month><year>2020</year></pub-date>'
    b'<permissions><copyright-holder>A</copyright-holder><license license-type="open-access" xlink:href="http://creativecommons.org/licenses/by/4.0/"><license-p>Creative Commons Attribution License</license-p></license></permissions>'
    b"<abstract><p>A&nbsp;b</p></abstract></article-meta></front><body><sec><title>S</title><p>Text <xref>1</xref><list><list-item><p>i</p></list-item></list></p>"
    b"<table-wrap><table><tr><td>1</td><td>2</td></tr></table></table-wrap><fig><caption><p>F</p></caption></fig></sec></body><back><ack><p>Thanks</p></ack><ref-list><ref>R</ref></ref-list></back>"
    b"<response><body><p>r</p></body></response></article>"
)
ARTICLE_SET = [b"<!DOCTYPE set SYSTEM 'set.dtd'><set>", ARTICLE[ARTICLE.index(b"<article ") :], b"<article><body><p>two</p></body></article>", b"</set>"]  # fmt: skip

_JATS_PARTS: list[list[str]] = [[], ["figures", "tables", "acknowledgements", "references"]]
_social = partial(Kind, suffix=".jsonl", made_of="json", kind="social")

KINDS: dict[str, Kind] = {
    "jsonl": Kind("jsonl", ".jsonl", [lines(*ROWS), lines(*ROWS * 9)], made_of="json"),
    "mapping": Kind("jsonl", ".jsonl", [lines(*POSTS)], made_of="json", kind="social", settings=MAPPING),
    "bluesky": _social("bluesky", files=[lines(*EVENTS)]),
    "activitypub": _social("activitypub", files=[lines(*ACTIVITIES), [json.dumps(ACTIVITIES).encode()], [json.dumps(ACTIVITIES[-1], indent=1).encode()]]),
    "reddit": _social("reddit", files=[lines(*THREAD), [json.dumps(LISTING).encode()], [json.dumps([LISTING, LISTING], indent=1).encode()]]),
    "csv": Kind("csv", ".csv", [TABLE, [part.replace(b",", b"\t") for part in TABLE]], choices={"csv_delimiter": [None, None, ",", "|"], "csv_quote": ['"', '"', "'"], "csv_escape": [None, None, "\\"]}),
    "text": Kind("text", ".txt", [[b"A text.\n", b"SPDX-License-Identifier: MIT\n"], ["\ufeffUTF-16 text".encode("utf-16-le")]]),
    "markdown": Kind("text", ".md", [FRONT, TOML]),
    "jats": Kind("jats", ".xml", [[ARTICLE], ARTICLE_SET], made_of="tags", choices={"jats_include": _JATS_PARTS}),
    "parquet": Kind("parquet", ".parquet", [[table] for table in tables()], PLAIN),
    "nested": Kind("parquet", ".parquet", [[nested_table()]], PLAIN, settings={"text_field": "text.text"}),
    "warc": Kind("warc", ".warc", warcs(), WARC_COATS, "tags", "web", choices={"extractor": ["resiliparse"] * 9 + ["trafilatura"], "revisits": ["count", "record"], "keep_truncated": [True, False]}),
    "arc": Kind("warc", ".arc", arcs(), ARC_COATS, "tags", "web"),
    "wet": Kind("warc", ".warc.wet", wets(), WARC_COATS, "", "web"),
}  # fmt: skip
"""All that is fuzzed, by name. A new format needs a line here; `tests/sources/test_fuzzer.py` says so."""


def make(name: str, seed: int, number: int) -> Input:
    """Return an input, the same for the same three words whatever was made before."""
    dice = random.Random(f"{seed}/{name}/{number}")
    kind = KINDS[name]
    parts = list(dice.choice(kind.files))
    if kind.made_of and dice.random() < 0.6:
        place = dice.randrange(len(parts))
        parts[place] = SHAPES[kind.made_of](parts[place], dice) + (b"\n" if parts[place].endswith(b"\n") else b"")
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        place = dice.randrange(len(parts))
        parts[place:place] = [dice.choice(parts)] * dice.choice((1, 3, 40))
    others = [part for file in kind.files for part in file]
    if len(parts) > 1 and dice.random() < 0.5:
        place = dice.randrange(len(parts))
        parts[place] = mutated(parts[place], others, dice)
    else:
        parts = [mutated(plain(parts), others, dice)]
    coat = kind.coats[dice.choice([*kind.coats, *["plain"] * len(kind.coats)])]
    content = coat.pack(parts)
    if coat.suffix and dice.random() < 0.4:
        content = mutated(content, [content], dice)
    return Input(
        kind.suffix + coat.suffix, content[:LARGEST], settings(kind, dice), sum(map(len, parts)) if coat.suffix else 0
    )


def untouched(name: str) -> list[Input]:
    """Return a reader's files as they are, in each of their coats: what is mutated must first be right."""
    kind = KINDS[name]
    first = {name: values[0] for name, values in kind.choices.items()}
    usual = {**BASE, **kind.settings, **first, "format": kind.format, "kind": kind.kind}
    return [
        Input(kind.suffix + coat.suffix, coat.pack(parts), usual, sum(map(len, parts)))
        for parts in kind.files
        for coat in kind.coats.values()
    ]


BASE: dict[str, Any] = {"name": "fuzz", "max_record_bytes": 2**20}


def settings(kind: Kind, dice: random.Random) -> dict[str, Any]:
    """Return a source's settings: mostly the usual limits, sometimes small ones."""
    drawn = {name: dice.choice(values) for name, values in kind.choices.items()}
    limits = {
        "max_record_bytes": dice.choice((2**20, 2**20, 2**20, 2**10)),
        "max_text_characters": dice.choice((5_000_000, 100)),
        "require_license": dice.random() < 0.1,
    }
    return {**BASE, **limits, **kind.settings, **drawn, "format": kind.format, "kind": kind.kind}
