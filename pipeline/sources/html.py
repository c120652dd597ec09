"""A page's main content and what it says of its use."""

from __future__ import annotations

import re
from typing import NamedTuple

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pipeline.sources.consent import Terms, from_html

MIN_MAIN_SHARE = 0.05
"""If the main content is less than this share of the whole text, the heuristics missed it, and the whole is taken. Seen on old
table layouts, which have no element that says "main"."""


MAX_DEPTH = 512
"""Nesting of div and article up to which the main content is looked for: its cost grows with the square of it (4,000 deep: 1.5 s).
Browsers stop at 512 as well (HTML, section 13.2.6, names such limits; Blink and Gecko share this one)."""

_NESTING = re.compile(r"<(/?)(?:div|article)\b", re.IGNORECASE)


class Page(NamedTuple):
    """A page's text and the terms that it states."""

    text: str
    terms: Terms


def read_page(html: str) -> Page:
    """Return the main content of a page as plain text with its paragraphs, lists and preformatted blocks.

    Boilerplate (navigation, footers, forms, hidden elements) is left out by resiliparse's rules, the extractor of DCLM
    ("DataComp-LM", 2024, section 4.2: as good for the resulting model as trafilatura, and eight times as fast).
    """
    tree = HTMLTree.parse(html)
    main = "" if _depth(html) > MAX_DEPTH else _extract(tree, main_content=True)
    if len(main) < MIN_MAIN_SHARE * len(html):
        whole = _extract(tree, main_content=False)
        if len(main) < MIN_MAIN_SHARE * len(whole):
            main = whole
    return Page(main, from_html(html))


def _extract(tree: HTMLTree, main_content: bool) -> str:
    """Return the text of a page or of its main content; a no-break space of HTML is layout, and breaks words for no one."""
    text: str = extract_plain_text(tree, preserve_formatting=True, main_content=main_content, alt_texts=False)
    return text.replace("\u00a0", " ")


def _depth(html: str) -> int:
    """Return how deep div and article are nested, at most."""
    deepest = depth = 0
    for match in _NESTING.finditer(html):
        depth = max(depth - 1, 0) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest
