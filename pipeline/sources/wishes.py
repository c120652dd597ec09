"""A publisher's wishes as a crawl records them, each with the place where it was read; what follows is the source's policy.

| wish | said by |
|---|---|
| `noai`, `noimageai`, `noindex` | `X-Robots-Tag`, robots meta tags (`none` means `noindex`); to one named robot or to all |
| `tdm_reservation` | `tdm-reservation: 1`, header or meta (TDM Reservation Protocol, W3C community group report, 2024) |
| `tdm_policy` | `tdm-policy`, the address of the terms on which the reserved use may be had |
| `ai_train`, `ai_input` | `Content-Signal: ai-train=no, ai-input=no` (contentsignals.org, 2025); `Content-Usage: train-ai=n` (IETF aipref drafts) |
| `robots_txt` | the snapshot of the site's robots.txt forbids the address to one of the robots that the source names |
| `do_not_crawl` | the source's own list names the address or its host |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, get_args

from pipeline.source import WishName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.source import ConsentPolicy
    from pipeline.sources.tags import Tag

_ROBOTS = re.compile(r"[\w-]*bots?")
_SPLIT = re.compile(r"[\s,:;]+")
_SIGNAL = re.compile(r"([\w-]+)\s*=\s*([\w-]+)")
_REFUSED = {
    ("ai-train", "no"): "ai_train",
    ("ai-input", "no"): "ai_input",
    ("train-ai", "n"): "ai_train",
    ("ai-use", "n"): "ai_input",
}
_LONGEST = 4_096
WISHES: tuple[WishName, ...] = get_args(WishName)


class Wish(NamedTuple):
    """What a publisher asks for, and where that was read."""

    name: WishName
    place: str


def of_headers(headers: Iterable[tuple[str, str]]) -> list[Wish]:
    """Return what HTTP headers ask for."""
    found: list[Wish] = []
    for key, value in headers:
        name = key.lower()
        if name == "x-robots-tag":
            found += _directives(value, "header:x-robots-tag")
        elif name in {"tdm-reservation", "tdm-policy"}:
            found += _tdm(name, value, f"header:{name}")
        elif name in {"content-signal", "content-usage"}:
            found += refused(value, f"header:{name}")
    return found


def of_tag(tag: Tag) -> list[Wish]:
    """Return what a meta tag asks for."""
    name, content = tag.get("name").lower(), tag.get("content")
    if _ROBOTS.fullmatch(name):
        return _directives(content, "meta:robots")
    if name in {"tdm-reservation", "tdm-policy"}:
        return _tdm(name, content, f"meta:{name}")
    return []


def refused(value: str, place: str) -> list[Wish]:
    """Return the uses that a content signal refuses."""
    pairs = {(match[1].lower(), match[2].lower()) for match in _SIGNAL.finditer(value[:_LONGEST])}
    names = {_REFUSED[pair] for pair in pairs & _REFUSED.keys()}
    return [Wish(name, place) for name in WISHES if name in names]


def written(wishes: Iterable[Wish]) -> str | None:
    """Return wishes as the column `consent_signals` holds them: ``noindex@meta:robots``, by name, each once; None for none.

    >>> written([Wish("noindex", "meta:robots"), Wish("noai", "meta:robots"), Wish("noindex", "meta:robots")])
    'noai@meta:robots,noindex@meta:robots'
    """
    return ",".join(sorted({f"{wish.name}@{wish.place}" for wish in wishes})) or None


def decisive(wishes: Iterable[Wish], policy: ConsentPolicy) -> Wish | None:
    """Return the first wish for which the source's policy rejects a record."""
    return next((wish for wish in wishes if policy.of(wish.name) == "reject"), None)


def _directives(value: str, place: str) -> list[Wish]:
    """Return the wishes among robots directives."""
    words = set(_SPLIT.split(value[:_LONGEST].lower()))
    names = words & {"noai", "noimageai", "noindex"} | ({"noindex"} if "none" in words else set())
    return [Wish(name, place) for name in WISHES if name in names]


def _tdm(name: str, value: str, place: str) -> list[Wish]:
    """Return the wish of a field of the TDM Reservation Protocol."""
    if name == "tdm-policy":
        return [Wish("tdm_policy", place)] if value.strip() else []
    return [Wish("tdm_reservation", place)] if value.strip() == "1" else []
