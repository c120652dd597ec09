"""Parquet: one record a row, read a row group at a time; a damaged row group costs its own rows only.

Only the columns that the source's settings name are read. A row's raw content is those fields, so its digest and id do not depend
on the file's layout, compression or other columns.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import SluiceError
from pipeline.sources.consent import stated
from pipeline.sources.dates import parse_date
from pipeline.sources.pages import Group, read_footer
from pipeline.sources.rowgroups import ROW_BYTES, Columns, Contradiction, Reading, TooMuch, allowed_bytes, plan_group
from pipeline.sources.rows import Record, Tally
from pipeline.sources.streams import BLOCK
from pipeline.sources.thrift import Malformed
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile, SourceStream

_DAMAGE = (pa.ArrowException, OSError, ValueError, IndexError, KeyError, TypeError, NotImplementedError, OverflowError)
"""What pyarrow raises on damaged files; `SourceUnavailable` is none of them."""


def read_parquet(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each row that the file's footer counts.

    A file whose footer cannot be read, or counts less than nothing, is one failed record.
    """
    part = file.part
    tally.bytes = part.end - part.start if part else file.size
    with file.open() as stream:
        try:
            parquet = _opened(stream)
            groups = read_footer(stream, file.size)
            reading = Reading(source, file, stream, parquet, _columns(parquet, source), tally)
        except Malformed as error:
            damage = str(error)
        except _DAMAGE as error:
            damage = type(error).__name__
        else:
            for group in groups[part.first : part.first + part.units] if part else groups:
                yield from _row_group(reading, group)
            return
        tally.records += 1
        lost = Finding("ingest.unreadable_record@1", evidence=damage)
        yield Record(0, b"", finding=lost, digest=tally.file_digest(file))


def _opened(stream: SourceStream) -> Any:
    """Open a Parquet file so that a column is read in pieces, not at once."""
    return pq.ParquetFile(
        pa.PythonFile(stream, mode="r"),
        page_checksum_verification=True,
        pre_buffer=False,
        buffer_size=BLOCK,
    )


