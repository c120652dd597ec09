"""Parquet: one record a row, read a row group at a time; a damaged row group costs its own rows only.

Only the columns that the source's settings name are read. A row's raw content is those fields, so its digest and id do not depend
on the file's layout, compression or other columns.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sources.consent import stated
from pipeline.sources.dates import parse_date
from pipeline.sources.rows import CHUNK_BYTES, CHUNK_ROWS, Record, Tally
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

_DAMAGE = (pa.ArrowException, OSError, ValueError, IndexError, KeyError, TypeError, NotImplementedError)
"""What pyarrow raises on damaged files; `SourceUnavailable` is none of them."""


def read_parquet(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each row that the file's footer counts.

    A file whose footer cannot be read is one failed record.
    """
    tally.bytes = file.size
    with file.open() as stream:
        try:
            parquet = pq.ParquetFile(pa.PythonFile(stream, mode="r"), page_checksum_verification=True)
            rows = [parquet.metadata.row_group(group).num_rows for group in range(parquet.metadata.num_row_groups)]
            columns = _columns(parquet.schema_arrow, source)
        except _DAMAGE as error:
            tally.records += 1
            lost = Finding("ingest.unreadable_record@1", evidence=type(error).__name__)
            yield Record(0, b"", finding=lost, digest=file.sha256())
            return
        tally.records += parquet.metadata.num_rows
        first = 0
        for group, count in enumerate(rows):
            yield from _row_group(source, file, parquet, columns, _Group(group, first, count))
            first += count


class _Group(NamedTuple):
    """A row group: its number, its first row in the file, its rows."""

    number: int
    first: int
    rows: int


def _row_group(
    source: Source, file: SourceFile, parquet: Any, columns: dict[str, str], group: _Group
) -> Iterator[Record]:
    """Yield a row group's records; those that cannot be reached fail one by one, as many as the footer counts."""
    first, count = group.first, group.rows
    done, damage = 0, "MissingRows"
    try:
        size = parquet.metadata.row_group(group.number).total_byte_size
        batch_rows = max(1, min(CHUNK_ROWS, CHUNK_BYTES * count // max(size, 1)))
        batches = parquet.iter_batches(
            batch_rows, row_groups=[group.number], columns=list(columns.values()), use_threads=False
        )
        for batch in batches:
            for record in _records(source, batch, columns, first + done):
                yield record
                done += 1
    except _DAMAGE as error:
        damage = type(error).__name__
    if done < count:
        # Nothing of these rows is known; the file's content and their number stand for them.
        digest = file.sha256()
        for row in range(first + done, first + count):
            lost = hashlib.sha256(f"{digest}:{row}".encode()).hexdigest()
            yield Record(row, b"", finding=Finding("ingest.unreadable_record@1", evidence=damage), digest=lost)


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


def _columns(schema: pa.Schema, source: Source) -> dict[str, str]:
    """Return the role and name of the columns to read; a nested one is read whole, as its outermost column."""
    found = {}
    for role, name in _wanted(source).items():
        outer = name if name in schema.names else name.split(".")[0]
        if outer in schema.names:
            found[role] = outer
    return found


def _records(source: Source, batch: pa.RecordBatch, columns: dict[str, str], first: int) -> Iterator[Record]:
    """Yield a batch's records."""
    wanted = _wanted(source)
    values = {
        role: _values(batch, wanted[role], columns[role]) if role in columns else [None] * batch.num_rows
        for role in wanted
    }
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
