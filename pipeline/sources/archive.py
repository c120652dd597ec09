"""A WARC file's records in order, with damaged parts passed over.

The parser stops at the first thing that is no record. Here it is started again at the next place that looks like one: behind a
line end in a plain file, at the next member or frame in a compressed one (gzip, zstandard, lz4).
"""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from fastwarc.warc import ArchiveIterator

from pipeline.errors import SluiceError
from pipeline.sources.members import is_whole_member, member_behind
from pipeline.sources.native import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sources.stream import SourceStream

_PLAIN_START = re.compile(rb"WARC/1\.\d\r?\n")
GZIP_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_STARTS = (
    (b"\x1f\x8b", GZIP_START),
    (b"\x28\xb5\x2f\xfd", re.compile(rb"\x28\xb5\x2f\xfd")),
    (b"\x5d\x2a\x4d\x18", re.compile(rb"\x28\xb5\x2f\xfd")),
    (b"\x04\x22\x4d\x18", re.compile(rb"\x04\x22\x4d\x18")),
)
"""First bytes of a file, and what a part of it starts with: gzip, zstandard, zstandard behind its dictionary, lz4."""
_DICTIONARY = b"\x5d\x2a\x4d\x18"
_LARGEST_DICTIONARY = 16 * 2**20
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r?\n", re.IGNORECASE)
_FIRST_BLOCK, _BLOCK = 2**12, 2**20
_MOST_AGAIN, _TIMES_AGAIN = 256 * 2**20, 16
"""Bytes, and multiples of the file's size, that may be read again behind damage: records that each claim to hold all that follow would
otherwise cost the square of their number. What is left then is one damaged part."""
_CANDIDATES = 64
"""Things like a record's start that are tried before a place is given up."""
_OVERLAP = 64
_HEAD = 2**16


class Found:
    """A record and its byte offset in the file. It must be read before the next one is asked for.

    Who reads it sets `damaged` if its content broke off: then what follows up to the next start is part of the same damage.
    """

    __slots__ = ("_plain", "damaged", "offset", "record")

    def __init__(self, record: Any, offset: int, plain: SourceStream | None = None) -> None:
        self.record = record
        self.offset = offset
        self.damaged = False
        self._plain = plain

    def runs_over(self) -> bool:
        """Return whether something else than a line end follows the record, as where it was cut and its length left as it was.

        In a plain file its content then goes on into the next record. A compressed member ends by itself.
        """
        if self._plain is None:
            return False
        place = self._plain.tell()
        end = _end(self._plain, self.offset)
        if end is not None:
            self._plain.seek(end)
        over = end is not None and bool(self._plain.read(4).strip())
        self._plain.seek(place)
        return over


class Broken(NamedTuple):
    """A part of the file that is no record: where it begins, and the class of the error.

    `spoils` says why what was read of the record before it cannot be trusted; None if it can. The record lies in the same compressed
    member ("compressed_member"): damaged deflate and lz4 data may give as many bytes as it states, and only the member's end tells.
    """

    offset: int
    error: str
    spoils: str | None = None


def next_record(stream: SourceStream, place: int) -> int | None:
    """Return where at a place or behind it a record seems to begin: one of its own, or one in an archive that a record holds."""
    start, dictionary = _starts(stream)
    for _ in range(_CANDIDATES):
        place = next_start(stream, place, start)
        if place < 0 or start is _PLAIN_START or is_whole_member(stream, place, dictionary):
            break
        place += 1
    else:
        return None
    return place if place >= 0 else None


def read_archive(stream: SourceStream, place: int = 0) -> Iterator[Found | Broken]:
    """Yield the records from a place on, and one `Broken` for each damaged part however many false starts lie in it."""
    start, dictionary = _starts(stream)
    plain = stream if start is _PLAIN_START else None
    base, last, reported, again = place, -1, False, 0
    while base >= 0:
        try:
            for found in _parsed(stream, base, dictionary, plain):
                last = found.offset
                yield found
                reported = isinstance(found, Broken) or found.damaged
        except SluiceError:
            raise
        except Exception as error:  # noqa: BLE001 - the parser raises OSError, and may raise anything on garbage
            kind = type(error).__name__
        else:
            base, cut = _behind(stream, base, last, start)
            if cut is not None and not reported:
                yield cut
            continue
        reached = stream.tell()
        following = next_start(stream, max(last, base) + 1, start)
        if following >= 0:
            again += max(0, reached - following)
        if again > _MOST_AGAIN + _TIMES_AGAIN * stream.seek(0, 2):
            yield Broken(following, "TooManyRestarts")
            return
        if not reported and not (last >= 0 and plain and _is_only_space(stream, last, following)):
            spoiled = plain is None and last >= base and not is_whole_member(stream, last, dictionary)
            yield Broken(last + 1, kind, "compressed_member" if spoiled else None)
            reported = True
        base = following


