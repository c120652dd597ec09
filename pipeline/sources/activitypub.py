"""ActivityPub: objects and activities of Mastodon, Lemmy, Pleroma, PeerTube and others, and statuses of Mastodon's own interface.

One object a line, an array, a collection (an outbox), or a file an object. An activity that carries a post (Create, Update, Announce of
a community) is that post. A deletion, or the tombstone that it leaves, names a post or, with everything they wrote, a person. A message
that is not addressed to the public is none of a corpus's business. All else is counted by kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pipeline.sources.dates import parse_date
from pipeline.sources.jsonl import unreadable
from pipeline.sources.rows import Post, Record
from pipeline.sources.units import Collection, Other, one_of, read_units
from pipeline.text.handles import MENTION, without_handles
from pipeline.text.normalize import without_surrogates
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.rows import Tally

_POSTS = frozenset({"Note", "Article", "Page", "Question", "Video", "Audio", "Event", "ChatMessage"})
_CARRIERS = frozenset({"Create", "Update", "Announce"})
_COLLECTIONS = frozenset({"Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"})
_OTHER = frozenset(
    {
        *("Accept", "Add", "Announce", "Application", "Arrive", "Block", "Create", "Delete", "Dislike", "Document"),
        *("EmojiReact", "Flag", "Follow", "Group", "Ignore", "Image", "Invite", "Join", "Leave", "Like", "Listen"),
        *("Lock", "Move", "Offer", "Organization", "Person", "Place", "Profile", "Read", "Reject", "Relationship"),
        *("Remove", "Resolve", "Service", "TentativeAccept", "TentativeReject", "Travel", "Undo", "Update", "View"),
        "Warn",
    }
)
"""The other types of Activity Vocabulary (W3C, 2017), and those that servers in wide use have added."""
_KNOWN = _POSTS | _CARRIERS | _COLLECTIONS | _OTHER | {"Tombstone"}
_PUBLIC = frozenset({"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"})
_OPEN = frozenset({"public", "unlisted"})
_DEEPEST = 8
"""Activities within activities that are opened."""


def read_activitypub(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each version of a post and each private message."""
    yield from read_units(source, file, tally, sort)


def sort(_: Source, value: dict[str, Any]) -> Record | Other | Collection:
    """Return what an object is."""
    kind = _kind(value)
    if kind is None and "visibility" in value and "content" in value:
        return _status(value)
    audience, when = _audience(value), None
    for _turn in range(_DEEPEST):
        if kind not in _CARRIERS or not isinstance(value.get("object"), dict):
            break
        when = value.get("updated") or value.get("published") or when
        value = value["object"]
        kind = _kind(value)
        audience |= _audience(value)
    if kind in _COLLECTIONS:
        return Collection("collection", _members(value))
    if kind in _POSTS:
        return _post(value, kind, public=bool(audience & _PUBLIC), when=when)
    return _no_post(value, kind)


def _no_post(value: dict[str, Any], kind: str | None) -> Record | Other:
    """Return what an object or activity is that is no post and carries none."""
    if kind == "Tombstone":
        return Other("Tombstone", _id(value))
    if kind == "Delete":
        return Other("Delete", _id(value.get("object")))
    if kind == "Undo":
        undone = value.get("object")
        what = _kind(undone) if isinstance(undone, dict) else None
        return Other(f"Undo {what}" if what in _OTHER else "Undo")
    if kind is None:
        return Record(0, b"", finding=unreadable("no_type"))
    return Other(kind if kind in _OTHER else "other type")


def _post(value: dict[str, Any], kind: str, *, public: bool, when: Any) -> Record:
    """Return the record of a post."""
    address = _id(value)
    if address is None:
        return Record(0, b"", finding=unreadable("no_address"))
    author = _id(value.get("attributedTo") or value.get("actor"))
    reply_to = _id(value.get("inReplyTo"))
    published = parse_date(value.get("published"))
    changed = parse_date(value.get("updated")) or published or parse_date(when)
    names = _names(value, author)
    page = _id(value.get("url"))
    record = Record(
        0,
        b"",
        uri=without_author(page or address, names),
        record_id=without_author(address, names),
        canonical_uri=None,
        fetched_at=changed,
        published_at=published,
        language_hint=_language(value),
        post=Post(address, author, reply_to, None if reply_to else address, changed),
    )
    if not public or kind == "ChatMessage":
        record.finding = Finding("ingest.private_message@1", evidence="audience" if kind != "ChatMessage" else "chat")
        return record
    content, title = value.get("content"), value.get("name")
    if any(part is not None and not isinstance(part, str) for part in (content, title)):
        record.finding = unreadable("text_not_string")
        return record
    summary = value.get("summary")
    plain = one_of(value.get("mediaType"), {"text/markdown", "text/plain"})
    warning = _plain(summary, names) if isinstance(summary, str) else None
    parts = [
        title and without_handles(title, names),
        warning,
        content and (without_handles(content, names) if plain else _plain(content, names)),
    ]
    record.title = parts[0] or None
    record.text = "\n\n".join(part for part in parts if part)
    return record


