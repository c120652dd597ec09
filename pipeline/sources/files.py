"""Which files a source consists of: from paths, folders, globs and fsspec URIs, always in the same order.

A file is known by its path relative to the source's root, never by an absolute one, so that a corpus that is moved or mounted
elsewhere has the same batch ids and the same record places.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, NamedTuple, cast

import fsspec

from pipeline.config import Source
from pipeline.errors import SourceUnavailable

Format = Literal["jsonl", "parquet", "warc"]

_COMPRESSED = r"(\.(gz|zst|bz2|xz))?$"
_SUFFIXES: tuple[tuple[Format, re.Pattern[str]], ...] = (
    ("warc", re.compile(r"\.(warc(\.(wet|wat))?|wet|wat)(\.(gz|zst|lz4))?$", re.IGNORECASE)),
    ("jsonl", re.compile(r"\.(jsonl|ndjson|jsonlines|json)" + _COMPRESSED, re.IGNORECASE)),
    ("parquet", re.compile(r"\.(parquet|pq)$", re.IGNORECASE)),
)
_MAGIC = re.compile(r"[*?\[]")
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
    """

    source: str
    uri: str
    path: str
    size: int
    format: Format

    def open(self) -> SourceStream:
        """Open the file for reading bytes.

        Raises
        ------
        SourceUnavailable
            If it cannot be opened; later, if it cannot be read on.
        """
        try:
            return SourceStream(cast("BinaryIO", fsspec.open(self.uri, "rb").open()), self)
        except (OSError, ValueError, ImportError) as error:
            raise self.unavailable("open", error) from None

    def unavailable(self, act: str, error: Exception) -> SourceUnavailable:
        """Say that the file could not be opened or read."""
        return SourceUnavailable(
            f"source '{self.source}': cannot {act} {self.path} ({type(error).__name__}); check that it is readable, then run again"
        )

    def sha256(self) -> str:
        """Return the digest of the file's bytes, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as stream:
            while block := stream.read(_HASH_BLOCK):
                digest.update(block)
        return digest.hexdigest()


class SourceStream(io.RawIOBase):
    """A file's bytes; what the storage raises becomes `SourceUnavailable`, so that it is not taken for a damaged file.

    A lost connection is worth another try; a broken archive is not, and its records fail instead.
    """

    def __init__(self, stream: BinaryIO, file: SourceFile) -> None:
        self._stream = stream
        self._file = file

    def read(self, size: int = -1) -> bytes:  # type: ignore[override] # never None: the stream blocks
        """Read up to `size` bytes, fewer only at the end."""
        try:
            return self._stream.read(size)
        except Exception as error:  # noqa: BLE001 - each file system raises its own
            raise self._file.unavailable("read", error) from None

    def seekable(self) -> bool:
        """Return True: all storage that fsspec opens for reading can seek."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()


class Unread(NamedTuple):
    """A file that lies in the source and is not read; the caller counts and reports it."""

    path: str
    reason: Literal["unknown_format", "link_out_of_source"]


class Listing(NamedTuple):
    """The files of a source, sorted by path."""

    files: tuple[SourceFile, ...]
    unread: tuple[Unread, ...]


class _Found(NamedTuple):
    """A file on its way into the listing; `path` is relative to the root that it was found under."""

    root: int
    path: str
    uri: str
    size: int
    link_out: bool = False


def list_files(source: Source) -> Listing:
    """Return the source's files and those that are in its place but cannot be read.

    Hidden files and the drop marker are passed over. A symbolic link that leaves the source's root is refused: a drop must not be
    able to pull in other files of the machine. A path that names a file itself may be a link.

    Raises
    ------
    SourceUnavailable
        If a path does not exist or a pattern matches nothing.
    """
    found: dict[str, _Found] = {}
    for position, path in enumerate(source.paths or (f"input/{source.name}",)):
        listed = list(_remote(source, path, position) if "://" in path else _local(source, path, position))
        for entry in listed:
            found.setdefault(entry.uri, entry)
    entries = sorted(_distinct(list(found.values())), key=lambda entry: entry.path)
    files, unread = [], []
    for entry in entries:
        kind = format_of(entry.path) if source.format == "auto" else source.format
        if entry.link_out:
            unread.append(Unread(entry.path, "link_out_of_source"))
        elif kind is None:
            unread.append(Unread(entry.path, "unknown_format"))
        else:
            files.append(SourceFile(source.name, entry.uri, entry.path, entry.size, kind))
    return Listing(tuple(files), tuple(unread))


def format_of(path: str) -> Format | None:
    """Return the format that a file's name stands for.

    >>> format_of("2024/a.jsonl.gz"), format_of("b.warc.wet.gz"), format_of("c.csv")
    ('jsonl', 'warc', None)
    """
    return next((name for name, pattern in _SUFFIXES if pattern.search(path)), None)


