"""JSON Lines: one object a line, read by bytes so that a bad line fails alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from pipeline.sources.consent import stated
from pipeline.sources.dates import parse_date
from pipeline.sources.lines import FileLines, Line
from pipeline.sources.rows import Post, Record, Tally
from pipeline.text.handles import without_handles
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

    LineReader = Callable[[Source, Line, Tally], Iterator[Record]]

_BOM = b"\xef\xbb\xbf"


def read_jsonl(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each line that is not blank."""
    yield from read_lines(source, file, tally, _record)


def read_lines(source: Source, file: SourceFile, tally: Tally, take: LineReader) -> Iterator[Record]:
    """Yield what `take` makes of each line.

    A compressed file that breaks off keeps the records before the break; the rest is one failed record.
    """
    lines, number = FileLines(source, file, tally), 0
    for line in lines:
        number = line.number + 1
        yield from take(source, line, tally)
    if lines.damage is not None and lines.open is not None:
        yield Record(number, lines.open.content, finding=lines.damage, digest=lines.open.digest)
    elif lines.damage is not None:
        yield Record(number, b"", finding=lines.damage, digest=tally.file_digest(file))


def _record(source: Source, line: Line, tally: Tally) -> Iterator[Record]:
    """Yield the line's record."""

    def parse(number: int, content: bytes) -> Iterator[Record]:
        record = parse_line(source, number, content)
        if record.post is not None and record.finding is not None and record.finding.reason == "ingest.deleted@1":
            tally.deleted.add(record.post.address)
        yield record

    yield from line_records(source, line, tally, parse)


def line_records(
    source: Source, line: Line, tally: Tally, parse: Callable[[int, bytes], Iterator[Record]]
) -> Iterator[Record]:
    """Yield the records of a line; nothing for a blank line, which the tally takes out of the records again."""
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
        yield from parse(line.number, content)
    except Exception as error:  # noqa: BLE001 - one line must not stop the file; it becomes a failed row
        yield Record(line.number, content, finding=Finding("ingest.failed@1", evidence=type(error).__name__))


def parse_line(source: Source, number: int, content: bytes) -> Record:
    """Return the record of a line."""
    value, finding = parse_json(content)
    if finding is not None:
        return Record(number, content, finding=finding)
    if not isinstance(value, dict):
        return Record(number, content, finding=unreadable("not_an_object"))
    return record_of(source, number, content, value)


def record_of(source: Source, number: int, content: bytes, value: dict[str, Any]) -> Record:
    """Return the record of an object, its fields found by the names that the source's settings give."""
    text = field_of(value, source.text_field)
    record = Record(
        number,
        content,
        uri=name_of(field_of(value, source.uri_field)),
        record_id=name_of(field_of(value, source.id_field)),
        fetched_at=parse_date(field_of(value, source.date_field)),
        published_at=parse_date(field_of(value, source.published_field)),
        rights_holder=name_of(field_of(value, source.rights_holder_field)),
        agreement=name_of(field_of(value, source.agreement_field)),
        terms=stated(field_of(value, source.license_field), "field:license"),
        post=_post(source, value),
    )
    title, language = (field_of(value, name) for name in (source.title_field, source.language_field))
    record.title = title if isinstance(title, str) else None
    record.language_hint = language if isinstance(language, str) else None
    if record.post is not None and source.deleted_field and field_of(value, source.deleted_field):
        record.finding = Finding("ingest.deleted@1", evidence="field:deleted")
    elif isinstance(text, str):
        record.text = without_handles(text, _authors(source, value)) if source.author_field else text
    elif text is not None:
        record.finding = unreadable("text_not_string")
    return record


def _post(source: Source, value: dict[str, Any]) -> Post | None:
    """Return what makes a record a post, where the source's settings name a field of posts and the record has an id."""
    named = (source.author_field, source.reply_to_field, source.thread_field)
    address = name_of(field_of(value, source.id_field)) or name_of(field_of(value, source.uri_field))
    if address is None or not any((*named, source.updated_field, source.deleted_field)):
        return None
    author, reply_to, thread = (name_of(field_of(value, name)) if name else None for name in named)
    moment = field_of(value, source.updated_field or source.date_field)
    return Post(address, author and f"author:{author}", reply_to, thread, parse_date(moment))


def _authors(source: Source, value: dict[str, Any]) -> list[str]:
    """Return the author's name, which is no part of a text."""
    author = name_of(field_of(value, source.author_field or ""))
    return [author] if author else []


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


def parse_json(content: bytes) -> tuple[Any, Finding | None]:
    """Return a value, or what is wrong with its bytes."""
    try:
        return from_json(content), None
    except ValueError:
        return _parse_leniently(content)


def _parse_leniently(content: bytes) -> tuple[Any, Finding | None]:
    """Parse what the fast parser refused: escaped lone surrogates and long numbers are legal JSON; tell what is wrong else."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None, Finding("ingest.undecodable_text@1", evidence="utf-8")
    try:
        return json.loads(text), None
    except (ValueError, RecursionError) as error:
        return None, unreadable(type(error).__name__)


def unreadable(evidence: str) -> Finding:
    """Return the finding of a line that is not what it should be."""
    return Finding("ingest.unreadable_record@1", evidence=evidence)


def name_of(value: object) -> str | None:
    """Return an address or id as a string; numbers are ids too."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
