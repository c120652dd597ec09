"""JATS: the tag set of journals (ANSI/NISO Z39.96), one article a file or a set of them.

An article's text is its title, its abstract and its body in their order, a paragraph a block. Left out unless `jats_include` names them:
captions of figures, tables, acknowledgements, the list of references. Licence, rights holder, DOI, date and language are the article's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.sources.consent import UNSTATED, Terms, stated
from pipeline.sources.dates import parse_date
from pipeline.sources.jsonl import unreadable
from pipeline.sources.plain import read_whole
from pipeline.sources.rows import Record, Tally
from pipeline.sources.xmltree import Element, Refused, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

_BLOCKS = frozenset(
    {"p", "title", "label", "code", "preformat", "verse-line", "attrib", "term", "def", "article-title", "subtitle"}
)
_FIGURES = frozenset(
    {"fig", "fig-group", "media", "supplementary-material", "graphic", "inline-graphic", "chem-struct-wrap"}
)
_TABLES = frozenset({"table-wrap", "table-wrap-group", "table-wrap-foot", "array"})
_NEVER = frozenset(
    {"fn", "fn-group", "tex-math", "object-id", "alt-text", "long-desc", "permissions", "processing-meta", "ref-list"}
)
_INNER = frozenset({"list", "disp-quote", "boxed-text"})
_MOST_LINKS = 20
"""Links of a licence that are looked at."""
_TEASERS = frozenset({"graphical", "teaser", "toc", "precis"})
_DATES = ("epub", "electronic", "pub", "ppub", "print", "collection")
"""Kinds of publication date, the first that is given in full counts."""
_CREATIVE_COMMONS = re.compile(r"https?://creativecommons\.org/\S+?(?=[\s)>\]]|\.?$)")
_NAMED = re.compile(r"Creative Commons [A-Z][\w -]{2,80}?(?:Licen[sc]e|Dedication)\b|Open Government Licen[sc]e\b")


def read_jats(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each article of the file; what articles hold of others (responses, reviews) is counted beside them."""
    whole = read_whole(source, file, tally)
    if whole.finding is not None:
        yield whole
        return
    try:
        root = parse(whole.content)
    except Refused as error:
        whole.finding = unreadable(str(error))
        yield whole
        return
    articles = [root] if root.name == "article" else root.outermost("article")
    if not articles:
        whole.finding = unreadable("no_article")
        yield whole
        return
    tally.records += len(articles) - 1
    for number, article in enumerate(articles):
        for other in [*article.elements("sub-article", "response"), *article.all("article")]:
            tally.records += 1
            tally.pass_over(other.name)
        record = _article(source, article)
        # A set's articles share its bytes: each is told apart by its number in it.
        record.offset = number
        record.content = whole.content if len(articles) == 1 else _flat(article).encode("utf-8", "surrogatepass")
        yield record


def _article(source: Source, article: Element) -> Record:
    """Return the record of an article."""
    meta = article.find("front", "article-meta") or Element("article-meta", {})
    title = _flat(meta.find("title-group", "article-title"), skip=_NEVER | {"xref"})
    doi = next((_flat(e) for e in meta.elements("article-id") if e.attribute("pub-id-type") == "doi"), None)
    blocks = [title]
    for abstract in meta.elements("abstract"):
        if abstract.attribute("abstract-type") not in _TEASERS:
            blocks += _blocks(abstract, source)
    blocks += _blocks(article.find("body"), source)
    back = article.find("back")
    if back is not None and "acknowledgements" in source.jats_include:
        blocks += [block for part in back.elements("ack") for block in _blocks(part, source)]
    if back is not None and "references" in source.jats_include:
        blocks += [_flat(entry) for entry in back.all("ref")]
    language = article.attribute("lang")
    return Record(
        0,
        b"",
        text="\n\n".join(block for block in blocks if block),
        title=title or None,
        uri=f"https://doi.org/{doi}" if doi else None,
        record_id=doi,
        canonical_uri=f"https://doi.org/{doi}" if doi else None,
        published_at=_published(meta),
        language_hint=language.lower() if language and len(language) == 2 else language,
        rights_holder=_rights_holder(meta),
        terms=_terms(meta),
    )


def _blocks(part: Element | None, source: Source) -> list[str]:
    """Return the paragraphs, headings and items of a part in their order, without what is configured out."""
    skip = set(_NEVER)
    skip |= set() if "figures" in source.jats_include else _FIGURES
    skip |= set() if "tables" in source.jats_include else _TABLES
    found = []
    waiting: list[Element] = [part] if part is not None else []
    holders = part.holders("p") if part is not None else set()
    while waiting:
        element = waiting.pop()
        if element.name in skip:
            continue
        if element.name == "tr":
            found.append("\t".join(_flat(cell, skip=skip) for cell in element.elements("td", "th")))
        elif element.name in _BLOCKS:
            # A list or a quotation may stand inside a paragraph: they are blocks of their own, after it.
            inner = [e for e in element.elements() if id(e) in holders or e.name in _INNER]
            found.append(_flat(element, skip, {id(e) for e in inner}))
            waiting += inner[::-1]
        else:
            waiting += element.elements()[::-1]
    return found


def _flat(
    element: Element | None, skip: frozenset[str] | set[str] = _NEVER, without: Collection[int] = frozenset()
) -> str:
    """Return the text of an element in one line; left out are elements of some names, and some by their identity."""
    if element is None:
        return ""
    parts: list[str] = []
    waiting: list[Element | str] = [element]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            parts.append(item)
        elif item is element or (item.name not in skip and id(item) not in without):
            waiting += item.children[::-1]
            if item.name == "break":
                parts.append(" ")
    return " ".join("".join(parts).split())


def _terms(meta: Element) -> Terms:
    """Return the licence: its address, else its name as the article writes it."""
    for licence in (e for p in meta.elements("permissions") for e in p.elements("license")):
        links = [licence.attribute("href"), *(_flat(e) for e in licence.all("license_ref")[:_MOST_LINKS])]
        links += [e.attribute("href") for e in licence.all("ext-link", "uri")[:_MOST_LINKS]]
        text = _flat(licence, skip=frozenset())
        links += _CREATIVE_COMMONS.findall(text)[:_MOST_LINKS]
        named = _NAMED.search(text)
        for link in (*links, named and named[0], text):
            terms = stated(link, "jats:license")
            if terms.license is not None:
                return terms
    return UNSTATED


def _rights_holder(meta: Element) -> str | None:
    """Return who holds the rights, as the article says."""
    permissions = meta.find("permissions") or Element("permissions", {})
    return _flat(permissions.find("copyright-holder")) or _flat(permissions.find("copyright-statement")) or None


def _published(meta: Element) -> datetime | None:
    """Return the date of publication: the first kind that has day, month and year."""
    dates = [(e.attribute("pub-type") or e.attribute("date-type") or "", e) for e in meta.all("pub-date")]
    known = dict(reversed(dates))
    for kind in (*_DATES, *known):
        if kind in known:
            year, month, day = (_flat(known[kind].find(name)) for name in ("year", "month", "day"))
            if year.isdecimal() and month.isdecimal() and day.isdecimal():
                return parse_date(f"{year:0>4}-{month:0>2}-{day:0>2}")
    return None
