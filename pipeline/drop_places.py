"""Where drops lie: sub-folders of a folder, or of a prefix in an object store, with one manner of looking at both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pipeline.address import is_remote
from pipeline.errors import SourceUnreadable
from pipeline.fingerprint import digest
from pipeline.source import Source
from pipeline.sources.access import access_of, filesystem, patiently

T = TypeVar("T")
Complain = Callable[[str], None]


class Place(Protocol):
    """A folder that may be a drop."""

    @property
    def name(self) -> str:
        """The folder's own name."""

    @property
    def path(self) -> str:
        """What a source names to read it."""

    def holds(self, marker: str) -> bool:
        """Return whether the folder holds a file of that name."""

    def state(self) -> tuple[str, float]:
        """Return a digest of the drop's names, sizes and times, and when it changed last (seconds since 1970)."""


@dataclass(frozen=True)
class LocalPlace:
    """A folder on a disk."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    @property
    def path(self) -> str:
        """What a source names to read it."""
        return str(self.folder)

    def holds(self, marker: str) -> bool:
        """Return whether the folder holds a file of that name."""
        return (self.folder / marker).is_file()

    def state(self) -> tuple[str, float]:
        """Return a digest of the drop's names, sizes and times, and when it changed last (seconds since 1970).

        The last change is the newest of modification and inode change times, of folders too: a copy that preserves modification
        times cannot set the others.
        """
        entries = []
        newest = 0.0

        def fail(error: OSError) -> None:
            raise error

        for place, folders, names in os.walk(self.folder, onerror=fail):
            folders.sort()
            for path in (Path(place), *(Path(place) / name for name in sorted(names))):
                found = path.lstat()
                newest = max(newest, found.st_mtime, found.st_ctime)
                relative = os.fsencode(path.relative_to(self.folder)).hex()
                entries.append([relative, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino])
        return digest(sorted(entries)), newest


@dataclass(frozen=True)
class StoredPlace:
    """A prefix of an object store that ends in a slash."""

    files: Any
    key: str
    address: str

    @property
    def name(self) -> str:
        """The last part of the prefix."""
        return self.key.rpartition("/")[2]

    @property
    def path(self) -> str:
        """What a source names to read it."""
        return f"{self.address}/{self.name}/"

    def holds(self, marker: str) -> bool:
        """Return whether there is an object of that name under the prefix."""
        return bool(_reached(self.path, lambda: self.files.isfile(f"{self.key}/{marker}")))

    def state(self) -> tuple[str, float]:
        """Return a digest of the objects' keys, sizes, tags and times, and when the newest was written.

        An object appears when its upload is complete, and its time is that of the upload: nobody can set it.
        """
        found = _reached(self.path, lambda: self.files.find(self.key, detail=True))
        entries = [
            [name[len(self.key) :], details.get("size"), details.get("ETag"), _changed(details)]
            for name, details in found.items()
        ]
        return digest(sorted(entries, key=lambda entry: entry[0])), max((entry[3] for entry in entries), default=0.0)


def places(source: Source, complain: Complain) -> Iterator[Place]:
    """Yield the folders of a source that may be drops, by name; what can be none is complained about."""
    for root in source.paths:
        try:
            found = _stored(source, root) if is_remote(root) else _local(source, root, complain)
            yield from found
        except SourceUnreadable as error:
            complain(f"{source.name}: {error}")


def _local(source: Source, root: str, complain: Complain) -> list[Place]:
    try:
        entries = sorted(Path(root).iterdir()) if Path(root).is_dir() else []
    except OSError as error:
        complain(f"{source.name}: its folder cannot be listed ({error.strerror}); make it readable")
        return []
    found: list[Place] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            complain(f"{source.name}/{shown(entry.name)}: it is a link; put the folder itself there")
        elif entry.is_dir():
            found.append(LocalPlace(entry))
    return found


def _stored(source: Source, root: str) -> list[Place]:
    address = root.rstrip("/")
    files, path = filesystem(source.name, address, access_of(source))
    listed: list[Mapping[str, Any]] = _reached(root, lambda: _listing(files, path))
    keys = sorted(str(entry["name"]).rstrip("/") for entry in listed if entry.get("type") == "directory")
    return [
        StoredPlace(files, key, address)
        for key in keys
        if key != path.rstrip("/") and not key.rpartition("/")[2].startswith(".")
    ]


def _listing(files: Any, path: str) -> list[Mapping[str, Any]]:
    try:
        return list(files.ls(path, detail=True))
    except FileNotFoundError:
        return []  # nothing arrived yet: a store has no empty folders


def _reached(address: str, act: Callable[[], T]) -> T:
    """Return what a store answers; what it raises in the end becomes a sentence."""
    try:
        return patiently(act)
    except Exception as error:  # noqa: BLE001 - each file system raises its own
        kind = type(error).__name__
        raise SourceUnreadable(
            f"cannot list {address} ({kind}); check the address and the credentials", error=kind
        ) from None


def _changed(details: Mapping[str, Any]) -> float:
    """Return when an object was written, in seconds since 1970; file systems say it in different words."""
    stated = next(
        (details[key] for key in ("LastModified", "last_modified", "mtime", "created") if details.get(key)), 0.0
    )
    if isinstance(stated, datetime):
        return (stated if stated.tzinfo else stated.replace(tzinfo=UTC)).timestamp()
    return float(stated)


def shown(name: str) -> str:
    """Return a name as it can stand in a log: one line, and Unicode."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)
