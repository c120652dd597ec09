"""A file's lines, in bounded memory, counted apart from how they are split."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.sources.streams import BLOCK, Damaged, decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.rows import Tally
    from pipeline.verdict import Finding


class FileLines:
    """The lines of a file or of its part. The tally counts their ends in the blocks, before they are split.

    Attributes
    ----------
    damage
        What speaks against the rest of the file where it breaks off; None before that. It is counted as a record.
    open
        The line that was not ended there, if any: part of what is lost.
    """

    def __init__(self, source: Source, file: SourceFile, tally: Tally) -> None:
        self._source, self._file, self._tally = source, file, tally
        self.damage: Finding | None = None
        self.open: Line | None = None

    def __iter__(self) -> Iterator[Line]:
        part, tally = self._file.part, self._tally
        splitter = LineSplitter(self._source.max_record_bytes, part.first if part else 0)
        last = b"\n"
        try:
            for block in self._blocks():
                tally.bytes += len(block)
                tally.records += block.count(b"\n")
                last = block[-1:]
                yield from splitter.feed(block)
        except Damaged as error:
            self.damage, self.open = error.finding, next(splitter.finish(), None)
            tally.records += 1
            return
        if last != b"\n":
            tally.records += 1
        yield from splitter.finish()

    def _blocks(self) -> Iterator[bytes]:
        """Yield the content; a file that is cut in parts is not compressed."""
        with self._file.open() as stream:
            if self._file.part is None:
                yield from decompressed(stream, self._source.max_expansion)
                return
            left = self._file.part.end - stream.seek(self._file.part.start)
            while left > 0 and (block := stream.read(min(BLOCK, left))):
                left -= len(block)
                yield block


class Line(NamedTuple):
    """A line of a file, without its end.

    Attributes
    ----------
    number
        Zero-based.
    content
        Its bytes; empty where the line is longer than the limit.
    size
        Its length in bytes.
    digest
        sha256 of a line that is longer than the limit, else None.
    """

    number: int
    content: bytes
    size: int
    digest: str | None = None


class LineSplitter:
    """Splits blocks into lines; holds at most `limit` bytes of a line and digests what is longer."""

    def __init__(self, limit: int, first: int = 0) -> None:
        self._limit = limit
        self._number = first
        self._parts: list[bytes] = []
        self._size = 0
        self._digest: Any = None

    def feed(self, block: bytes) -> Iterator[Line]:
        """Yield the lines that end in a block."""
        *ended, rest = block.split(b"\n")
        for part in ended:
            if self._size or self._digest:
                self._extend(part)
                yield self._take()
            elif len(part) <= self._limit:
                yield Line(self._number, part, len(part))
                self._number += 1
            else:
                self._extend(part)
                yield self._take()
        self._extend(rest)

    def finish(self) -> Iterator[Line]:
        """Yield the last line if it had no end."""
        if self._size:
            yield self._take()

    def _extend(self, part: bytes) -> None:
        """Lengthen the open line."""
        if not part:
            return
        self._size += len(part)
        if self._digest is None and self._size > self._limit:
            self._digest = hashlib.sha256(b"".join(self._parts))
            self._parts = []
        if self._digest is None:
            self._parts.append(part)
        else:
            self._digest.update(part)

    def _take(self) -> Line:
        """Return the open line and start the next."""
        digest = None if self._digest is None else self._digest.hexdigest()
        line = Line(self._number, b"".join(self._parts), self._size, digest)
        self._number, self._parts, self._size, self._digest = self._number + 1, [], 0, None
        return line
