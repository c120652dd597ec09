"""Compressed files as blocks, in bounded memory.

What was decompressed before a damage is yielded before the damage is reported: the records before a break are kept.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Any

import zstandard

from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.sources.stream import SourceStream

BLOCK = 2**20
"""Bytes that are read, and about as many that are given out, at a time."""
FREE_BYTES = 32 * 2**20
"""Bytes that a file may expand to whatever its size: a small file of one letter is no attack."""
_ZSTD_STEP = 1_024
"""Compressed bytes handed to zstandard at a time, which cannot limit its output: a block of 4 bytes may stand for 128 KiB."""

_WINDOW = 2**27
"""Bytes that a decompressor may look back: the largest that zstd (`--long`, without a number) and xz (`-9` needs half) make."""
_FIRST_PIECE, _LARGEST_PIECE = 2**10, 2**18
"""Compressed bytes handed to a member at first and at most: what is left at its end is copied, which many small members would pay
for over and over."""

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "xz"))
_LONGEST_MAGIC = max(len(magic) for magic, _ in _MAGIC)


class Damaged(Exception):  # noqa: N818 - a state of the file, caught by the readers and never shown
    """A compressed stream breaks off or does not decompress; `args[0]` is the class of the error."""

    @property
    def finding(self) -> Finding:
        """What speaks against the rest of the file."""
        return Finding("ingest.truncated_record@1", evidence=str(self))


class TooLarge(Damaged):
    """A compressed stream holds more for its size than is allowed; what came before was yielded."""

    def __init__(self, held: float, allowed: float) -> None:
        super().__init__("TooLarge")
        self._held, self._allowed = held, allowed

    @property
    def finding(self) -> Finding:
        """What speaks against the rest of the file: the bytes that it held so far, and those that were allowed."""
        return Finding("ingest.expansion_limit@1", self._held, self._allowed)


class Allowance:
    """How much a file may hold: its compressed bytes as often as the source allows, and `FREE_BYTES` in any case.

    What counts is what was read of the file so far, so that a bomb is found where it begins, however long the file is behind it.
    """

    def __init__(self, most: float) -> None:
        self.most, self._packed, self._plain = most, 0, 0

    def reading(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Count the compressed bytes that pass."""
        for block in blocks:
            self._packed += len(block)
            yield block

    def holding(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Count the decompressed bytes that pass.

        Raises
        ------
        TooLarge
            Where they are more than is allowed.
        """
        for block in blocks:
            self._plain += len(block)
            allowed = FREE_BYTES + self.most * self._packed
            if self._plain > allowed:
                raise TooLarge(self._plain, allowed)
            yield block


def decompressed(stream: SourceStream, most_expansion: float) -> Iterator[bytes]:
    """Yield the stream's content in blocks, decompressed by what its first bytes say it is.

    Raises
    ------
    Damaged
        Where the stream breaks off or is broken, after all that came before it was yielded.
    TooLarge
        Where it holds more than `most_expansion` bytes for each of its own.
    """
    allowance = Allowance(most_expansion)
    head = stream.read(BLOCK)
    kind = _compression(head)
    blocks = allowance.reading(_with_head(head, stream))
    if kind is None:
        yield from blocks
    else:
        yield from allowance.holding(_plain_blocks(kind, blocks))


def is_compressed(stream: SourceStream) -> bool:
    """Return whether a file's first bytes say that it is compressed."""
    stream.seek(0)
    return _compression(stream.read(_LONGEST_MAGIC)) is not None


def _compression(head: bytes) -> str | None:
    """Return how a file is compressed that begins with some bytes."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _plain_blocks(kind: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what compressed blocks hold."""
    if kind == "zstd":
        context = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        yield from _members(blocks, lambda: _Zstd(context))
    else:
        opener: Callable[[], Any] = {"gzip": _Gzip, "bz2": bz2.BZ2Decompressor, "xz": _xz}[kind]
        yield from _members(blocks, lambda: _Bounded(opener()))


def _xz() -> lzma.LZMADecompressor:
    """Return a decompressor that refuses a dictionary larger than `_WINDOW`, of which a header of a few bytes could ask for 4 GiB."""
    return lzma.LZMADecompressor(memlimit=_WINDOW)


def _with_head(head: bytes, stream: SourceStream) -> Iterator[bytes]:
    """Yield what was read and the rest."""
    while head:
        yield head
        head = stream.read(BLOCK)


class _Gzip:
    """zlib's decompressor with the interface of bz2's and lzma's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Bounded:
    """One compressed member, given out in blocks of at most `BLOCK` bytes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece of input decompresses to."""
        while True:
            block = self._inner.decompress(data, BLOCK)
            if block:
                yield block
            data = b""
            if self._inner.eof or (self._inner.needs_input and len(block) < BLOCK):
                return

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return bool(self._inner.eof)

    @property
    def rest(self) -> bytes:
        """The input after the member's end."""
        return bytes(self._inner.unused_data)


class _Zstd:
    """One zstandard frame, fed in small steps."""

    def __init__(self, context: zstandard.ZstdDecompressor) -> None:
        self._inner = context.decompressobj()
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece of input decompresses to."""
        for start in range(0, len(data), _ZSTD_STEP):
            block = self._inner.decompress(data[start : start + _ZSTD_STEP])
            if block:
                yield block
            if self._inner.eof:
                self.rest = self._inner.unused_data + data[start + _ZSTD_STEP :]
                return

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return bool(self._inner.eof)


def _members(blocks: Iterator[bytes], opener: Callable[[], Any]) -> Iterator[bytes]:
    """Yield what a chain of members decompresses to; zero bytes of padding between them are passed over."""
    member = None
    step = _FIRST_PIECE
    for block in blocks:
        place = 0
        while place < len(block):
            piece = block[place : place + step]
            place += len(piece)
            if member is None:
                piece = piece.lstrip(b"\x00")
                if not piece:
                    continue
                member, step = opener(), _FIRST_PIECE
            try:
                yield from member.feed(piece)
            except (zlib.error, OSError, ValueError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
                raise Damaged(type(error).__name__) from None
            if member.eof:
                place -= len(member.rest)
                member, step = None, _FIRST_PIECE
            else:
                step = min(2 * step, _LARGEST_PIECE)
    if member is not None:
        raise Damaged("EOFError")
