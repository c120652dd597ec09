"""Reddit: submissions and comments as its dumps and its listings give them, one JSON object a line or one listing a file.

A submission's text is its title and its own text, a comment's is its body. What was deleted or removed is so marked in a dump that was
taken later ("[deleted]"), which is a deletion like any other. Two reads of one post are its versions; the later one stays.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from pipeline.sources.dates import parse_date
from pipeline.sources.jsonl import unreadable
from pipeline.sources.rows import Post, Record
from pipeline.sources.units import Collection, Other, one_of, read_units
from pipeline.text.handles import without_handles
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.rows import Tally

_KINDS = {"t2": "account", "t5": "subreddit", "t6": "award", "more": "more", "LiveUpdate": "live update"}
_GONE = frozenset({"[deleted]", "[removed]", "[deleted by user]", "[ removed by reddit ]"})
_CLOSED = frozenset({"private", "employees_only", "gold_only"})
_ID = re.compile(r"(?:t[13]_)?([0-9a-z]{1,13})", re.IGNORECASE)


def read_reddit(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each submission and each comment."""
    yield from read_units(source, file, tally, sort)


def sort(_: Source, value: dict[str, Any]) -> Record | Other | Collection:
    """Return what an object is."""
    kind, data = value.get("kind"), value.get("data")
    if isinstance(kind, str) and isinstance(data, dict):
        if kind == "Listing":
            children = data.get("children")
            return Collection("listing", children if isinstance(children, list) else [])
        if kind not in {"t1", "t3", "t4"}:
            return Other(_KINDS.get(kind, "other thing"))
        value = data
    if kind == "t4" or ("dest" in value and "body" in value):
        return Record(0, b"", finding=Finding("ingest.private_message@1", evidence="message"))
    if "body" in value:
        return _record(value, "t1", value.get("body"), None)
    if "selftext" in value or "is_self" in value or str(value.get("name")).startswith("t3_"):
        return _record(value, "t3", value.get("selftext"), value.get("title"))
    return Record(0, b"", finding=unreadable("no_submission_or_comment"))


def _record(value: dict[str, Any], kind: str, body: Any, title: Any) -> Record:
    """Return the record of a submission (t3) or a comment (t1)."""
    own = _ID.fullmatch(str(value.get("id") or value.get("name") or ""))
    if own is None:
        return Record(0, b"", finding=unreadable("no_address"))
    name = f"{kind}_{own[1].lower()}"
    author = value.get("author")
    author = author if isinstance(author, str) and author not in _GONE else None
    seen = [
        parse_date(value.get(key))
        for key in ("created_utc", "edited", "retrieved_on", "retrieved_utc")
        if value.get(key) is not True
    ]
    moments = [moment for moment in seen if moment is not None]
    thread = name if kind == "t3" else _fullname(value.get("link_id"), "t3")
    post = Post(
        name, author and f"u/{author.lower()}", _fullname(value.get("parent_id"), "t1"), thread, max(moments, default=None)
    )  # fmt: skip
    place = name if thread is None else thread
    record = Record(
        0,
        b"",
        uri=f"https://www.reddit.com/comments/{place[3:]}" + (f"/_/{name[3:]}" if kind == "t1" else ""),
        record_id=name,
        fetched_at=seen[-1] if moments else None,
        published_at=seen[0] if seen else None,
        post=post,
    )
    if any(isinstance(part, str) and part.strip().lower() in _GONE for part in (body, title)):
        record.finding = Finding("ingest.deleted@1", evidence="marked")
    elif one_of(value.get("subreddit_type"), _CLOSED):
        record.finding = Finding("ingest.private_message@1", evidence="closed_community")
    elif any(part is not None and not isinstance(part, str) for part in (body, title)):
        record.finding = unreadable("text_not_string")
    else:
        names = [author] if author else []
        parts = [without_handles(html.unescape(part), names) for part in (title, body) if part]
        record.title = parts[0] if title else None
        record.text = "\n\n".join(parts)
    return record


def _fullname(value: Any, kind: str) -> str | None:
    """Return the full name of a post that another names; dumps write some without their kind."""
    match = _ID.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    return value.lower() if value[:3].lower() in {"t1_", "t3_"} else f"{kind}_{match[1].lower()}"
