"""Which files a source consists of: from paths, folders, globs and fsspec URIs, always in the same order.

A file is known by its path relative to the source's root, never by an absolute one, so that a corpus that is moved or mounted
elsewhere has the same batch ids and the same record places.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipeline.errors import SourceChanged, SourceUnreadable
from pipeline.source import Format, Source, SourceKind
from pipeline.sources.access import OPEN, Access, access_of
from pipeline.sources.stream import SourceStream
from pipeline.sources.walk import walk

if TYPE_CHECKING:
    from pipeline.sources.parts import Part

__all__ = ["Listing", "SourceFile", "SourceStream", "Unread", "format_of", "list_files"]

_COMPRESSED = r"(\.(gz|zst|bz2|xz))?$"
_SUFFIXES: tuple[tuple[Format, re.Pattern[str]], ...] = (
    ("warc", re.compile(r"\.(warc(\.(wet|wat))?|wet|wat|arc)(\.(gz|zst|lz4))?$", re.IGNORECASE)),
    ("jsonl", re.compile(r"\.(jsonl|ndjson|jsonlines|json)" + _COMPRESSED, re.IGNORECASE)),
    ("parquet", re.compile(r"\.(parquet|pq)$", re.IGNORECASE)),
)
_OF_LICENSED: tuple[tuple[Format, re.Pattern[str]], ...] = (
    ("csv", re.compile(r"\.(csv|tsv)" + _COMPRESSED, re.IGNORECASE)),
    ("text", re.compile(r"\.(txt|text|md|markdown)" + _COMPRESSED, re.IGNORECASE)),
    ("jats", re.compile(r"\.(xml|nxml)" + _COMPRESSED, re.IGNORECASE)),
)
"""Names that stand for a document in licensed content only: beside a crawl or a feed lie lists and read-me files too."""
_HASH_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source.

    Attributes
    ----------
    source
        The source's name.
    uri
        Where it lies: a local absolute path or an fsspec URI. Used to open it and for nothing else.
    path
        Its place relative to the source's root, with forward slashes: the `record_file` of its records.
    size
        Bytes.
    format
        How it is read.
    access
        What its file system is opened with; shown nowhere.
    part
        What of it is read, where it is cut in parts.
    """

    source: str
    uri: str
    path: str
    size: int
    format: Format
    access: Access = field(default=OPEN, repr=False, compare=False)
    part: Part | None = None

    def open(self) -> SourceStream:
        """Open the file for reading bytes.

        Raises
        ------
        SourceUnreadable
            If it cannot be opened; later, if it cannot be read on.
        """
        return SourceStream(self)

    def unavailable(self, act: str, error: Exception) -> SourceUnreadable:
        """Say that the file could not be opened or read."""
        kind = type(error).__name__
        return SourceUnreadable(
            f"source '{self.source}': cannot {act} {self.path} ({kind}); check that it is readable, then run again",
            self.path,
            kind,
        )

    def changed(self) -> SourceChanged:
        """Say that the file is not what it was."""
        return SourceChanged(
            f"source '{self.source}': {self.path} changed since the batch was opened; run again when it is complete"
        )

    def sha256(self, part: Part | None = None) -> str:
        """Return the digest of the file's bytes, or of a part's, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as stream:
            left = self.size if part is None else part.end - stream.seek(part.start)
            while block := stream.read(_HASH_BLOCK if part is None else min(_HASH_BLOCK, left)):
                digest.update(block)
                left -= len(block)
        return digest.hexdigest()


class Unread(NamedTuple):
    """A file that lies in the source and is not read; the caller counts and reports it."""

    path: str
    reason: Literal["unknown_format", "link_out_of_source", "no_regular_file", "undecodable_name"]


class Listing(NamedTuple):
    """The files of a source, sorted by path."""

    files: tuple[SourceFile, ...]
    unread: tuple[Unread, ...]


def list_files(source: Source) -> Listing:
    """Return the source's files and those that are in its place but cannot be read.

    Hidden files and the drop marker are passed over. A symbolic link that leaves the source's root is refused: a drop must not be
    able to pull in other files of the machine. A path that names a file itself may be a link. A name that is no UTF-8 cannot be a
    record's place, so its file is refused too.

    Raises
    ------
    SourceUnavailable
        If a path does not exist or a pattern matches nothing.
    """
    files, unread = [], []
    access = access_of(source)
    for entry in walk(source, access):
        kind = format_of(entry.path, source.kind) if source.format == "auto" else source.format
        if (name := _written(entry.path)) != entry.path:
            unread.append(Unread(name, "undecodable_name"))
        elif entry.link_out:
            unread.append(Unread(entry.path, "link_out_of_source"))
        elif entry.special:
            unread.append(Unread(entry.path, "no_regular_file"))
        elif kind is None:
            unread.append(Unread(entry.path, "unknown_format"))
        else:
            files.append(SourceFile(source.name, entry.uri, entry.path, entry.size, kind, access))
    return Listing(tuple(files), tuple(unread))


def _written(path: str) -> str:
    """Return a path as it can be written down: bytes that are no UTF-8 are spelt out."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def format_of(path: str, kind: SourceKind = "web") -> Format | None:
    """Return the format that a file's name stands for in a source of a kind.

    >>> format_of("2024/a.jsonl.gz"), format_of("b.warc.wet.gz"), format_of("c.doc")
    ('jsonl', 'warc', None)
    >>> format_of("README.txt", "web"), format_of("essay.txt", "licensed")
    (None, 'text')
    """
    known = (*_SUFFIXES, *_OF_LICENSED) if kind == "licensed" else _SUFFIXES
    return next((name for name, pattern in known if pattern.search(path)), None)
