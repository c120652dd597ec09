"""ARC files, the format of web archives before WARC: each record handed on as the WARC record that it stands for.

A record is one line (address, IP address, date, media type, length; version 2 has more fields before the length), as many bytes as
the line says, and a line end (Internet Archive, "Arc File Format", 1996). Damage is passed over like in a WARC file: reading goes on
at the next line that can be a record's first, or at the next gzip member.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, NamedTuple

from fastwarc.warc import ArchiveIterator

from pipeline.sources.archive import Broken, Found
from pipeline.sources.dates import parse_date
from pipeline.sources.native import guarded
from pipeline.sources.unpacked import Unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sources.files import SourceStream

_SIGNATURE = b"filedesc:"
_LINE = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]{0,31}:\S*) ([0-9A-Fa-f.:]{1,45}|-) (\d{12,20}) (.*) (\S+)", re.DOTALL)
_SCHEMES = (
    b"http:",
    b"https:",
    b"dns:",
    b"ftp:",
    b"filedesc:",
    b"metadata:",
    b"warcinfo:",
    b"whois:",
    b"gopher:",
    b"news:",
)
_SECOND = re.compile(rb" [0-9A-Fa-f.:]{1,45} \d{12,20} ")
_LENGTH = re.compile(rb"\d{1,15}")
_STATUS = b"HTTP/"
_LONGEST_LINE = 2**14
_BLOCK = 2**16


class _Line(NamedTuple):
    """What a record's first line says; without a length it cannot be read."""

    uri: bytes
    date: bytes
    media: bytes
    length: int | None


def is_arc(stream: SourceStream) -> bool:
    """Return whether a file, compressed or not, begins as an ARC file does."""
    stream.seek(0)
    return Unpacked(stream).read(len(_SIGNATURE)) == _SIGNATURE


def read_arc(stream: SourceStream) -> Iterator[Found | Broken]:
    """Yield records, and one `Broken` for each damaged part and each first line without a length."""
    stream.seek(0)
    return _Reading(Unpacked(stream)).items()


class _Reading:
    """Where reading stands: the record that came last, whether its line end is still due, whether a damage was reported."""

    def __init__(self, data: Unpacked) -> None:
        self._data = data
        self._last: Found | None = None
        self._due = self._reported = False

    def items(self) -> Iterator[Found | Broken]:
        """Yield what the file holds."""
        while True:
            place, line, whole = self._data.line(_LONGEST_LINE)
            if not line:
                if self._data.broken:
                    yield from self._member_breaks()
                    continue
                return
            head = _parse(line) if whole else None
            if head is not None and self._due and not head.uri.startswith(_SCHEMES):
                head = None  # what is left of a first line whose beginning the record before took
            if head is not None and head.length is not None:
                yield from self._record(place, head, head.length)
            elif head is not None:
                yield from self._no_length(place, head)
            elif line.strip():
                yield from self._no_record(place)
            else:
                self._due = False  # the line end that belongs to a record: its length was right

    def _record(self, place: int, head: _Line, length: int) -> Iterator[Found]:
        body = _Body(self._data, head, length)
        found = Found(body.record(), place)
        yield found
        body.skip()
        self._last, self._due, self._reported = found, True, found.damaged

    def _no_length(self, place: int, head: _Line) -> Iterator[Broken]:
        if not head.uri.startswith(_SIGNATURE):  # the version block is no record; a lost one costs nothing
            yield Broken(place, "arc_header")
        self._due, self._reported = False, True

    def _no_record(self, place: int) -> Iterator[Broken]:
        if not self._reported:
            yield Broken(place, "arc_header", "content_length" if self._due else None)
        self._due, self._reported = False, True

    def _member_breaks(self) -> Iterator[Broken]:
        place = self._data.place
        if not self._reported:
            same = self._last is not None and self._last.offset == place
            yield Broken(place, "BadGzipFile", "compressed_member" if same else None)
        self._last, self._due, self._reported = None, False, True
        self._data.resume()


def _parse(line: bytes) -> _Line | None:
    """Return what a line says if it can be a record's first."""
    match = _LINE.fullmatch(line.rstrip(b"\r\n"))
    if match is None or _SECOND.search(match[4]):  # two lines run into one
        return None
    uri, _, date, rest, length = match.groups()
    media = (
        rest.split(b" ")[0] if rest.count(b" ") >= 4 else rest
    )  # version 2: result, checksum, location, offset, file name
    return _Line(uri, date, media, int(length) if _LENGTH.fullmatch(length) else None)


class _Body(io.RawIOBase):
    """A record's bytes and no more, with the head of a WARC record before them."""

    def __init__(self, data: Unpacked, head: _Line, length: int) -> None:
        self._data = data
        self._left = length
        start = data.read(min(len(_STATUS), length))
        self._left -= len(start)
        self._before = io.BytesIO(_warc_head(head, length, start == _STATUS) + start)

    def record(self) -> object:
        """Return the record as the parser of WARC sees it."""
        with guarded():
            return next(iter(ArchiveIterator(self, parse_http=True, auto_decode="none")))

    def read(self, size: int = -1) -> bytes:
        """Read the head, then the record's bytes."""
        before = self._before.read(size)
        if before:
            return before
        block = self._data.read(min(self._left, size if size >= 0 else _BLOCK))
        self._left -= len(block)
        return block

    def readable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return 0: the parser asks where it begins, once."""
        return 0

    def skip(self) -> None:
        """Pass over what was not read."""
        while self._left and (block := self._data.read(min(self._left, _BLOCK))):
            self._left -= len(block)


def _warc_head(head: _Line, length: int, http: bool) -> bytes:
    """Return the head of the WARC record that an ARC record stands for (WARC 1.1, annex A)."""
    kind, media = b"resource", head.media
    if head.uri.startswith(_SIGNATURE):
        kind = b"warcinfo"
    elif http:
        kind, media = b"response", b"application/http; msgtype=response"
    fields = [b"WARC/1.0", b"WARC-Type: " + kind, b"WARC-Target-URI: " + head.uri, b"Content-Type: " + media]
    digits = head.date[:14].decode().ljust(14, "0")
    date = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"
    if parse_date(date) is not None:
        fields.append(b"WARC-Date: " + date.encode())
    return b"\r\n".join([*fields, b"Content-Length: %d" % length, b"", b""])
