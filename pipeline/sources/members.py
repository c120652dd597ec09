"""Members and frames of compressed files, looked at one by one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from pipeline.sources.stream import SourceStream

_FIRST_BLOCK, _BLOCK = 2**10, 2**16
_OUTPUT = 2**20
_STEP = 1_024
_ZSTD = b"\x28\xb5\x2f\xfd"
_LARGEST_DICTIONARY = 16 * 2**20
_LARGEST_BLOCK = 4 * 2**20
"""Bytes of an lz4 block, by its format."""


def is_whole_member(stream: SourceStream, offset: int, dictionary: bytes = b"") -> bool:
    """Return whether a gzip member, zstandard or lz4 frame begins at an offset and goes on to its end.

    gzip and zstandard are decompressed, with their checksums; lz4, for which no library here does that, is followed from block to
    block. `dictionary` is the skippable frame that holds a zstandard file's dictionary.
    """
    stream.seek(offset)
    head = stream.read(_BLOCK)
    if head.startswith(b"\x1f\x8b"):
        return _ends(stream, head, zlib.decompressobj(wbits=31))
    if head.startswith(_ZSTD):
        return _frame_ends(stream, head, dictionary)
    return head.startswith(b"\x04\x22\x4d\x18") and _blocks_end(stream, offset, head)


def member_behind(stream: SourceStream, offset: int) -> int:
    """Return where, behind the gzip member at an offset, the next one begins that is not empty, or -1.

    What is no member, or is broken, is left to the parser, which says so.
    """
    first = True
    while True:
        stream.seek(offset)
        data = stream.read(_FIRST_BLOCK)
        if not first and not data.startswith(b"\x1f\x8b"):
            return -1 if not data.strip(b"\x00") else offset
        size, held = _member(stream, data)
        if not first and (held or size is None):
            return offset
        if size is None:
            return -1
        offset, first = offset + size, False


def _member(stream: SourceStream, head: bytes) -> tuple[int | None, bool]:
    """Return a gzip member's length, None if it is broken, and whether it holds anything."""
    member = zlib.decompressobj(wbits=31)
    data, read, held = head, len(head), False
    try:
        while data:
            held |= bool(member.decompress(data, _OUTPUT))
            if member.eof:
                return read - len(member.unused_data), held
            data = member.unconsumed_tail
            if not data:
                data = stream.read(_BLOCK)
                read += len(data)
    except zlib.error:
        pass
    return None, held


def _ends(stream: SourceStream, head: bytes, member: zlib._Decompress) -> bool:
    """Return whether a gzip member ends without an error; what it gives is thrown away, a piece at a time."""
    data = head
    try:
        while data:
            member.decompress(data, _OUTPUT)
            if member.eof:
                return True
            data = member.unconsumed_tail or stream.read(_BLOCK)
    except zlib.error:
        pass
    return False


def _frame_ends(stream: SourceStream, head: bytes, dictionary: bytes) -> bool:
    """Return whether a zstandard frame ends without an error."""
    data = head
    try:
        words = dictionary[8:]
        if words.startswith(_ZSTD):
            words = zstandard.ZstdDecompressor().stream_reader(words).read(_LARGEST_DICTIONARY)
        known = zstandard.ZstdCompressionDict(words) if words else None
        frame = zstandard.ZstdDecompressor(dict_data=known).decompressobj()
        while data:
            for start in range(0, len(data), _STEP):
                frame.decompress(data[start : start + _STEP])
                if frame.eof:
                    return True
            data = stream.read(_BLOCK)
    except zstandard.ZstdError:
        pass
    return False


def _blocks_end(stream: SourceStream, offset: int, head: bytes) -> bool:
    """Return whether an lz4 frame's blocks lead to its end mark within the file (LZ4 Frame Format 1.6.4)."""
    if len(head) < 7:
        return False
    flags = head[4]
    place = offset + 7 + 8 * bool(flags & 0x08) + 4 * bool(flags & 0x01)
    behind = 4 * bool(flags & 0x10)
    stream.seek(0, 2)
    end = stream.tell()
    while place + 4 <= end:
        stream.seek(place)
        size = int.from_bytes(stream.read(4), "little") & 0x7FFFFFFF
        if size == 0:
            return place + 4 + 4 * bool(flags & 0x04) <= end
        if size > _LARGEST_BLOCK:
            return False
        place += 4 + size + behind
    return False
