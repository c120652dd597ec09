"""Large files in parts that are read at once and give together what the whole file gives.

Only what can be cut without decompressing all that comes before is cut: plain files of lines at line ends, Parquet files at row
groups, web archives at records that are compressed one by one or not at all. Where a record of an archive begins is a guess until the
part before it was read up to that place: an archive may hold another one, whose records look just like its own. So each part says
where it stopped, and a file whose parts do not meet is read again as one (`meet`).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipeline.sources.arc import is_arc
from pipeline.sources.archive import next_record
from pipeline.sources.pages import read_footer
from pipeline.sources.streams import is_compressed
from pipeline.sources.thrift import Malformed
from pipeline.sources.units import is_one_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.stream import SourceStream

_UNITS = frozenset({"bluesky", "activitypub", "reddit"})
_BLOCK = 2**20


class Part(NamedTuple):
    """A part of a file.

    Attributes
    ----------
    number
        Zero-based, in the file's order.
    start, end
        Its bytes: what begins at `start` or behind it and before `end` belongs to it.
    first, units
        Number of its first line or row group, and how many begin in it; an archive's records have no numbers.
    sha256
        Digest of its bytes.
    """

    number: int
    start: int
    end: int
    first: int
    units: int
    sha256: str


def cut(source: Source, file: SourceFile, sha256: str, target_bytes: int) -> list[Part]:
    """Return a file's parts of about `target_bytes`; none where it cannot be cut.

    The parts depend on the file's bytes alone. All of it is read once, to number the lines and to digest the parts.

    Raises
    ------
    SourceChanged
        If the file's digest is not `sha256`.
    SourceUnreadable
        If it cannot be read.
    """
    with file.open() as stream:
        groups = _row_groups(stream, file) if file.format == "parquet" else []
        seek = _seeker(source, file, stream, groups)
        starts = [0]
        for place in range(target_bytes, file.size - target_bytes // 2, target_bytes):
            if place > starts[-1]:
                start = seek(place)
                if start is None or start >= file.size:
                    break
                starts.append(start)
        return _parts(file, stream, starts, groups, sha256) if len(starts) > 1 else []


def _seeker(
    source: Source, file: SourceFile, stream: SourceStream, groups: Sequence[int]
) -> Callable[[int], int | None]:
    """Return a function: where at a place or behind it a part may begin, None where nowhere."""
    lines = file.format == "jsonl" or (file.format in _UNITS and not is_one_document(source, file))
    if lines and not is_compressed(stream):
        return lambda place: _next_line(stream, place)
    if file.format == "warc" and not is_arc(stream):
        return lambda place: next_record(stream, place)
    return lambda place: next((start for start in groups if start >= place), None)


def _next_line(stream: SourceStream, place: int) -> int | None:
    """Return where the first line begins that begins at a place or behind it, the file's end included."""
    place = stream.seek(place - 1)
    while block := stream.read(_BLOCK):
        if (end := block.find(b"\n")) >= 0:
            return place + end + 1
        place += len(block)
    return None


def _row_groups(stream: SourceStream, file: SourceFile) -> list[int]:
    """Return where a Parquet file's row groups begin; none where its footer cannot be read or does not state them in order."""
    try:
        groups = read_footer(stream, file.size)
    except Malformed:
        return []
    places = [min((chunk.start for chunk in group.chunks), default=0) for group in groups]
    return places if all(a < b for a, b in pairwise(places)) else []


def _parts(
    file: SourceFile, stream: SourceStream, starts: Sequence[int], groups: Sequence[int], sha256: str
) -> list[Part]:
    """Read the file, number and digest its parts."""
    found: list[Part] = []
    whole, first = hashlib.sha256(), 0
    stream.seek(0)
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], file.size], strict=True)):
        digest, count, left = hashlib.sha256(), 0, end - start
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            whole.update(block)
            digest.update(block)
            count += block.count(b"\n")
            left -= len(block)
        if file.format == "parquet":
            # What lies before the first row group belongs to the first part.
            count = bisect_left(groups, end) - bisect_left(groups, start)
        found.append(Part(number, start, end, first, count, digest.hexdigest()))
        first += count
    if stream.read(1) or whole.hexdigest() != sha256:
        raise file.changed()
    return found


def meet(parts: Sequence[Part], stopped: Sequence[int | None]) -> bool:
    """Return whether each part was read up to the beginning of the next; `stopped` as the readers say it, None where it is certain."""
    ends = [part.end for part in parts]
    return all(place is None or place == end for place, end in zip(stopped, ends, strict=True))
