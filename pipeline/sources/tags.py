"""Tags of a page's source, found without parsing the page: linear in its size, whatever it holds."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = re.compile(r"<(html|meta|link)\s([^<>]{1,2000})>", re.IGNORECASE)
_ALL = re.compile(r"<(html|meta|link|a|time)\s([^<>]{1,2000})>", re.IGNORECASE)
_RARE = ("license", "License", "LICENSE", "datePublished", "datepublished", "DATEPUBLISHED")
"""Why a link or a time in a page's body would be looked at, as it is written; most pages have none, and their links are not taken
apart. A search that ignores case takes a hundred times as long."""


_ATTRIBUTE = re.compile(r"(?<![\w:-])([\w:-]++)\s*+=\s*+(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")
"""Begins only where a name begins and gives nothing back: a flood of names without values is read once."""


class Tag(NamedTuple):
    """A tag's name and its attributes, in lower case; values as they are meant, without entities."""

    name: str
    attributes: dict[str, str]

    def get(self, name: str) -> str:
        """Return an attribute's value without the space around it; an empty string where it is absent."""
        return self.attributes.get(name, "").strip()


def tags(page: str) -> Iterator[Tag]:
    """Yield the tags of a page that may say something of it, in order; of an attribute that is given twice the first counts."""
    pattern = _ALL if any(word in page for word in _RARE) else _HEAD
    for match in pattern.finditer(page):
        name, inside = match[1].lower(), match[2]
        if name in {"a", "time"} and not any(word in inside for word in _RARE):
            continue
        attributes: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(inside):
            value = found[2].strip("\"'")
            attributes.setdefault(found[1].lower(), html.unescape(value) if "&" in value else value)
        yield Tag(name, attributes)


def without_comments(page: str) -> str:
    """Return a page without its comments; an open one hides the rest (a search, for a pattern backtracks over open ones)."""
    start = page.find("<!--")
    if start < 0:
        return page
    parts, place = [], 0
    while start >= 0:
        parts.append(page[place:start])
        end = page.find("-->", start + 4)
        if end < 0:
            return "".join(parts)
        place = end + 3
        start = page.find("<!--", place)
    return "".join([*parts, page[place:]])
