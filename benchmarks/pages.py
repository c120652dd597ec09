"""Pages whose main content is known, and how much of it an extractor found.

Two sets from the shared folder:

- the help pages of LibreOffice, German and Japanese: their template puts the content into one element, `DisplayArea`;
- pages of the shared web archives whose author marked one element as the main content (`main`, `role="main"`, or a single `article`).

The truth is the text of that element as lxml parses it, without what is not shown (`hidden`, scripts, styles, templates), controls,
and navigation, footers and asides inside it. No extractor under test has a part in it. Tokens are words, and characters in
Japanese and Chinese; a page that an extractor does not return counts as F1 0.
"""

from __future__ import annotations

import gzip
import os
import re
import statistics
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import lxml.html

from pipeline.source import Source
from pipeline.sources import warc
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file

SHARED = Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data" / "web"

_NOT_SHOWN = {"script", "style", "noscript", "template", "head", "button", "input", "select", "textarea"}
_NOT_CONTENT = {"nav", "footer", "aside"}
_INLINE = {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "tt", "u", "var"}  # fmt: skip
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")


class Page(NamedTuple):
    """A page's source and the text of its main content."""

    uri: str
    html: str
    truth: str


class Score(NamedTuple):
    """Mean over the pages, and how many were returned."""

    f1: float
    precision: float
    recall: float
    returned: int


def help_pages() -> list[Page]:
    pages = []
    with tarfile.open(SHARED / "libreoffice_html" / "html.tar.xz") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None and member.name.endswith(".html"):
                html = content.read().decode("utf-8")
                uri = f"http://help.localhost/{member.name}"
                pages.append(
                    Page(uri, html, shown_text(lxml.html.fromstring(html.encode()).get_element_by_id("DisplayArea")))
                )
    return sorted(pages)


def archive_pages() -> list[Page]:
    seen: dict[str, str] = {}
    original = warc.read_page

    def remember(html: str, uri: str | None, extractor: Any) -> Any:
        seen.setdefault(html, uri or "")
        return original(html, uri, extractor)

    warc.read_page = remember
    try:
        for path in sorted((SHARED / "warc_shared").iterdir()):
            if path.suffix not in {".txt", ".json"}:
                for _ in read_file(
                    Source(name="pages", kind="web"),
                    SourceFile("pages", str(path), path.name, path.stat().st_size, "warc"),
                ):
                    pass
    finally:
        warc.read_page = original
    pages = []
    for html, uri in seen.items():
        tree = lxml.html.fromstring(html.encode("utf-8", "replace"))
        mains = tree.xpath("//main|//*[@role='main']") or tree.xpath("//article")
        if len(mains) == 1 and len(text := shown_text(mains[0])) >= 500:
            pages.append(Page(uri, html, text))
    return sorted(pages)


def shown_text(element: Any) -> str:
    parts: list[str] = []

    def walk(node: Any) -> None:
        if not isinstance(node.tag, str) or node.tag in _NOT_SHOWN | _NOT_CONTENT or "hidden" in node.attrib:
            return
        space = "" if node.tag in _INLINE else "\n"
        parts.extend((space, node.text or ""))
        for child in node:
            walk(child)
            parts.append(child.tail or "")
        parts.append(space)

    walk(element)
    return "".join(parts)


def write_archive(pages: list[Page], file: Path) -> None:
    """Write pages as a crawler would: one gzip member a response, with the media type that it identified."""
    with file.open("wb") as stream:
        for number, page in enumerate(pages):
            block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page.html.encode(
                "utf-8", "replace"
            )
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {page.uri}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012d}>\r\nWARC-Identified-Payload-Type: text/html\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
            )
            stream.write(gzip.compress(head.encode() + block + b"\r\n\r\n", 6, mtime=0))


def score(pages: list[Page], texts: dict[str, str]) -> Score:
    found = [_overlap(_tokens(texts.get(page.uri, "")), _tokens(page.truth)) for page in pages]
    f1, precision, recall = (statistics.mean(column) for column in zip(*found, strict=True))
    return Score(f1, precision, recall, sum(page.uri in texts for page in pages))


def _tokens(text: str) -> Counter[str]:
    return Counter(_TOKEN.findall(text.lower()))


def _overlap(found: Counter[str], truth: Counter[str]) -> tuple[float, float, float]:
    common = (found & truth).total()
    precision = common / found.total() if found else 0.0
    recall = common / truth.total() if truth else 1.0
    return (2 * precision * recall / (precision + recall) if common else 0.0), precision, recall