def _parsed(stream: SourceStream, base: int, dictionary: bytes, plain: SourceStream | None) -> Iterator[Found | Broken]:
    """Yield the records from a place on, as far as the parser goes; one without a length was cut in its header."""
    stream.seek(base)
    resumed = _Resumed(stream, dictionary) if dictionary and base else None
    shift = base - len(dictionary) if resumed else 0
    with guarded():
        parser = iter(ArchiveIterator(resumed or stream, parse_http=True, auto_decode="none"))
    while True:
        with guarded():
            record = next(parser, None)
        if record is None:
            return
        offset = record.stream_pos + shift
        stated = record.headers.get("Content-Length") is not None
        yield Found(record, offset, plain) if stated else Broken(offset, "ContentLength")


def _starts(stream: SourceStream) -> tuple[re.Pattern[bytes], bytes]:
    """Return what a record starts with in this file, and the frame of its dictionary if it begins with one.

    A zstandard file may carry the dictionary of all its frames in a skippable frame before them (IIPC, "Use of Zstandard
    compression with WARC", 2021).
    """
    stream.seek(0)
    head = stream.read(8)
    dictionary = b""
    if head.startswith(_DICTIONARY) and len(head) == 8:
        (size,) = struct.unpack("<I", head[4:])
        dictionary = head + stream.read(size) if size <= _LARGEST_DICTIONARY else b""
    return next((start for magic, start in _STARTS if head.startswith(magic)), _PLAIN_START), dictionary


class _Resumed(io.RawIOBase):
    """The file from a place on, with the frame of its dictionary before it."""

    def __init__(self, stream: SourceStream, dictionary: bytes) -> None:
        self._stream = stream
        self._dictionary = io.BytesIO(dictionary)

    def read(self, size: int = -1) -> bytes:
        """Read from the dictionary's frame, then from the file: never more than is asked for, which the parser panics at."""
        return self._dictionary.read(size) or self._stream.read(size)

    def tell(self) -> int:
        """Return 0, all that the parser asks for at the beginning: only there does it look for a dictionary."""
        return 0

    def readable(self) -> bool:
        """Return True."""
        return True


def next_start(stream: SourceStream, place: int, start: re.Pattern[bytes]) -> int:
    """Return the offset of the next thing that looks like a record's start, or -1."""
    stream.seek(place)
    held = b""
    size = _FIRST_BLOCK  # the next one is often near, and a hostile file may hold very many
    while block := stream.read(size):
        size = min(2 * size, _BLOCK)
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
    place = _end(stream, last)
    if place is None:
        return False
    stream.seek(0, 2)
    stop = following if following >= 0 else stream.tell()
    if not 0 <= stop - place <= _HEAD:
        return False
    stream.seek(place)
    return not stream.read(stop - place).strip()


def _behind(stream: SourceStream, base: int, last: int, start: re.Pattern[bytes]) -> tuple[int, Broken | None]:
    """Return where to read on when the parser says that the file has ended, or -1, and what it passed over without a word.

    It takes an empty gzip member for the end of the file, and says nothing of a record that is cut in its first lines, nor of a
    member that lacks its end.
    """
    if start is _PLAIN_START:
        place = _rest(stream, last)
        return -1, Broken(place, "EOFError") if place >= 0 else None
    if start is not GZIP_START:
        return -1, None
    stream.seek(max(last, base))
    if not GZIP_START.match(stream.read(4)):
        return -1, None  # one member for all records: their places are not its own
    following = member_behind(stream, max(last, base))
    if following >= 0 or is_whole_member(stream, max(last, base)):
        return following, None
    return -1, Broken(base, "EOFError") if last < base else Broken(last + 1, "EOFError", "compressed_member")


def _rest(stream: SourceStream, last: int) -> int:
    """Return where, behind the last record of a plain file, something follows that the parser took for nothing, or -1.

    A record that is cut in its first lines is such a thing.
    """
    place = _end(stream, last) if last >= 0 else 0
    if place is None:
        return -1
    stream.seek(place)
    while block := stream.read(_HEAD):
        if left := block.lstrip():
            return place + len(block) - len(left)
        place += len(block)
    return -1


def _end(stream: SourceStream, offset: int) -> int | None:
    """Return where the record at an offset of a plain file ends by its own length; None where it states none."""
    stream.seek(offset)
    head = stream.read(_HEAD)
    end = re.search(rb"\r?\n\r?\n", head)
    length = _LENGTH.search(head, 0, end.end()) if end else None
    return None if end is None or length is None else offset + end.end() + int(length[1])
