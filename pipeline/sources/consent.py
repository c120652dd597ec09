"""What a publisher says of the use of a text: opted out, allowed by a licence, or nothing.

Read are the signals that a record carries itself: wishes (`wishes.py`) and licences: ``<link rel="license">`` and ``<a rel="license">``
(HTML, "rel=license"), the HTTP ``Link`` header, a field of the record.

A wish for which the source's policy rejects wins over a licence. A wish that is addressed to one named robot is honoured too:
whoever says "noai" to one means it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipeline import spdx
from pipeline.sources.tags import tags, without_comments
from pipeline.sources.wishes import Wish, decisive, of_headers, of_tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.source import ConsentPolicy
    from pipeline.sources.tags import Tag

Consent = Literal["allowed", "unknown", "opted_out"]

_LINK = re.compile(r"<([^<>]*)>[^,<]*?;\s*rel\s*=\s*\"?[^\";,]*\blicense\b", re.IGNORECASE)
_CREATIVE_COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses/(?P<kind>by(?:-nc)?(?:-nd|-sa)?)/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,3}))?"
    r"|publicdomain/(?P<domain>zero|mark)/1\.0)(?:/(?:legalcode|deed)?(?:\.[a-z_-]+)?)?/?",
    re.IGNORECASE,
)
_UNSTATED = {"", "none", "null", "unknown", "noassertion", "n/a", "other", "unspecified"}
_RESERVED = re.compile(r"all rights reserved|proprietary|licenseref-proprietary", re.IGNORECASE)
_LONGEST = 256
"""Characters of a licence's name or address; what is longer is a licence's text, not its name."""


class Terms(NamedTuple):
    """What is known of the use of a record.

    Attributes
    ----------
    consent
        ``allowed``, ``unknown`` or ``opted_out``.
    evidence
        Where it was read, e.g. ``header:x-robots-tag``; None where nothing was found.
    license
        SPDX identifier or expression, or the licence's own address; None where none is stated.
    wishes
        What the publisher asks for; `judged` says what follows.
    """

    consent: Consent = "unknown"
    evidence: str | None = None
    license: str | None = None
    wishes: tuple[Wish, ...] = ()


UNSTATED = Terms()
"""Nothing is known."""


def from_headers(headers: list[tuple[str, str]]) -> Terms:
    """Return what HTTP headers say."""
    terms = UNSTATED
    for name, value in headers:
        if name.lower() == "link" and (match := _LINK.search(value)):
            terms = stated(match[1], "header:link")
    return terms._replace(wishes=tuple(of_headers(headers)))


def from_html(page: str) -> Terms:
    """Return what a page's source says; in doubt (a tag inside a script) a wish is honoured."""
    return from_tags(tags(without_comments(page)))


def from_tags(found: Iterable[Tag]) -> Terms:
    """Return what a page's tags say."""
    terms = UNSTATED
    wishes: list[Wish] = []
    for tag in found:
        if tag.name == "meta":
            wishes += of_tag(tag)
        elif terms.license is None and tag.name in {"a", "link"} and "license" in tag.get("rel").lower().split():
            terms = stated(tag.get("href"), f"{tag.name}:rel-license")
    return terms._replace(wishes=tuple(wishes))


def judged(terms: Terms, policy: ConsentPolicy) -> Terms:
    """Return terms as the source's policy takes them: opted out where it rejects for one of the wishes, else as they are."""
    wish = decisive(terms.wishes, policy)
    return terms if wish is None else terms._replace(consent="opted_out", evidence=wish.place)


def stated(license_name: object, place: str) -> Terms:
    """Return what a licence stated at a place allows; "all rights reserved" is a statement, but no permission.

    A name that SPDX does not list is kept, and the place says so: ``field:license:unlisted``. An address is no name.
    """
    name = license_identifier(license_name)
    if name is None:
        return UNSTATED
    if "://" not in name and spdx.expression(name) is None:
        place = f"{place}:unlisted"
    return Terms("unknown" if _RESERVED.search(name) else "allowed", place, name)


def combine(*terms: Terms) -> Terms:
    """Return the strongest of several: an opt-out, else the first licence, else nothing; with the wishes of all."""
    wishes = tuple(wish for item in terms for wish in item.wishes)
    out = next((item for item in terms if item.consent == "opted_out"), None)
    first = out or next((item for item in terms if item.license is not None), UNSTATED)
    return first._replace(wishes=wishes)


def license_identifier(value: object) -> str | None:
    """Return a licence's SPDX identifier or expression, also for the address of a Creative Commons one; else what is stated.

    >>> license_identifier("https://creativecommons.org/licenses/by-sa/4.0/deed.de")
    'CC-BY-SA-4.0'
    """
    if not isinstance(value, str):
        return None
    name = " ".join(value.split())
    if name.lower() in _UNSTATED or len(name) > _LONGEST:
        return None
    match = _CREATIVE_COMMONS.fullmatch(name)
    if match is None:
        return name if "://" in name else spdx.expression(name) or name
    if match["domain"]:
        return "CC0-1.0" if match["domain"].lower() == "zero" else "CC-PDM-1.0"
    # SPDX knows only some of the ported 3.0 licences ("CC-BY-3.0-DE"); a port that it does not know keeps its address.
    port = (match["port"] or "").upper()
    if port and (match["version"] != "3.0" or port not in {"AT", "AU", "DE", "IGO", "NL", "US"}):
        return name
    return f"CC-{match['kind'].upper()}-{match['version']}" + (f"-{port}" if port else "")
