"""A page's main content, what it says of itself and what it says of its use."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pipeline.sources.consent import Terms, from_tags
from pipeline.sources.facts import Facts, page_facts
from pipeline.sources.tags import tags, without_comments

if TYPE_CHECKING:
    from pipeline.source import Extractor

MIN_MAIN_SHARE = 0.05
"""If the main content is less than this share of the whole text, the heuristics missed it, and the whole is taken. Seen on old
table layouts, which have no element that says "main"."""


MAX_DEPTH = 512
"""Nesting of div and article up to which the main content is looked for: its cost grows with the square of it (4,000 deep: 1.5 s).
Browsers stop at 512 as well (HTML, section 13.2.6, names such limits; Blink and Gecko share this one)."""

MAX_TRAFILATURA_CHARACTERS = 5_000_000
"""Longer pages go to resiliparse: trafilatura's cost for a character is many times as high."""

_NESTING = re.compile(r"<(/?)(?:div|article)\b", re.IGNORECASE)


class Page(NamedTuple):
    """A page's text, the terms that it states and its facts."""

    text: str
    terms: Terms
    facts: Facts


def read_page(html: str, uri: str | None = None, extractor: Extractor = "resiliparse") -> Page:
    """Return the main content of a page as plain text with its paragraphs, lists and preformatted blocks.

    Boilerplate (navigation, footers, forms, hidden elements) is left out by the rules of resiliparse (the extractor of DCLM,
    "DataComp-LM", 2024, section 4.2) or trafilatura (that of FineWeb). `python -m benchmarks.extraction` compares them.
    """
    tree = HTMLTree.parse(html)
    main = "" if _depth(html) > MAX_DEPTH else _main(html, tree, extractor)
    if len(main) < MIN_MAIN_SHARE * len(html):
        whole = _extract(tree, main_content=False)
        if len(main) < MIN_MAIN_SHARE * len(whole):
            main = whole
    visible = without_comments(html)
    found = list(tags(visible))
    return Page(main, from_tags(found), page_facts(found, visible, tree.title, uri))


def _main(html: str, tree: HTMLTree, extractor: Extractor) -> str:
    """Return a page's main content by an extractor; an empty string where it finds none."""
    if extractor == "trafilatura" and len(html) <= MAX_TRAFILATURA_CHARACTERS:
        return _by_trafilatura(html)
    return _extract(tree, main_content=True)


def _extract(tree: HTMLTree, main_content: bool) -> str:
    """Return the text of a page or of its main content; a no-break space of HTML is layout, and breaks words for no one."""
    text: str = extract_plain_text(tree, preserve_formatting=True, main_content=main_content, alt_texts=False)
    return text.replace("\u00a0", " ")


def _by_trafilatura(html: str) -> str:
    """Return the main content by trafilatura, without its deduplication: that remembers earlier pages, so the order would decide."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it says of a page may quote it
    text = trafilatura.extract(html, include_comments=False, deduplicate=False)
    return (text or "").replace("\u00a0", " ")


def _depth(html: str) -> int:
    """Return how deep div and article are nested, at most; 0 where there are too few of them to matter."""
    if sum(html.count(start) for start in ("<d", "<D", "<a", "<A")) <= MAX_DEPTH:
        return 0
    deepest = depth = 0
    for match in _NESTING.finditer(html):
        depth = max(depth - 1, 0) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest
