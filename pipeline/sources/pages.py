"""A Parquet file's footer and page headers, read before anything is decompressed.

The footer states sizes, and so does each page's header, and the decoder believes the header: it allocates and fills what it states.
So the headers are read first. The footer is read here as well, for pyarrow's own view of a damaged one ends the process (an uncaught
C++ exception in `RowGroupMetaData.column`). Both are Thrift structs in the compact protocol
(https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift, `FileMetaData` and `PageHeader`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.sources.thrift import Compact, Fields, Malformed

if TYPE_CHECKING:
    from pipeline.sources.files import SourceStream

_HEAD = 2**12
_LONGEST_HEAD = 16 * 2**20
"""Bytes of a header that are read at first and at most: it may hold the page's smallest and largest value."""
_LONGEST_FOOTER = 64 * 2**20
_DICTIONARY = 2
_WHOLE_VALUES = {0, 6}
"""Encodings that spell out each value (PLAIN, DELTA_LENGTH_BYTE_ARRAY); others refer to a dictionary or to the value before."""
_DELTA_BYTE_ARRAY = 7
_FOOTER: Fields = {4: {1: {3: {3: {}, 7: {}, 9: {}, 11: {}}}, 3: {}}}
"""Fields to keep of `FileMetaData`: row groups; of these their column chunks and rows; of the chunks their path, size and places."""
_PAGE: Fields = {1: {}, 2: {}, 3: {}, 5: {1: {}, 2: {}}, 7: {}, 8: {1: {}, 4: {}}}
"""Fields to keep of `PageHeader`: type, sizes; of data pages their count of values and encoding."""


class Chunk(NamedTuple):
    """A column's part of a row group: the path of its values, where its first page lies, and its bytes."""

    path: str
    start: int
    size: int


class Group(NamedTuple):
    """A row group: its number, its first row in the file, its rows, its chunks."""

    number: int
    first: int
    rows: int
    chunks: list[Chunk]


def read_footer(stream: SourceStream, size: int) -> list[Group]:
    """Return a file's row groups.

    Raises
    ------
    Malformed
        If the footer is none, or states less than nothing.
    """
    stream.seek(max(size - 8, 0))
    length = int.from_bytes(stream.read(8)[:4], "little")
    if length > min(size - 8, _LONGEST_FOOTER):
        raise Malformed("FooterSize")
    stream.seek(size - 8 - length)
    try:
        fields = Compact(stream.read(length)).struct(_FOOTER, 0)
    except IndexError:
        raise Malformed("Footer") from None
    groups: list[Group] = []
    first = 0
    for number, group in enumerate(_list(fields.get(4))):
        rows = _number(group.get(3))
        groups.append(Group(number, first, rows, [_chunk(chunk.get(3), size) for chunk in _list(group.get(1))]))
        first += rows
    return groups


def _chunk(fields: Any, size: int) -> Chunk:
    """Return a chunk from its metadata."""
    if not isinstance(fields, dict):
        raise Malformed("ColumnMetaData")
    path = b".".join(part for part in _list(fields.get(3), bytes)).decode("utf-8", "replace")
    start, length = _number(fields.get(9)), _number(fields.get(7))
    dictionary = fields.get(11)
    start = dictionary if isinstance(dictionary, int) and 0 < dictionary < start else start
    if start + length > size:
        raise Malformed("ChunkOffset")
    return Chunk(path, start, length)


def _list(value: Any, kind: type = dict) -> list[Any]:
    """Return a list of fields, empty where there is none."""
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, kind) for item in items):
        raise Malformed("Footer")
    return items


def _number(value: Any) -> int:
    """Return a count or size."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Malformed("Footer")
    return value


class Pages(NamedTuple):
    """What the headers of a chunk's pages state.

    Attributes
    ----------
    values
        Values in all data pages, nulls included.
    bytes
        Decompressed size of all pages.
    largest
        Decompressed size of the largest page, or its compressed size where that is larger.
    largest_value
        No value is longer than this on average over its page, nor any that is not spelled out longer at all.
    """

    values: int
    bytes: int
    largest: int
    largest_value: int


def read_pages(stream: SourceStream, chunk: Chunk, most_values: int) -> Pages:
    """Walk the headers of a chunk's pages; stop once there are more than `most_values` values.

    Raises
    ------
    Malformed
        If a header is none. A size that leads out of the chunk ends the walk; that is the decoder's to judge, for old writers left
        the dictionary's header out of a chunk's size.
    """
    place, end = chunk.start, chunk.start + chunk.size
    values = total = largest = largest_value = 0
    while place < end and values <= most_values:
        header, length = _header(stream, place, end)
        plain, packed = _number(header.get(2)), _number(header.get(3))
        place += length + packed
        total += plain
        largest = max(largest, plain, packed)
        if header.get(1) == _DICTIONARY:
            # A value of the dictionary may be its only one, and stand in every row.
            largest_value = max(largest_value, plain)
            continue
        data = header.get(5) or header.get(8) or {}
        if not isinstance(data, dict):
            raise Malformed("PageHeader")
        count = _number(data.get(1, 0))
        values += count
        encoding = data.get(2 if header.get(5) else 4)
        if encoding in _WHOLE_VALUES:
            largest_value = max(largest_value, plain // max(count, 1))
        elif encoding == _DELTA_BYTE_ARRAY:
            # Each value may begin with nearly all of the one before it.
            largest_value = max(largest_value, plain)
    return Pages(values, total, largest, largest_value)


def _header(stream: SourceStream, place: int, end: int) -> tuple[Fields, int]:
    """Return the page header at a place and its length."""
    size = _HEAD
    while True:
        stream.seek(place)
        data = stream.read(min(size, end - place))
        try:
            reader = Compact(data)
            return reader.struct(_PAGE, 0), reader.place
        except IndexError:
            if size >= _LONGEST_HEAD or len(data) < size:
                raise Malformed("PageHeader") from None
            size *= 16