def inputs_digest(files: Iterable[SourceFile]) -> str:
    """Return a digest of what the files are: source, relative path and content, whatever their order and place."""
    rows = sorted((file.source, file.path, file.sha256()) for file in files)
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


def _local(source: Source, path: str, position: int) -> Iterator[_Found]:
    """Yield the files of a local path, folder or glob."""
    if Path(path).exists():
        if Path(path).is_dir():
            yield from _folder(source, Path(path).resolve(), position)
        else:
            yield _Found(position, Path(path).name, str(Path(path).absolute()), Path(path).stat().st_size)
        return
    if not _MAGIC.search(path):
        raise _missing(source, path)
    root = _glob_root(path)
    matches = sorted(match for match in root.glob(str(Path(path).relative_to(root))) if root.is_dir())
    if not matches:
        raise _missing(source, path)
    for match in matches:
        if match.is_dir() or not _wanted(match.relative_to(root).parts, source):
            continue
        yield _entry(match, root.resolve(), match.relative_to(root), position)


def _folder(source: Source, root: Path, position: int) -> Iterator[_Found]:
    """Yield the files under a folder; linked folders are not entered (their files are found where they are, or are outside)."""

    def broken(error: OSError) -> None:
        raise SourceUnavailable(
            f"source '{source.name}': cannot list a folder under {root} ({error.strerror}); make it readable, then run again"
        ) from None

    for folder, folders, names in os.walk(root, onerror=broken):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted(names) + sorted(linked):
            file = Path(folder) / name
            place = file.relative_to(root)
            if not _wanted(place.parts, source) or (name in linked and _inside(file, root)):
                continue
            yield _entry(file, root, place, position)


def _entry(file: Path, root: Path, place: Path, position: int) -> _Found:
    """Describe a file under a root; a link out of it, or to nothing, is marked."""
    if not _inside(file, root) or not file.exists():
        return _Found(position, place.as_posix(), str(file), 0, link_out=True)
    return _Found(position, place.as_posix(), str(file.absolute()), file.stat().st_size)


def _inside(file: Path, root: Path) -> bool:
    """Return whether a path, all links followed, lies under the root."""
    return file.resolve().is_relative_to(root)


def _remote(source: Source, uri: str, position: int) -> Iterator[_Found]:
    """Yield the files of an fsspec URI: an object, a prefix or a glob."""
    try:
        filesystem, path = fsspec.core.url_to_fs(uri)
        if _MAGIC.search(path):
            root = path[: _MAGIC.search(path).start()].rsplit("/", 1)[0]  # type: ignore[union-attr] # it matched just before
            found = filesystem.glob(path, detail=True)
        else:
            root = path.rstrip("/") if filesystem.isdir(path) else path.rsplit("/", 1)[0]
            found = filesystem.find(path, detail=True)
    except FileNotFoundError:
        found = {}
    except Exception as error:  # each file system raises its own; what they share is that the source cannot be reached
        raise SourceUnavailable(
            f"source '{source.name}': cannot list {uri} ({type(error).__name__}); check the address and the credentials"
        ) from None
    if not found:
        raise _missing(source, uri)
    for name, details in sorted(found.items()):
        place = PurePosixPath(name[len(root) :].lstrip("/"))
        if details.get("type") != "directory" and _wanted(place.parts, source):
            yield _Found(position, str(place), filesystem.unstrip_protocol(name), int(details.get("size") or 0))


def _distinct(entries: list[_Found]) -> list[_Found]:
    """Put the number of the source's path before the place of files that would otherwise share one."""
    seen: dict[str, int] = {}
    for entry in entries:
        seen[entry.path] = seen.get(entry.path, 0) + 1
    doubled = {entry.root for entry in entries if seen[entry.path] > 1}
    return [e._replace(path=f"{e.root}/{e.path}") if e.root in doubled else e for e in entries]


def _wanted(parts: tuple[str, ...], source: Source) -> bool:
    """Return whether a file belongs to the input: nothing hidden on its way, and not the drop marker."""
    return bool(parts) and not any(part.startswith(".") for part in parts) and parts[-1] != source.drop_marker


def _glob_root(pattern: str) -> Path:
    """Return the longest folder of a pattern that is free of wildcards."""
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    return Path(*parts[:fixed]) if fixed else Path()


def _missing(source: Source, path: str) -> SourceUnavailable:
    """Say what is missing and what to do."""
    return SourceUnavailable(
        f"source '{source.name}': nothing found at {path}; put .jsonl, .parquet or .warc files there, or name another place under "
        f"'paths' of the source in the configuration"
    )
