"""What a page says of itself in its head: language, its own address, when it was published. Hints, each checked for its form."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from pipeline.sources.dates import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pipeline.sources.tags import Tag

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_PUBLISHED = (
    "article:published_time",
    "datepublished",
    "dcterms.issued",
    "dc.date.issued",
    "dcterms.created",
    "dc.date",
    "date",
    "og:published_time",
    "pubdate",
)
"""Names under which a page's meta tags give the date of publication, the most definite one first."""
_JSON_LD = re.compile(r'"datePublished"\s{0,20}:\s{0,20}"([^"\\<>]{4,40})"')
_LINK = re.compile(r"<([^<>]*)>[^,<]*?;\s*rel\s*=\s*\"?[^\";,<]*\bcanonical\b", re.IGNORECASE)
_LONGEST = 4_096
_SLACK = timedelta(days=1)
"""A page cannot be published after it was fetched, but for time zones that were left out."""


class Facts(NamedTuple):
    """What a page states; None where it does not, or not in a form that can be read."""

    title: str | None = None
    language: str | None = None
    canonical: str | None = None
    published_at: datetime | None = None


def page_facts(found: Iterable[Tag], page: str, title: str | None, uri: str | None) -> Facts:
    """Return what a page's tags state; `title` is that of its title element.

    Parameters
    ----------
    uri
        Where the page was fetched: relative addresses start there, unless it names a base itself.
    """
    language = canonical = shared = None
    metas: dict[str, str] = {}
    for tag in found:
        if tag.name == "html":
            language = language or language_tag(tag.get("lang") or tag.get("xml:lang"))
        elif tag.name == "link" and canonical is None and "canonical" in tag.get("rel").lower().split():
            canonical = tag.get("href")
        elif tag.name == "meta":
            name = tag.get("name") or tag.get("property") or tag.get("itemprop") or tag.get("http-equiv")
            metas.setdefault(name.lower(), tag.get("content"))
        elif tag.name == "time" and tag.get("itemprop").lower() == "datepublished":
            metas.setdefault("datepublished", tag.get("datetime"))
    language = language or language_tag(metas.get("content-language", ""))
    shared = metas.get("og:url")
    return Facts(
        " ".join((title or metas.get("og:title") or "").split())[:_LONGEST] or None,
        language,
        address(canonical, uri) or address(shared, uri),
        _published(metas, page),
    )


def language_tag(value: str) -> str | None:
    """Return a language tag in BCP 47's spelling; None for what is none, or names several.

    >>> language_tag("EN_us"), language_tag("zh-hant-tw"), language_tag("de, en"), language_tag("english")
    ('en-US', 'zh-Hant-TW', None, None)
    """
    value = value.strip()
    if not _LANGUAGE.fullmatch(value):
        return None
    first, *rest = value.replace("_", "-").lower().split("-")
    spelt = [
        part.upper() if len(part) == 2 else part.title() if len(part) == 4 and part.isalpha() else part for part in rest
    ]
    return None if first in {"und", "mul", "zxx"} else "-".join([first, *spelt])


def address(value: str | None, uri: str | None) -> str | None:
    """Return an absolute web address without a fragment, or None."""
    if not value or len(value) > _LONGEST or any(c.isspace() or not c.isprintable() for c in value):
        return None
    try:
        whole = urljoin(uri or "", value).partition("#")[0]
        parts = urlsplit(whole)
        host = parts.hostname
    except ValueError:
        return None
    return whole if parts.scheme in {"http", "https"} and host and not parts.username else None


def canonical_link(header: str, uri: str | None) -> str | None:
    """Return the address that a response's `Link` header gives as the page's own."""
    match = _LINK.search(header[:_LONGEST])
    return address(match[1].strip(), uri) if match else None


def not_after(published_at: datetime | None, fetched_at: datetime | None) -> datetime | None:
    """Return a date of publication unless it lies after the page was fetched: then it is something else."""
    late = published_at is not None and fetched_at is not None and published_at > fetched_at + _SLACK
    return None if late else published_at


def _published(metas: dict[str, str], page: str) -> datetime | None:
    """Return the most definite date of publication that can be read."""
    for name in _PUBLISHED[:2]:
        if (moment := parse_date(metas.get(name))) is not None:
            return moment
    match = _JSON_LD.search(page)
    if match and (moment := parse_date(match[1])) is not None:
        return moment
    return next((moment for name in _PUBLISHED[2:] if (moment := parse_date(metas.get(name))) is not None), None)