def _status(value: dict[str, Any]) -> Record | Other:
    """Return what a status of Mastodon's own interface is."""
    if isinstance(value.get("reblog"), dict):
        return Other("reblog")
    stated = value.get("account")
    account: dict[str, Any] = stated if isinstance(stated, dict) else {}
    author = account.get("uri") or account.get("url")
    mentioned = [m for m in _list(value.get("mentions")) if isinstance(m, dict)]
    # The interface numbers the post that it answers by the server's own ids: they are addresses within that server.
    own, parent = value.get("uri") or value.get("url"), value.get("in_reply_to_id")
    host = _host(own) if isinstance(own, str) else ""
    known = {
        "id": own,
        "url": value.get("url"),
        "attributedTo": author,
        "inReplyTo": f"{host}#{parent}" if parent else None,
        "published": value.get("created_at"),
        "updated": value.get("edited_at"),
        "summary": value.get("spoiler_text") or None,
        "content": value.get("content"),
        "language": value.get("language"),
        "tag": [
            {"type": "Mention", "name": name}
            for name in (account.get("acct"), account.get("username"), *(m.get("acct") for m in mentioned))
        ],
    }
    record = _post(known, "Note", public=one_of(value.get("visibility"), _OPEN), when=None)
    number = value.get("id")
    if record.post is not None and host and number:
        # Answers name it by this number; so do versions of it, which have the same.
        record.post = record.post._replace(address=f"{host}#{number}", thread=None if parent else f"{host}#{number}")
    return record


def without_author(address: str, names: list[str]) -> str:
    """Return an address without the author's name in it: ``_`` stands for the part of the path that is a name.

    >>> without_author("https://example.org/users/felix/statuses/1", ["felix"])
    'https://example.org/users/_/statuses/1'
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "_"
    own = {name.strip("@").split("@")[0].lower() for name in names}
    path = [
        "_" if piece.startswith(("@", "~")) or piece.lstrip("@~").split("@")[0].lower() in own else piece
        for piece in parts.path.split("/")
    ]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/".join(path), "", ""))


def _plain(markup: str, names: list[str]) -> str:
    """Return the text of a post's HTML, its mentions replaced; a hashtag is a word, though its link is marked the same way."""
    tree = HTMLTree.parse(without_surrogates(markup))
    if tree.body is None:
        return ""
    for link in tree.body.query_selector_all("a.mention, .h-card a"):
        if "hashtag" not in link.class_list:
            link.text = MENTION
    text: str = extract_plain_text(tree, preserve_formatting=True, main_content=False, alt_texts=False)
    return without_handles(text.replace("@" + MENTION, MENTION).replace("\u00a0", " "), names)


def _names(value: dict[str, Any], author: str | None) -> list[str]:
    """Return the handles that a post knows of: its author's and those of whom it mentions."""
    names = [tag["name"] for tag in _list(value.get("tag")) if isinstance(tag, dict) and tag.get("type") == "Mention" and isinstance(tag.get("name"), str)]  # fmt: skip
    if author:
        names.append(author.rstrip("/").rpartition("/")[2])
    return [name for name in names if name.strip("@ ")]


def _audience(value: dict[str, Any]) -> set[str]:
    """Return whom an object is addressed to."""
    return {to for name in ("to", "cc") for to in _list(value.get(name)) if isinstance(to, str)}


def _members(value: dict[str, Any]) -> list[Any]:
    """Return what a collection holds, its first page included where it is embedded."""
    found = [*_list(value.get("orderedItems")), *_list(value.get("items"))]
    first = value.get("first")
    return [*found, first] if isinstance(first, dict) and _kind(first) in _COLLECTIONS else found


def _kind(value: dict[str, Any]) -> str | None:
    """Return what an object says it is; of several types the first that is known, for a server may add one of its own."""
    types = [kind for kind in _list(value.get("type")) if isinstance(kind, str)]
    return next((kind for kind in types if kind in _KNOWN), next(iter(types), None))


def _host(address: str) -> str:
    """Return the host of an address, an empty string where it has none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _list(value: Any) -> list[Any]:
    """Return a property as a list: one value stands for a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _id(value: Any) -> str | None:
    """Return the address of an object, which stands itself, in a link or in the object; of several the first."""
    for item in _list(value):
        found = (item.get("id") or item.get("href")) if isinstance(item, dict) else item
        if isinstance(found, str) and found:
            return found
    return None


def _language(value: dict[str, Any]) -> str | None:
    """Return the language that a post states: Mastodon's content map, Lemmy's language."""
    languages = value.get("contentMap")
    if isinstance(languages, dict) and len(languages) == 1:
        return str(next(iter(languages)))
    language = value.get("language")
    found = language.get("identifier") if isinstance(language, dict) else language
    return found if isinstance(found, str) and found != "und" else None
