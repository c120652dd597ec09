"""CSV: one record a row, which may go over several lines; a bad row fails alone, with its line.

A row is read by the csv module in its strict form, line by line. Where a quote is never closed, or stands where none may, the line
that the row began in fails and reading goes on with the next one, so that a stray quote does not swallow what follows.
"""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pipeline.sources.jsonl import record_of, unreadable
from pipeline.sources.lines import FileLines, Line
from pipeline.sources.rows import Record, Tally
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t|"
_FREE_AGAIN, _TIMES_AGAIN = 2**20, 8
"""Bytes, and multiples of those that were read so far, that may be read again behind rows that cannot be read."""


def read_csv(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each row below the header."""
    # The module's own limit, 128 KiB a field, is one of the process; rows are bounded here.
    csv.field_size_limit(max(csv.field_size_limit(), source.max_record_bytes))
    lines = FileLines(source, file, tally)
    rows = _Rows(source, iter(lines))
    header: list[str] | None = None
    for row in rows:
        tally.records -= len(row.lines) - 1
        if row.fields == []:
            tally.pass_over("blank line")
        elif header is None and row.fields is not None:
            header = row.fields
            tally.pass_over("header")
        else:
            yield _judged(source, row, header)
    if lines.damage is not None:
        yield Record(rows.last + 1, b"", finding=lines.damage, digest=tally.file_digest(file))


class Row(NamedTuple):
    """A row: its lines, its fields, and what is wrong with it instead of fields."""

    lines: list[Line]
    fields: list[str] | None
    finding: Finding | None = None


class _Rows:
    """Splits lines into rows."""

    def __init__(self, source: Source, lines: Iterator[Line]) -> None:
        self._source = source
        self._lines = lines
        self._again: deque[Line] = deque()
        self._style: type[csv.Dialect] | None = None
        self._read = self._read_again = 0
        self.last = -1

    def __iter__(self) -> Iterator[Row]:
        while (first := self._next()) is not None:
            self._again.appendleft(first)
            yield self._row()

    def _next(self) -> Line | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None and line.number > self.last:
            self.last = line.number
            self._read += line.size + 1
        return line

    def _row(self) -> Row:
        """Return the next row."""
        taken: list[Line] = []
        limit = self._source.max_record_bytes

        def feed() -> Iterator[str]:
            size = 0
            while size <= limit and (line := self._next()) is not None:
                taken.append(line)
                size += line.size + 1
                if line.digest is not None or size > limit + 1:
                    return
                content = line.content.removeprefix(_BOM) if line.number == 0 else line.content
                yield content.decode("utf-8", "surrogateescape") + "\n"

        try:
            fields = next(csv.reader(feed(), self._dialect(), strict=True))
        except (csv.Error, StopIteration) as error:
            return self._failed(taken, type(error).__name__)
        if any("\udc80" <= c <= "\udcff" for name in fields if not name.isascii() for c in name):
            return Row(taken, None, Finding("ingest.undecodable_text@1", evidence="utf-8"))
        return Row(taken, fields)

    def _failed(self, taken: list[Line], error: str) -> Row:
        """Return the first line as a failed row; what follows it is read anew, for it may be in order.

        Lines each of which opens a quote that none of the others closes would so cost the square of their number: once too much was
        read again, all that the row took fails as one.
        """
        first, *others = taken
        if first.digest is not None:
            self._again.extendleft(reversed(others))
            return Row([first], None, Finding("ingest.record_too_large@1", first.size, self._source.max_record_bytes))
        self._read_again += sum(line.size + 1 for line in others)
        if self._read_again > _FREE_AGAIN + _TIMES_AGAIN * self._read:
            while others and others[-1].digest is not None:
                self._again.appendleft(others.pop())
            return Row([first, *others], None, unreadable("TooManyRestarts"))
        self._again.extendleft(reversed(others))
        return Row([first], None, unreadable(error))

    def _dialect(self) -> type[csv.Dialect]:
        """Return the dialect; a delimiter that is not stated is the one that the first line holds most often."""
        if self._style is None:
            first = self._again[0].content.decode("utf-8", "replace")
            source, most_frequent = self._source, max(_DELIMITERS, key=first.count)

            class Dialect(csv.excel):
                delimiter = source.csv_delimiter or most_frequent
                quotechar = source.csv_quote
                escapechar = source.csv_escape
                doublequote = source.csv_escape is None

            self._style = Dialect
        return self._style


def _judged(source: Source, row: Row, header: list[str] | None) -> Record:
    """Return the record of a row."""
    first = row.lines[0]
    content = b"\n".join(line.content for line in row.lines)
    finding = row.finding
    if finding is None and row.fields is not None and header is not None:
        if source.text_field not in header:
            finding = unreadable("no_such_column")
        elif len(row.fields) != len(header):
            finding = unreadable("wrong_number_of_fields")
        else:
            value = {name: field or None for name, field in zip(header, row.fields, strict=True)}
            try:
                return record_of(source, first.number, content, value)
            except Exception as error:  # noqa: BLE001 - one row must not stop the file; it becomes a failed row
                finding = Finding("ingest.failed@1", evidence=type(error).__name__)
    large = first.size if first.digest is not None else None
    return Record(first.number, content, finding=finding or unreadable("no_header"), digest=first.digest, size=large)
