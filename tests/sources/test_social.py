"""Social feeds: which units are posts, what is counted beside them, what a post's text and address no longer say of its author."""

from __future__ import annotations

import json

import pytest

from pipeline.document import subject_id
from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from tests.sources.conftest import Reading, check

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
HANDLE = "quentina"


@pytest.fixture
def feed(tmp_path):
    """Return a function that writes a feed and reads it in a social format."""

    def read(form: str, content: object, **fields) -> Reading:
        path = tmp_path / "feed.json"
        lines = content if isinstance(content, list) else [content]
        data = content if isinstance(content, bytes) else "".join(json.dumps(line) + "\n" for line in lines).encode()
        path.write_bytes(data)
        source = Source(name="feed", kind="social", **fields)
        return check(read_file(source, SourceFile("feed", str(path), path.name, path.stat().st_size, form)))

    return read


def bluesky(key: str, text: str | None = None, operation: str = "create", **record) -> dict:
    commit = {"operation": operation, "collection": "app.bsky.feed.post", "rkey": key}
    if operation != "delete":
        commit["record"] = {"text": text, "createdAt": "2026-07-04T14:38:06Z", **record}
    return {"did": f"did:plc:{HANDLE}", "time_us": 1783175888090631, "kind": "commit", "commit": commit}


def note(number: int, content: str, **fields) -> dict:
    return {
        "id": f"https://example.org/users/{HANDLE}/statuses/{number}",
        "type": "Note",
        "attributedTo": f"https://example.org/users/{HANDLE}",
        "to": [PUBLIC],
        "published": "2026-01-02T03:04:05Z",
        "content": content,
        **fields,
    }


def comment(key: str, body: str, **fields) -> dict:
    return {"id": key, "author": HANDLE, "body": body, "link_id": "t3_abc", "created_utc": 1600000000, **fields}


def test_a_bluesky_post_becomes_a_document_without_its_author(feed):
    mention = {"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:x"}
    facets = [{"index": {"byteStart": 7, "byteEnd": 10}, "features": [mention]}]
    reply = {
        "parent": {"uri": "at://did:plc:b/app.bsky.feed.post/2"},
        "root": {"uri": "at://did:plc:a/app.bsky.feed.post/1"},
    }
    (row,) = feed(
        "bluesky", bluesky("3k", "für Üxyz @other.bsky.social!", facets=facets, langs=["de"], reply=reply)
    ).rows
    assert row["text"] == "für Ü@user @user!"
    assert (row["uri"], row["record_id"], row["language_hint"]) == ("at://_/app.bsky.feed.post/3k", "3k", "de")
    assert row["post"]["id"] == subject_id("feed", f"at://did:plc:{HANDLE}/app.bsky.feed.post/3k")
    assert row["post"]["author"] == subject_id("feed", f"did:plc:{HANDLE}")
    assert row["post"]["reply_to"] == subject_id("feed", "at://did:plc:b/app.bsky.feed.post/2")
    assert row["post"]["thread"] == subject_id("feed", "at://did:plc:a/app.bsky.feed.post/1")
    assert row["published_at"].isoformat() == "2026-07-04T14:38:06+00:00"
    del row["record"]
    assert HANDLE not in str(row)


def test_bluesky_events_that_are_no_posts_are_counted_by_kind(feed):
    like = bluesky("1", "x")
    like["commit"]["collection"] = "app.bsky.feed.like"
    strange = bluesky("1", "x")
    strange["commit"]["collection"] = "a name that somebody chose"
    gone = {"did": "did:plc:gone", "kind": "account", "account": {"active": False, "status": "deleted"}}
    away = {"did": "did:plc:away", "kind": "account", "account": {"active": False, "status": "deactivated"}}
    reading = feed("bluesky", [like, strange, gone, away, bluesky("2", operation="delete"), {"kind": "identity"}])
    assert reading.rows == []
    assert reading.account.kinds == {
        "like create": 1, "other collection create": 1, "account deleted": 1, "account": 1, "post delete": 1, "identity": 1,
    }  # fmt: skip
    assert reading.account.other_records == 6
    assert reading.account.deleted == {
        subject_id("feed", "did:plc:gone"),
        subject_id("feed", f"at://did:plc:{HANDLE}/app.bsky.feed.post/2"),
    }


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b"{broken", "unreadable_record"),
        (b"[1]", "unreadable_record"),
        (b'{"kind": "commit"}', "unreadable_record"),
        (json.dumps(bluesky("3k", None)).encode(), "no_text"),
        (json.dumps(bluesky("3k", 7)).encode(), "unreadable_record"),
        (json.dumps(bluesky("", "text")).encode(), "unreadable_record"),
        (json.dumps(bluesky("3k", "text", labels={"values": [{"val": "!no-unauthenticated"}]})).encode(), "opted_out"),
        (json.dumps(bluesky("3k", "text", facets=7, reply="x", langs=3, labels=[1])).encode(), "kept"),
    ],
)
def test_odd_bluesky_events_fail_alone(feed, event, reason):
    good = json.dumps(bluesky("1", "good")).encode()
    assert feed("bluesky", good + b"\n" + event + b"\n" + good.replace(b'"1"', b'"2"')).reasons == [
        "kept",
        reason,
        "kept",
    ]


