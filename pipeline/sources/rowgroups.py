"""How a Parquet row group may be read: judged by its pages' headers, before anything of it is decompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.sources.pages import Group, read_pages
from pipeline.sources.rows import CHUNK_BYTES, CHUNK_ROWS, Tally
from pipeline.sources.streams import FREE_BYTES
from pipeline.sources.thrift import Malformed

if TYPE_CHECKING:
    from pipeline.source import Source
    from pipeline.sources.files import SourceFile, SourceStream

_LARGEST_PAGE = 256 * 2**20
"""Bytes of a page that are decompressed at once, or eight of the largest records if that is more; writers make pages of about 1 MiB."""
ROW_BYTES = 64
"""What a row counts for in the limit of expansion even if it is empty: a file may state millions of rows in a few bytes."""
_GROUP_FREE = 64 * 2**10
"""Bytes that each row group but the first may expand to, whatever its size."""


class Columns(NamedTuple):
    """What is read: each role's outermost column, the paths of the values under them, and the roles that are lists.

    A list is no text and no address, and its values are not read: one row could hold any number of them.
    """

    outer: dict[str, str]
    paths: list[str]
    lists: set[str]


class Reading(NamedTuple):
    """A file that is being read."""

    source: Source
    file: SourceFile
    stream: SourceStream
    parquet: Any
    columns: Columns
    tally: Tally


class TooMuch(Exception):  # noqa: N818 - a limit that was passed, named as in its reason
    """A row group holds more than the source's limit of expansion allows."""


class Contradiction(Malformed):
    """The footer counts other rows than the pages hold: nothing it says of the group can be believed."""


def allowed_bytes(reading: Reading, group: Group) -> int:
    """Return what a row group may expand to: its compressed bytes as often as the source allows, and a little for nothing."""
    packed = min(sum(chunk.size for chunk in group.chunks), reading.file.size)
    return int(packed * reading.source.max_expansion) + (_GROUP_FREE if group.number else FREE_BYTES)


def plan_group(reading: Reading, group: Group, allowed: int) -> int:
    """Return how many rows of a group to read at a time, from its pages' headers.

    Raises
    ------
    Malformed, TooMuch
        If the pages do not add up, or one or all of them would take too much memory.
    """
    if group.rows * ROW_BYTES > allowed:
        raise TooMuch
    largest_value = 1
    total = 0
    for chunk in group.chunks:
        if chunk.path not in reading.columns.paths:
            continue
        pages = read_pages(reading.stream, chunk, allowed // ROW_BYTES)
        total += pages.bytes
        largest_page = max(_LARGEST_PAGE, 8 * reading.source.max_record_bytes)
        if pages.largest > largest_page or total > allowed or pages.values > allowed // ROW_BYTES:
            raise TooMuch
        if pages.values != group.rows:
            raise Contradiction("RowCount")
        largest_value = max(largest_value, pages.largest_value)
    average = total // max(group.rows, 1)
    rows = min(CHUNK_ROWS, CHUNK_BYTES // max(average, 1), 4 * CHUNK_BYTES // largest_value)
    return max(1, rows)
