"""JSON feeds: each object of a file is sorted into a record or into something else that is counted by kind.

A file holds one object a line, or is one document: an object, or an array of them. An object may be a collection of others. The
objects are counted by line ends or by the arrays' lengths before anyone looks what they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from typing import Any, NamedTuple

from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.jsonl import line_records, parse_json, read_lines, unreadable
from pipeline.sources.lines import Line
from pipeline.sources.plain import read_whole
from pipeline.sources.rows import Record, Tally
from pipeline.sources.streams import Damaged, decompressed
from pipeline.verdict import Finding


class Other(NamedTuple):
    """A unit that is no record.

    Attributes
    ----------
    kind
        What it is, in a word of ours: never a value of the data.
    deletes
        Address of the post or author that it says was deleted.
    """

    kind: str
    deletes: str | None = None


class Collection(NamedTuple):
    """A unit that holds others; it is counted as `kind`, and they as units of their own."""

    kind: str
    items: list[Any]


def one_of(value: Any, names: Container[str]) -> bool:
    """Return whether a value is one of some names; a feed may have a list or an object in its place."""
    return isinstance(value, str) and value in names


Sorter = Callable[[Source, dict[str, Any]], Record | Other | Collection]
"""Says what an object is. A record's offset and content are filled in here."""

_DEEPEST = 4
"""Collections within collections that are opened."""


def read_units(source: Source, file: SourceFile, tally: Tally, sort: Sorter) -> Iterator[Record]:
    """Yield the records of a file of JSON."""
    yield from (_document if is_one_document(source, file) else _by_line)(source, file, tally, sort)


def _by_line(source: Source, file: SourceFile, tally: Tally, sort: Sorter) -> Iterator[Record]:
    """Yield the records of a file of one object a line."""

    def take(source: Source, line: Line, tally: Tally) -> Iterator[Record]:
        yield from line_records(source, line, tally, parse)

    def parse(number: int, content: bytes) -> Iterator[Record]:
        value, finding = parse_json(content)
        if finding is not None:
            yield Record(number, content, finding=finding)
        else:
            yield from _sorted(source, number, content, value, tally, sort)

    yield from read_lines(source, file, tally, take)


def is_one_document(source: Source, file: SourceFile) -> bool:
    """Return whether a file is one JSON document rather than one object a line, by its first two lines."""
    with file.open() as stream:
        try:
            head = next(decompressed(stream, source.max_expansion), b"")
        except Damaged:
            return False
    first, *rest = [line.strip() for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()] or [b""]
    if not first.startswith((b"{", b"[")) or parse_json(first)[1] is None:
        return first.startswith(b"[") and not rest
    # A line that breaks off: of an array or an object over several lines, or a damaged one before others.
    return first.startswith(b"[") or first.endswith((b"[", b"{", b",")) or bool(rest and not rest[0].startswith(b"{"))


def _document(source: Source, file: SourceFile, tally: Tally, sort: Sorter) -> Iterator[Record]:
    """Yield the records of a file that is one document; as large as a record may be, for it is read whole."""
    whole = read_whole(source, file, tally)
    if whole.finding is not None:
        yield whole
        return
    value, finding = parse_json(whole.content.removeprefix(b"\xef\xbb\xbf"))
    if finding is not None and any(isinstance(parse_json(line)[0], dict) for line in whole.content.split(b"\n")):
        # One object a line after all, behind a line that breaks off.
        tally.records, tally.bytes = tally.records - 1, 0
        yield from _by_line(source, file, tally, sort)
    elif finding is not None:
        whole.finding = finding
        yield whole
    elif isinstance(value, list):
        tally.pass_over("array")
        yield from _items(source, None, value, tally, sort, 0)
    else:
        yield from _sorted(source, 0, whole.content, value, tally, sort)


def _items(
    source: Source, number: int | None, items: list[Any], tally: Tally, sort: Sorter, depth: int
) -> Iterator[Record]:
    """Yield the records of a collection; an item's place is its own in a document, and its line's in a file of lines."""
    tally.records += len(items)
    for index, item in enumerate(items):
        content = json.dumps(item, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode(
            "utf-8", "surrogatepass"
        )
        yield from _sorted(source, index if number is None else number, content, item, tally, sort, depth + 1)


def _sorted(
    source: Source, number: int, content: bytes, value: Any, tally: Tally, sort: Sorter, depth: int = 0
) -> Iterator[Record]:
    """Yield the record of an object, or count what else it is."""
    if isinstance(value, str) and depth:
        tally.pass_over("reference")
        return
    if not isinstance(value, dict):
        yield Record(number, content, finding=unreadable("not_an_object"))
        return
    try:
        found = sort(source, value)
    except Exception as error:  # noqa: BLE001 - one object must not stop the file; it becomes a failed row
        yield Record(number, content, finding=Finding("ingest.failed@1", evidence=type(error).__name__))
        return
    if isinstance(found, Collection):
        if depth >= _DEEPEST:
            yield Record(number, content, finding=unreadable("nested_too_deep"))
            return
        tally.pass_over(found.kind)
        yield from _items(source, None if depth == 0 and number == 0 else number, found.items, tally, sort, depth)
    elif isinstance(found, Other):
        tally.pass_over(found.kind)
        if found.deletes:
            tally.deleted.add(found.deletes)
    else:
        found.offset, found.content = number, content
        deletes = found.finding is not None and found.finding.reason == "ingest.deleted@1"
        if deletes and found.post is not None:
            tally.deleted.add(found.post.address)
        yield found