def test_mentions_in_html_go_and_hashtags_stay(feed):
    content = (
        f'<p><span class="h-card"><a href="https://x.org/@{HANDLE}" class="u-url mention">@<span>{HANDLE}</span></a></span> '
        f'and <a class="mention" href="y">{HANDLE}</a> like <a class="mention hashtag" href="t">#<span>cats</span></a><br>'
        f"signed {HANDLE}, @{HANDLE}@example.org</p><p>Second &amp; last</p>"
    )
    (row,) = feed("activitypub", note(1, content, contentMap={"en": content})).rows
    assert row["text"] == "@user and @user like #cats\nsigned @user, @user\n\nSecond & last"
    assert row["uri"] == row["record_id"] == "https://example.org/users/_/statuses/1"
    assert row["language_hint"] == "en"
    assert HANDLE not in str(row)


@pytest.mark.parametrize(
    "message",
    [
        note(1, "secret", to=[f"https://example.org/users/{HANDLE}"]),
        note(1, "secret", to=None),
        note(1, "secret", type="ChatMessage"),
        {"type": "Create", "to": ["https://example.org/users/other"], "object": note(1, "secret", to=[])},
        {"id": "1", "uri": "https://e.org/1", "visibility": "direct", "content": "secret"},
    ],
)
def test_of_a_private_message_nothing_stays_but_place_and_digest(feed, message):
    reading = feed("activitypub", message)
    assert reading.reasons == ["private_message"]
    assert "secret" not in str(reading.rows)


def test_activities_are_opened_and_all_else_is_counted(feed):
    reading = feed(
        "activitypub",
        [
            {"type": "Announce", "object": {"type": "Create", "object": note(1, "carried")}},
            {"type": "Announce", "object": "https://example.org/1"},
            {"type": "Undo", "object": {"type": "Delete", "object": "https://example.org/1"}},
            {"type": "Undo", "object": {"type": "a strange one"}},
            {"type": "Delete", "object": "https://example.org/2"},
            {"type": "Delete", "object": {"type": "Tombstone", "id": "https://example.org/3"}},
            {"type": "Tombstone", "id": "https://example.org/4"},
            {"type": "Like", "object": "https://example.org/1"},
            {"type": "somebody's own"},
            {"type": "OrderedCollection", "orderedItems": [note(5, "in an outbox"), "https://example.org/6"]},
            {"no": "type"},
        ],
    )
    assert [row["text"] for row in reading.rows] == ["carried", "in an outbox", None]
    assert reading.reasons == ["kept", "kept", "unreadable_record"]
    assert reading.account.kinds == {
        "Announce": 1, "Undo Delete": 1, "Undo": 1, "Delete": 2, "Tombstone": 1, "Like": 1, "other type": 1, "collection": 1, "reference": 1,
    }  # fmt: skip
    assert reading.account.deleted == {subject_id("feed", f"https://example.org/{n}") for n in (2, 3, 4)}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("shape", ["array", "collection", "object", "lines"])
def test_every_shape_of_file_gives_the_same_documents(feed, shape, indent):
    notes = [note(1, "one"), note(2, "two")]
    content = {
        "array": json.dumps(notes, indent=indent),
        "collection": json.dumps({"type": "OrderedCollection", "orderedItems": notes}, indent=indent),
        "object": json.dumps(notes[0], indent=indent),
        "lines": "\n".join(json.dumps(item) for item in notes),
    }[shape].encode()
    rows = feed("activitypub", content).rows
    assert [row["text"] for row in rows] == (["one"] if shape == "object" else ["one", "two"])
    assert [row["record_offset"] for row in rows] == list(range(len(rows)))
    by_lines = feed("activitypub", "\n".join(json.dumps(item) for item in notes).encode()).rows
    assert [row["document_id"] for row in rows] == [row["document_id"] for row in by_lines][: len(rows)]