def _row_group(reading: Reading, group: Group) -> Iterator[Record]:
    """Yield a row group's records; those that cannot be reached fail one by one, as many as the footer counts.

    A footer that counts more rows than the group's bytes could hold under the source's limit, or other rows than its pages, is not
    believed: all that was not read is one failed record.
    """
    tally, done, countable = reading.tally, 0, True
    tally.records += group.rows
    finding = Finding("ingest.unreadable_record@1", evidence="MissingRows")
    allowed = allowed_bytes(reading, group)
    try:
        for record in _read_group(reading, group, allowed):
            yield record
            done += 1
    except TooMuch:
        finding, countable = Finding("ingest.expansion_limit@1", group.rows, reading.source.max_expansion), False
    except Malformed as error:
        finding, countable = finding._replace(evidence=str(error)), not isinstance(error, Contradiction)
    except (SluiceError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - pyarrow raises many classes on damaged pages; the group's rows fail, not the file
        finding = finding._replace(evidence=type(error).__name__)
    missing = group.rows - done
    if missing * ROW_BYTES > allowed or not countable:
        tally.records += 1 - missing
        missing = 1
    for row in range(group.first + done, group.first + done + missing):
        # Nothing of these rows is known; the file's content and their number stand for them.
        lost = hashlib.sha256(f"{tally.file_digest(reading.file)}:{row}".encode()).hexdigest()
        yield Record(row, b"", finding=finding, digest=lost)


def _read_group(reading: Reading, group: Group, allowed: int) -> Iterator[Record]:
    """Yield the records of a row group that can be reached.

    Raises
    ------
    TooMuch
        Where they hold more bytes than are allowed, a value that stands in many rows counting in each.
    """
    batch_rows = plan_group(reading, group, allowed)
    paths = reading.columns.paths
    row = group.first
    for batch in reading.parquet.iter_batches(batch_rows, row_groups=[group.number], columns=paths, use_threads=False):
        for record in _records(reading.source, batch, reading.columns, row):
            allowed -= ROW_BYTES + (record.size or len(record.content))
            if allowed < 0 or record.offset >= group.first + group.rows:
                raise TooMuch
            yield record
        row += batch.num_rows


def _wanted(source: Source) -> dict[str, str]:
    """Return the name of the field that plays each role, in the order that `_record` takes them."""
    return {
        "text": source.text_field,
        "id": source.id_field,
        "uri": source.uri_field,
        "license": source.license_field,
        "date": source.date_field,
        "title": source.title_field,
        "language": source.language_field,
        "published": source.published_field,
        "rights_holder": source.rights_holder_field,
        "agreement": source.agreement_field,
    }


def _columns(parquet: Any, source: Source) -> Columns:
    """Return what to read of a file."""
    leaves = [parquet.schema.column(number) for number in range(len(parquet.schema))]
    names = set(parquet.schema_arrow.names)
    found = Columns({}, [], set())
    for role, name in _wanted(source).items():
        outer = name if name in names else name.split(".")[0]
        if outer not in names:
            continue
        found.outer[role] = outer
        mine = [leaf for leaf in leaves if f"{leaf.path}.".startswith(f"{name}.")]
        single = [leaf.path for leaf in mine if leaf.max_repetition_level == 0]
        if mine and not single:
            found.lists.add(role)
        found.paths.extend(path for path in single if path not in found.paths)
    return found


def _records(source: Source, batch: pa.RecordBatch, columns: Columns, first: int) -> Iterator[Record]:
    """Yield a batch's records."""
    wanted = _wanted(source)
    values: dict[str, list[Any]] = {}
    for role, name in wanted.items():
        if role in columns.lists and role == "text":
            values[role] = [()] * batch.num_rows
        elif columns.outer.get(role) in batch.schema.names:
            values[role] = _values(batch, name, columns.outer[role])
        else:
            values[role] = [None] * batch.num_rows
    for row, fields in enumerate(zip(*(values[role] for role in wanted), strict=True)):
        try:
            yield _record(source, first + row, list(fields))
        except Exception as error:  # noqa: BLE001 - one row must not stop the file; it becomes a failed row
            content = repr(fields).encode("utf-8", "replace")
            yield Record(first + row, content, finding=Finding("ingest.failed@1", evidence=type(error).__name__))


def _values(batch: pa.RecordBatch, name: str, outer: str) -> list[Any]:
    """Return a column's values; strings as bytes, for a Parquet string need not be valid UTF-8."""
    column = batch.column(outer)
    if name != outer:
        for part in name.split(".")[1:]:
            if not pa.types.is_struct(column.type) or column.type.get_field_index(part) < 0:
                return [None] * batch.num_rows
            column = pa.compute.struct_field(column, part)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.large_binary())
    return list(column.to_pylist())


def _record(source: Source, row: int, fields: list[Any]) -> Record:
    """Return the record of a row from its fields in the order of `_wanted`."""
    text, native_id, uri, license_name, date, title, language, published, rights_holder, agreement = fields
    # A row is the same record, and so the same document, whatever columns beside these five come to be named.
    content = b"\x1e".join(b"" if f is None else f if isinstance(f, bytes) else str(f).encode() for f in fields[:5])
    if len(content) > source.max_record_bytes:
        large = Finding("ingest.record_too_large@1", len(content), source.max_record_bytes)
        return Record(row, b"", finding=large, digest=hashlib.sha256(content).hexdigest(), size=len(content))
    record = Record(
        row,
        content,
        uri=_name(uri),
        record_id=_name(native_id),
        fetched_at=parse_date(_name(date) if isinstance(date, bytes) else date),
        title=_name(title),
        published_at=parse_date(_name(published) if isinstance(published, bytes) else published),
        language_hint=_name(language),
        rights_holder=_name(rights_holder),
        agreement=_name(agreement),
        terms=stated(_name(license_name), "field:license"),
    )
    if isinstance(text, bytes):
        try:
            record.text = text.decode("utf-8")
        except UnicodeDecodeError:
            record.finding = Finding("ingest.undecodable_text@1", evidence="utf-8")
    elif text is not None:
        record.finding = Finding("ingest.unreadable_record@1", evidence="text_not_string")
    return record


def _name(value: object) -> str | None:
    """Return an address, id or licence as a string."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    return None if value is None else str(value)
