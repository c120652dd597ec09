"""JSON Lines: one object a line, read by bytes so that a bad line fails alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from pipeline.sources.consent import stated
from pipeline.sources.dates import parse_date
from pipeline.sources.rows import Record, Tally
from pipeline.sources.streams import Damaged, Line, LineSplitter, decompressed
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

_BOM = b"\xef\xbb\xbf"


def read_jsonl(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each line that is not blank.

    The tally's lines are counted as line ends in the blocks, before they are split. A compressed file that breaks off keeps the
    records before the break; the rest is one failed record.
    """
    splitter = LineSplitter(source.max_record_bytes)
    last = b"\n"
    damage, number = None, 0
    with file.open() as stream:
        blocks = decompressed(stream)
        while True:
            try:
                block = next(blocks, b"")
            except Damaged as error:
                damage = str(error)
                break
            if not block:
                break
            tally.bytes += len(block)
            tally.records += block.count(b"\n")
            last = block[-1:]
            for line in splitter.feed(block):
                number = line.number + 1
                yield from _record(source, line, tally)
    if damage is not None:
        # The open line is part of what is lost.
        tally.records += 1
        rest = list(splitter.finish())
        lost = Finding("ingest.truncated_record@1", evidence=damage)
        if rest:
            yield Record(number, rest[0].content, finding=lost, digest=rest[0].digest)
        else:
            yield Record(number, b"", finding=lost, digest=file.sha256())
        return
    if last != b"\n":
        tally.records += 1
    for line in splitter.finish():
        yield from _record(source, line, tally)


def _record(source: Source, line: Line, tally: Tally) -> Iterator[Record]:
    """Yield the line's record; nothing for a blank line, which the tally takes out of the records again."""
    content = line.content.removesuffix(b"\r")
    if line.number == 0:
        content = content.removeprefix(_BOM)
    if line.digest is None and not content.strip():
        tally.records -= 1
        tally.other += 1
        return
    if line.digest is not None:
        large = Finding("ingest.record_too_large@1", line.size, source.max_record_bytes)
        yield Record(line.number, b"", finding=large, digest=line.digest, size=line.size)
        return
    try:
        yield parse_line(source, line.number, content)
    except Exception as error:  # noqa: BLE001 - one line must not stop the file; it becomes a failed row
        yield Record(line.number, content, finding=Finding("ingest.failed@1", evidence=type(error).__name__))


def parse_line(source: Source, number: int, content: bytes) -> Record:
    """Return the record of a line."""
    try:
        value = from_json(content)
    except ValueError:
        value, finding = _parse_leniently(content)
        if finding is not None:
            return Record(number, content, finding=finding)
    if not isinstance(value, dict):
        return Record(number, content, finding=_unreadable("not_an_object"))
    text = field_of(value, source.text_field)
    record = Record(
        number,
        content,
        uri=_name(field_of(value, source.uri_field)),
        record_id=_name(field_of(value, source.id_field)),
        fetched_at=parse_date(field_of(value, source.date_field)),
        terms=stated(field_of(value, source.license_field), "field:license"),
    )
    if isinstance(text, str):
        record.text = text
    elif text is not None:
        record.finding = _unreadable("text_not_string")
    return record


def field_of(value: dict[str, Any], name: str) -> Any:
    """Return a field by its name, or by a dotted path into nested objects ("commit.record.text"); None where it is absent."""
    if name in value or "." not in name:
        return value.get(name)
    place: Any = value
    for part in name.split("."):
        if not isinstance(place, dict):
            return None
        place = place.get(part)
    return place


def _parse_leniently(content: bytes) -> tuple[Any, Finding | None]:
    """Parse what the fast parser refused: escaped lone surrogates and long numbers are legal JSON; tell what is wrong else."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None, Finding("ingest.undecodable_text@1", evidence="utf-8")
    try:
        return json.loads(text), None
    except (ValueError, RecursionError) as error:
        return None, _unreadable(type(error).__name__)


def _unreadable(evidence: str) -> Finding:
    """Return the finding of a line that is not what it should be."""
    return Finding("ingest.unreadable_record@1", evidence=evidence)


def _name(value: object) -> str | None:
    """Return an address or id as a string; numbers are ids too."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
