"""The content of a plain or gzip-compressed file, read by bytes and lines, with the place in the file that each came from."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.sources.archive import GZIP_START, next_start

if TYPE_CHECKING:
    from pipeline.sources.files import SourceStream

_BLOCK = 2**16
_OUTPUT = 2**18


class PlacedLine(NamedTuple):
    """A line with its end, where it begins, and whether it is all of it (a longer one than asked for is given in parts)."""

    place: int
    content: bytes
    whole: bool


class Unpacked:
    """A file's content from the stream's position on.

    Attributes
    ----------
    place
        Where what comes next lies in the file: its byte, or the beginning of its gzip member.
    broken
        Whether reading stopped at a damaged member; `resume` goes on behind it.
    """

    def __init__(self, stream: SourceStream) -> None:
        self._stream = stream
        self._position = stream.tell()
        self._raw = stream.read(_BLOCK)
        self._position += len(self._raw)
        self._packed = self._raw.startswith(b"\x1f\x8b")
        self._member: Any = None
        self._data = b""
        self._at = 0
        self._start = self._position - len(self._raw)
        self.broken = False

    @property
    def place(self) -> int:
        """Where what comes next lies in the file."""
        return self._start if self._packed else self._start + self._at

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end or where the file is broken."""
        parts: list[bytes] = []
        while size > 0 and self._more():
            part = self._data[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def line(self, limit: int) -> PlacedLine:
        """Read up to a line's end, or `limit` bytes of it."""
        parts: list[bytes] = []
        more = self._more()
        place = self.place
        while more and limit > 0:
            end = self._data.find(b"\n", self._at, self._at + limit) + 1
            part = self._data[self._at : end or self._at + limit]
            self._at += len(part)
            limit -= len(part)
            parts.append(part)
            if end:
                break
            more = self._more()
        return PlacedLine(place, b"".join(parts), limit > 0)

    def resume(self) -> None:
        """Go to the next member behind the broken one, or to the end if there is none."""
        place = next_start(self._stream, self._start + 1, GZIP_START)
        self._position = self._stream.seek(place) if place >= 0 else self._stream.seek(0, 2)
        self._raw, self._data, self._at, self._member, self.broken = b"", b"", 0, None, False

    def _more(self) -> bool:
        """Make sure that there is something to read; return whether there is."""
        while self._at >= len(self._data) and not self.broken:
            if not self._raw and (self._member is None or not self._member.unconsumed_tail):
                self._raw = self._stream.read(_BLOCK)
                self._position += len(self._raw)
            if not self._raw and self._member is None:
                return False
            self._data, self._at = self._take(), 0
        return self._at < len(self._data)

    def _take(self) -> bytes:
        """Return the next piece of content, which may be empty."""
        raw, self._raw = self._raw, b""
        if not self._packed:
            self._start = self._position - len(raw)
            return raw
        if self._member is None:
            raw = raw.lstrip(b"\x00")  # padding between members
            if not raw:
                return b""
            self._member = zlib.decompressobj(wbits=31)
            self._start = self._position - len(raw)
        data = self._member.unconsumed_tail + raw
        try:
            content: bytes = self._member.decompress(data, _OUTPUT)
        except zlib.error:
            self.broken = True
            return b""
        if self._member.eof:
            self._raw, self._member = self._member.unused_data, None
        elif not data:
            self.broken = True  # the file ends within a member
        return content
