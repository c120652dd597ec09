"""A WARC file's records in order, with damaged parts passed over.

The parser stops at the first thing that is no record. Here it is started again at the next place that looks like one: behind a
line end in a plain file, at the next gzip member in a compressed one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fastwarc.warc import ArchiveIterator

from pipeline.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sources.files import SourceStream

_PLAIN_START = re.compile(rb"WARC/1\.\d\r?\n")
_GZIP_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r?\n", re.IGNORECASE)
_BLOCK = 2**20
_OVERLAP = 64
_HEAD = 2**16


class Found(NamedTuple):
    """A record and its byte offset in the file. It must be read before the next one is asked for."""

    record: Any
    offset: int


class Broken(NamedTuple):
    """A part of the file that is no record: where it begins, and the class of the error."""

    offset: int
    error: str


def read_archive(stream: SourceStream) -> Iterator[Found | Broken]:
    """Yield records, and one `Broken` for each damaged part however many false starts lie in it."""
    start = _starts(stream)
    base, last, fresh = 0, -1, False
    while base >= 0:
        stream.seek(base)
        try:
            for record in ArchiveIterator(stream, parse_http=True, auto_decode="none"):
                last, fresh = base + record.stream_pos, True
                yield Found(record, last)
        except SluiceError:
            raise
        except Exception as error:  # noqa: BLE001 - the parser raises OSError, and may raise anything on garbage
            kind = type(error).__name__
        else:
            return
        following = _next_start(stream, max(last, base) + 1, start)
        if (fresh or last < 0) and not (
            last >= 0 and start is _PLAIN_START and _is_only_space(stream, last, following)
        ):
            yield Broken(last + 1 if last >= 0 else 0, kind)
            last = max(last, 0)
        fresh, base = False, following


def _starts(stream: SourceStream) -> re.Pattern[bytes]:
    """Return what a record starts with in this file."""
    stream.seek(0)
    return _GZIP_START if stream.read(2) == b"\x1f\x8b" else _PLAIN_START


def _next_start(stream: SourceStream, place: int, start: re.Pattern[bytes]) -> int:
    """Return the offset of the next thing that looks like a record's start, or -1."""
    stream.seek(place)
    held = b""
    while block := stream.read(_BLOCK):
        data = held + block
        match = start.search(data)
        if match:
            return place - len(held) + match.start()
        held = data[-_OVERLAP:]
        place += len(block)
    return -1


def _is_only_space(stream: SourceStream, last: int, following: int) -> bool:
    """Return whether between the record at `last`, by its own length, and the next start there is nothing but white space.

    Some writers end a record with a line end too many, at which the parser stops though nothing is lost.
    """
    stream.seek(last)
    head = stream.read(_HEAD)
    end = re.search(rb"\r?\n\r?\n", head)
    length = _LENGTH.search(head, 0, end.end()) if end else None
    if end is None or length is None:
        return False
    place = last + end.end() + int(length[1])
    stream.seek(0, 2)
    stop = following if following >= 0 else stream.tell()
    if not 0 <= stop - place <= _HEAD:
        return False
    stream.seek(place)
    return not stream.read(stop - place).strip()
