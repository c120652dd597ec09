"""Walking a source's paths: files, folders, globs and fsspec URIs, each with its place under the root that it was found by."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.address import is_remote, protocol_of
from pipeline.errors import SourceUnavailable, SourceUnreadable
from pipeline.sources.access import OPEN, Access, filesystem, patiently

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source

_MAGIC = re.compile(r"[*?\[]")


class Found(NamedTuple):
    """A file of a source.

    Attributes
    ----------
    root
        Position of the source's path that it was found under.
    path
        Its place relative to that root, with forward slashes.
    uri
        Where it lies.
    size
        Bytes.
    link_out
        A symbolic link that leaves the root, or leads nowhere.
    special
        A pipe, a socket or a device: to open one may wait for ever.
    """

    root: int
    path: str
    uri: str
    size: int
    link_out: bool = False
    special: bool = False


def walk(source: Source, access: Access = OPEN) -> list[Found]:
    """Return the source's files, each once, sorted by place; of files with one place, the place starts with the path's number.

    Raises
    ------
    SourceUnavailable
        If a path does not exist, cannot be listed, or a pattern matches nothing.
    """
    found: dict[str, Found] = {}
    for position, path in enumerate(source.paths or (f"input/{source.name}",)):
        try:
            for entry in _remote(source, path, position, access) if is_remote(path) else _local(source, path, position):
                found.setdefault(entry.uri, entry)
        except OSError as error:  # a folder on the way is closed, or a file went meanwhile
            kind = type(error).__name__
            raise SourceUnreadable(
                f"source '{source.name}': cannot list {path} ({kind}); make it readable, then run again", error=kind
            ) from None
    return sorted(_distinct(list(found.values())), key=lambda entry: entry.path)


def _local(source: Source, path: str, position: int) -> Iterator[Found]:
    """Yield the files of a local path, folder or glob."""
    if Path(path).exists():
        if Path(path).is_dir():
            yield from _folder(source, Path(path).resolve(), position)
        else:
            yield _described(Path(path), Path(Path(path).name), position)
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


def _folder(source: Source, root: Path, position: int) -> Iterator[Found]:
    """Yield the files under a folder; linked folders are not entered (their files are found where they are, or are outside)."""

    def broken(error: OSError) -> None:
        kind = type(error).__name__
        raise SourceUnreadable(
            f"source '{source.name}': cannot list a folder under {root} ({kind}); make it readable, then run again",
            error=kind,
        ) from None

    for folder, folders, names in os.walk(root, onerror=broken):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted(names) + sorted(linked):
            file = Path(folder) / name
            place = file.relative_to(root)
            if not _wanted(place.parts, source) or (name in linked and _inside(file, root)):
                continue
            yield _entry(file, root, place, position)


def _entry(file: Path, root: Path, place: Path, position: int) -> Found:
    """Describe a file under a root; a link out of it, or to nothing, is marked."""
    if not _inside(file, root) or not file.exists():
        return Found(position, place.as_posix(), str(file), 0, link_out=True)
    return _described(file, place, position)


def _described(file: Path, place: Path, position: int) -> Found:
    """Describe a file at its place."""
    return Found(position, place.as_posix(), str(file.absolute()), file.stat().st_size, special=not file.is_file())


def _inside(file: Path, root: Path) -> bool:
    """Return whether a path, all links followed, lies under the root."""
    try:
        return file.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links that lead in a circle
        return False


def _remote(source: Source, uri: str, position: int, access: Access) -> Iterator[Found]:
    """Yield the files of an address: an object, a prefix or a glob."""
    filesystem_, path = filesystem(source.name, uri, access)
    try:
        root, found = patiently(lambda: _list(filesystem_, uri, path))
    except FileNotFoundError:
        root, found = "", {}
    except Exception as error:  # noqa: BLE001 - each file system raises its own; what they share is that the source cannot be reached
        kind = type(error).__name__
        raise SourceUnreadable(
            f"source '{source.name}': cannot list {uri} ({kind}); check the address and the credentials", error=kind
        ) from None
    if not found:
        raise _missing(source, uri)
    for name, details in sorted(found.items()):
        # As a string: two keys that differ in a doubled slash only are two objects.
        place = name[len(root) :].removeprefix("/") or name.rpartition("/")[2]
        is_file = details.get("type") != "directory" and not name.endswith("/")
        if is_file and _wanted(tuple(place.split("/")), source):
            yield Found(position, place, filesystem_.unstrip_protocol(name), int(details.get("size") or 0))


def _list(files: Any, uri: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the part that the names of an address's files share, and the files by name."""
    web = protocol_of(uri) in {"http", "https"}
    if magic := re.search(r"[*]" if web else _MAGIC, path):
        return path[: magic.start()].rsplit("/", 1)[0], files.glob(path, detail=True)
    if web and not uri.endswith("/"):
        # Asked whether it is a folder, fsspec would load the whole file in search of links.
        return path.rsplit("/", 1)[0], {path: files.info(path)}
    root = path.rstrip("/") if files.isdir(path) else path.rsplit("/", 1)[0]
    return root, files.find(path, detail=True)


def _distinct(entries: list[Found]) -> list[Found]:
    """Put the number of the source's path before the place of files that would otherwise share one."""
    seen: dict[str, int] = {}
    for entry in entries:
        seen[entry.path] = seen.get(entry.path, 0) + 1
    doubled = {entry.root for entry in entries if seen[entry.path] > 1}
    placed = [e._replace(path=f"{e.root}/{e.path}") if e.root in doubled else e for e in entries]
    if len({entry.path for entry in placed}) == len(placed):
        return placed
    # A path of another root looks like a numbered one: number all of them.
    return [e._replace(path=f"{e.root}/{e.path}") for e in entries]


def _wanted(parts: tuple[str, ...], source: Source) -> bool:
    """Return whether a file belongs to the input: nothing hidden on its way, and not the drop marker."""
    return bool(parts) and not any(part.startswith(".") for part in parts) and parts[-1] != source.marker


def _glob_root(pattern: str) -> Path:
    """Return the longest folder of a pattern that is free of wildcards."""
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    return Path(*parts[:fixed]) if fixed else Path()


def _missing(source: Source, path: str) -> SourceUnavailable:
    """Say what is missing and what to do."""
    return SourceUnavailable(
        f"source '{source.name}': nothing found at {path}; put files there that a reader knows (docs/sources.md), or name another place under "
        f"'paths' of the source in the configuration"
    )