def test_a_post_is_the_same_document_in_any_activity_until_its_text_changes(feed):
    plain, carried, liked, edited = feed(
        "activitypub",
        [
            note(1, "<p>text</p>"),
            {"type": "Create", "object": note(1, "<p>text</p>")},
            note(1, "<p>text</p>", likes=3),
            {"type": "Update", "object": note(1, "<p>texts</p>", updated="2026-02-01T00:00:00Z")},
        ],
    ).rows
    assert plain["document_id"] == carried["document_id"] == liked["document_id"] != edited["document_id"]
    assert plain["post"]["id"] == edited["post"]["id"]
    assert edited["post"]["version_at"] > plain["post"]["version_at"]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b'[{"type": "Like"}', ["unreadable_record"]),
        (b'{\n"type": "Note"\n', ["unreadable_record"]),
        (b'{broken\n{"type": "Like"}\n', ["unreadable_record"]),
        (b'{"broken": [\n{"type": "Like"}\n', ["unreadable_record"]),
        (b'{"type": "Collection", "items": [\n {"type": "Like"}\n]}\n', []),
        (b'{"type": "Collection", "items": [\n {"type": "Like"},\n {"type": "Like"}\n]}\n', []),
        (b"[" * 100_000, ["unreadable_record"]),
        (b"[[[]]]", ["unreadable_record"]),
        (b'["a", 1, null]', ["unreadable_record", "unreadable_record"]),
        (b"", []),
        (b"\xef\xbb\xbf[]", []),
    ],
)
def test_damaged_documents_of_json(feed, content, reasons):
    assert feed("activitypub", content).reasons == reasons


def test_a_document_of_json_may_be_as_large_as_a_record(feed):
    content = json.dumps([note(n, "text") for n in range(9)], indent=1).encode()
    assert feed("activitypub", content, max_record_bytes=len(content)).reasons == ["kept"] * 9
    assert feed("activitypub", content, max_record_bytes=len(content) - 1).reasons == ["record_too_large"]


def test_mastodons_own_interface(feed):
    status = {
        "id": "7",
        "uri": f"https://example.org/users/{HANDLE}/statuses/7",
        "url": f"https://example.org/@{HANDLE}/7",
        "visibility": "public",
        "content": f"<p>From {HANDLE}</p>",
        "spoiler_text": "Careful",
        "language": "nl",
        "created_at": "2026-01-01T00:00:00Z",
        "account": {"acct": HANDLE, "username": HANDLE, "url": f"https://example.org/@{HANDLE}"},
    }
    boost = {"id": "9", "visibility": "public", "content": "", "reblog": status}
    answer = {**status, "id": "8", "uri": "https://example.org/x/8", "in_reply_to_id": "7", "content": "yes"}
    reading = feed("activitypub", [status, boost, answer])
    first, second = reading.rows
    assert first["text"] == "Careful\n\nFrom @user"
    assert (first["uri"], first["language_hint"]) == ("https://example.org/_/7", "nl")
    assert second["post"]["reply_to"] == first["post"]["id"] == first["post"]["thread"]
    assert reading.account.kinds == {"reblog": 1}
    assert HANDLE not in str(reading.rows)


def test_reddit_submissions_and_comments(feed):
    submission = {
        "id": "ABC",
        "name": "t3_abc",
        "author": HANDLE,
        "title": "A &amp; B",
        "selftext": "by u/someone",
        "created_utc": "1600000000",
        "is_self": True,
    }
    answer = comment("d1", f"Thanks /u/{HANDLE}, {HANDLE}", parent_id="t3_abc", edited=1600000500)
    top, below = feed("reddit", [submission, answer]).rows
    assert top["text"] == "A & B\n\nby u/user"
    assert (top["title"], top["record_id"], top["uri"]) == ("A & B", "t3_abc", "https://www.reddit.com/comments/abc")
    assert below["text"] == "Thanks /u/user, @user"
    assert (below["record_id"], below["uri"]) == ("t1_d1", "https://www.reddit.com/comments/abc/_/d1")
    assert below["post"]["reply_to"] == below["post"]["thread"] == top["post"]["id"]
    assert below["post"]["version_at"].timestamp() == 1600000500
    assert HANDLE not in str([top, below])


def test_what_reddit_marks_as_deleted_is_a_deletion(feed):
    reading = feed(
        "reddit", [comment("d1", "[deleted]"), comment("d2", "[removed]"), comment("d3", "here", author="[deleted]")]
    )
    assert reading.reasons == ["deleted", "deleted", "kept"]
    assert reading.account.deleted == {subject_id("feed", "t1_d1"), subject_id("feed", "t1_d2")}
    assert [row["record"] for row in reading.rows] == [None, None, None]


def test_reddit_listings_and_what_is_no_post(feed):
    listing = {
        "kind": "Listing",
        "data": {"children": [{"kind": "t1", "data": comment("d1", "here")}, {"kind": "more", "data": {}}]},
    }
    reading = feed(
        "reddit",
        [
            listing,
            {"kind": "t2", "data": {}},
            {"kind": "t4", "data": {"body": "psst"}},
            comment("d2", "inside", subreddit_type="private"),
            {"a": 1},
            comment("??", "x"),
        ],
    )
    assert reading.reasons == ["kept", "private_message", "private_message", "unreadable_record", "unreadable_record"]
    assert reading.account.kinds == {"listing": 1, "more": 1, "account": 1}
    assert "psst" not in str(reading.rows)
