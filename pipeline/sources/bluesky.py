"""Bluesky: the events of Jetstream, one JSON object a line.

A post is a record of the collection `app.bsky.feed.post`; creating and updating it are its versions. Likes, reposts, follows, blocks
and all that other collections hold are counted by kind. A deletion names a post; an account that was deleted or taken down takes
its posts along, one that is merely suspended or deactivated does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.sources.consent import UNSTATED, Terms
from pipeline.sources.dates import parse_date
from pipeline.sources.jsonl import unreadable
from pipeline.sources.rows import Post, Record
from pipeline.sources.units import Other, one_of, read_units
from pipeline.text.handles import MENTION, without_handles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.rows import Tally

_POSTS = "app.bsky.feed.post"
_KINDS = {
    "app.bsky.feed.like": "like",
    "app.bsky.feed.repost": "repost",
    "app.bsky.graph.follow": "follow",
    "app.bsky.graph.block": "block",
    "app.bsky.graph.list": "list",
    "app.bsky.graph.listitem": "list item",
    "app.bsky.feed.threadgate": "thread gate",
    "app.bsky.feed.postgate": "post gate",
    "app.bsky.actor.profile": "profile",
    "app.bsky.actor.status": "status",
}
_OPERATIONS = frozenset({"create", "update", "delete"})
_GONE = frozenset({"deleted", "takendown"})
_MENTION = "app.bsky.richtext.facet#mention"
_NO_STRANGERS = "!no-unauthenticated"
"""Label that an author puts on a post which is not for people without an account."""


def read_bluesky(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each version of a post."""
    yield from read_units(source, file, tally, sort)


def sort(_: Source, event: dict[str, Any]) -> Record | Other:
    """Return what an event is."""
    author, kind, commit = (event.get(name) for name in ("did", "kind", "commit"))
    if kind == "identity":
        return Other("identity")
    if kind == "account":
        account = event.get("account")
        status = account.get("status") if isinstance(account, dict) else None
        gone = one_of(status, _GONE) and isinstance(author, str)
        return Other(f"account {status}", author) if gone else Other("account")
    if kind != "commit" or not isinstance(commit, dict):
        return Record(0, b"", finding=unreadable("not_an_event"))
    return _commit(commit, author, event.get("time_us"))


def _commit(commit: dict[str, Any], author: Any, moment: Any) -> Record | Other:
    """Return what a change of somebody's repository is."""
    collection, operation, key = (commit.get(name) for name in ("collection", "operation", "rkey"))
    if not one_of(operation, _OPERATIONS):
        return Record(0, b"", finding=unreadable("unknown_operation"))
    if collection != _POSTS:
        return Other(f"{_KINDS.get(str(collection), 'other collection')} {operation}")
    if not (isinstance(author, str) and author and isinstance(key, str) and key):
        return Record(0, b"", finding=unreadable("no_address"))
    address = f"at://{author}/{_POSTS}/{key}"
    if operation == "delete":
        return Other("post delete", address)
    return _post(commit.get("record"), Post(address, author, version_at=parse_date(moment)), key)


def _post(content: Any, post: Post, key: str) -> Record:
    """Return the record of a version of a post."""
    record = Record(
        0, b"", uri=f"at://_/{_POSTS}/{key}", record_id=key, fetched_at=post.version_at, post=post, terms=UNSTATED
    )
    if not isinstance(content, dict):
        record.finding = unreadable("no_record")
        return record
    reply = content.get("reply")
    parent, root = (_uri(reply, name) for name in ("parent", "root"))
    record.post = post._replace(reply_to=parent, thread=root or parent or post.address)
    record.published_at = parse_date(content.get("createdAt"))
    languages = content.get("langs")
    if isinstance(languages, list) and languages and isinstance(languages[0], str):
        record.language_hint = languages[0]
    text = content.get("text")
    if isinstance(text, str):
        record.text = without_handles(_without_mentions(text, content.get("facets")))
    elif text is not None:
        record.finding = unreadable("text_not_string")
    if _NO_STRANGERS in _labels(content.get("labels")):
        record.terms = Terms("opted_out", "label:no-unauthenticated")
    return record


def _without_mentions(text: str, facets: Any) -> str:
    """Replace what the post itself marks as a mention: ranges of its UTF-8 bytes, which may lie or overlap."""
    written = text.encode("utf-8", "surrogatepass")
    ranges = []
    for facet in facets if isinstance(facets, list) else ():
        features = facet.get("features") if isinstance(facet, dict) else None
        if not isinstance(features, list) or not any(
            isinstance(f, dict) and f.get("$type") == _MENTION for f in features
        ):
            continue
        index = facet.get("index")
        start, end = (index.get(name) if isinstance(index, dict) else None for name in ("byteStart", "byteEnd"))
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(written):
            ranges.append((start, end))
    parts: list[bytes] = []
    done = 0
    for start, end in sorted(ranges):
        if start >= done:
            parts += [written[done:start], MENTION.encode()]
        done = max(done, end)
    # A range that cuts a character leaves bytes that are none.
    return b"".join([*parts, written[done:]]).decode("utf-8", "replace") if ranges else text


def _uri(reply: Any, name: str) -> str | None:
    """Return the address of a post that a reply names."""
    target = reply.get(name) if isinstance(reply, dict) else None
    uri = target.get("uri") if isinstance(target, dict) else None
    return uri if isinstance(uri, str) and uri else None


def _labels(labels: Any) -> set[str]:
    """Return the labels that the author gave a post."""
    values = labels.get("values") if isinstance(labels, dict) else None
    return {str(value.get("val")) for value in values if isinstance(value, dict)} if isinstance(values, list) else set()
