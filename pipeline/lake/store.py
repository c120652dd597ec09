"""Where everything lies: one root, a local folder or any object store that fsspec knows.

Names are relative to the root, with forward slashes, and may not leave it. A file appears complete or not at all: locally it is
written beside its place, synced and renamed; an object store shows an object only when its upload is complete.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import re
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.fs

from pipeline.errors import SnapshotError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = ".tmp-"
"""Prefix of files that a killed writer may leave behind; no reader ever opens one."""

_CHUNK = 1 << 20


class Entry(NamedTuple):
    """One file of a listing."""

    name: str
    bytes: int
    modified: dt.datetime
    """By the store's own clock, UTC."""


class Store:
    """Files under one root.

    Parameters
    ----------
    root
        A folder (relative ones are taken from the current folder), or an fsspec URI such as ``s3://bucket/lake``. Credentials
        come from the environment of the store's own client, never from here.
    """

    def __init__(self, root: str) -> None:
        if not root or "\0" in root:
            raise UserError("the lake's root is empty: set lake.root to a folder or a URI")
        local = root.removeprefix("file://") if root.startswith("file://") else root
        self.is_local = "://" not in local
        self.root = str(Path(local).expanduser().absolute()) if self.is_local else root.rstrip("/")

    def __repr__(self) -> str:
        """Show the root without user, password and query, which may hold secrets."""
        return f"Store({re.sub(r'(?<=://)[^/@]*@', '***@', self.root).split('?')[0]!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the root only: a worker opens its own connection."""
        return {"root": self.root, "is_local": self.is_local}

    # -- names ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def join(*parts: str) -> str:
        """Return the relative name made of `parts`.

        Raises
        ------
        UserError
            If the name is empty or absolute, or would leave the root.

        >>> Store.join("batches", "b1", "batch.json")
        'batches/b1/batch.json'
        """
        name = "/".join(part.strip("/") if i else part.rstrip("/") for i, part in enumerate(parts))
        if "\0" in name or any(step in {"", ".", ".."} for step in name.split("/")):
            raise UserError(f"{name!r} is not a name inside the lake: use a relative name without '.' or '..'")
        return name

    def path(self, name: str) -> str:
        """Return the place of `name`: a path, or for an object store the key with its bucket."""
        return f"{self._base}/{self.join(name)}"

    def uri(self, name: str) -> str:
        """Return the full address of `name`, with its scheme."""
        return f"{self.address}/{self.join(name)}"

    @property
    def address(self) -> str:
        """The root's full address, with its scheme."""
        return f"{'file://' if self.is_local else ''}{self.root}"

    def child(self, name: str) -> str:
        """Return the root of a store inside this one."""
        return f"{self.root}/{self.join(name)}"

    def local_path(self, name: str) -> Path:
        """Return the path of `name` in a local lake.

        Raises
        ------
        UserError
            If the lake is an object store.
        """
        if not self.is_local:
            raise UserError(f"{self!r} is not a folder: this needs a lake on a local disk")
        return Path(self.path(name))

    # -- reading -------------------------------------------------------------------------------------------------------

    def read_bytes(self, name: str) -> bytes:
        """Return the content of `name`; FileNotFoundError if there is none."""
        if self.is_local:
            return Path(self.path(name)).read_bytes()
        return bytes(self._fsspec.cat_file(self.path(name)))

    def read_json(self, name: str) -> Any:
        """Return the JSON content of `name`; FileNotFoundError if there is none.

        Raises
        ------
        SnapshotError
            If the file is not JSON in UTF-8.
        """
        data = self.read_bytes(name)
        try:
            return json.loads(data)
        except ValueError:
            raise SnapshotError(f"{name} is damaged: it is not JSON; restore it or run its stage again") from None

    def exists(self, name: str) -> bool:
        """Return whether a file of that name is there, complete."""
        return Path(self.path(name)).is_file() if self.is_local else bool(self._fsspec.isfile(self.path(name)))

    def size(self, name: str) -> int:
        """Return the size of `name` in bytes; FileNotFoundError if there is none."""
        return Path(self.path(name)).stat().st_size if self.is_local else int(self._fsspec.size(self.path(name)))

    def digest(self, name: str) -> tuple[int, str]:
        """Return the size in bytes and the sha256 of `name`, read in pieces."""
        digest, size = hashlib.sha256(), 0
        with self.open_input(name) as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return size, digest.hexdigest()

    def list(self, prefix: str = "") -> list[str]:
        """Return the sorted names of all files below the folder `prefix`, temporary ones included.

        For garbage collection and listings only: a reader of data takes the files that a manifest names.
        """
        folder = self.path(prefix) if prefix else self._base
        if self.is_local:
            found = (f"{place}/{file}" for place, _, files in os.walk(folder) for file in files)
        else:
            try:
                found = iter(self._fsspec.find(folder))
            except FileNotFoundError:
                return []
        return sorted(path[len(self._base) + 1 :] for path in found)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Return the sorted names of the folders that lie directly in the folder `prefix`, without it."""
        selector = pyarrow.fs.FileSelector(self.path(prefix), allow_not_found=True)
        found = self.filesystem.get_file_info(selector)
        return tuple(sorted(info.base_name for info in found if info.type == pyarrow.fs.FileType.Directory))

    def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """Return all files below the folder `prefix`, by name, with size and time of change; for garbage collection only.

        A file that goes meanwhile may be missing.
        """
        folder = self.path(prefix) if prefix else self._base
        if self.is_local:
            return tuple(sorted(self._local_entries(folder)))
        try:
            found = self._fsspec.find(folder, detail=True)
        except FileNotFoundError:
            return ()
        return tuple(
            Entry(path[len(self._base) + 1 :], int(info["size"]), _modified(self._fsspec, path, info))
            for path, info in sorted(found.items())
        )

    def _local_entries(self, folder: str) -> Iterator[Entry]:
        for place, _, files in os.walk(folder):
            for file in files:
                with contextlib.suppress(FileNotFoundError):
                    found = Path(place, file).stat()
                    when = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
                    yield Entry(f"{place}/{file}"[len(self._base) + 1 :], found.st_size, when)

    def open_input(self, name: str) -> pa.NativeFile:
        """Open `name` for random reading, as pyarrow.parquet wants it; FileNotFoundError if there is none."""
        return self.filesystem.open_input_file(self.path(name))

    # -- writing -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def open_output(self, name: str) -> Iterator[pa.NativeFile]:
        """Open `name` for writing: ``with store.open_output(name) as sink``.

        The file appears when the block ends; if the block raises, nothing appears. An existing file is replaced.
        """
        place = self._temporary(name) if self.is_local else self.path(name)
        try:
            with self.filesystem.open_output_stream(place) as sink:
                yield sink
            if self.is_local:
                _sync(place)
                Path(place).replace(self.path(name))
                _sync(str(Path(place).parent))
        except BaseException:
            with contextlib.suppress(OSError):
                self.filesystem.delete_file(place)
            raise

    def write_atomic(self, name: str, data: bytes) -> None:
        """Write `name`, replacing it: a reader sees the old content or the new, never a part."""
        if self.is_local:
            with self._written_aside(name, data) as temporary:
                Path(temporary).replace(self.path(name))
        else:
            self._fsspec.pipe_file(self.path(name), data)

    def create_exclusive(self, name: str, data: bytes) -> bool:
        """Write `name` only if it does not exist; return whether this call created it.

        The compare-and-set of the lake: of any number of concurrent callers exactly one gets True, and complete content
        appears or nothing. Object stores do it with a conditional put (``If-None-Match: *`` in S3).
        """
        if not self.is_local:
            try:
                self._fsspec.pipe_file(self.path(name), data, mode="create")
            except FileExistsError:
                return False
            return True
        with self._written_aside(name, data) as temporary:
            try:
                os.link(temporary, self.path(name))
            except FileExistsError:
                # A retried link on a network file system may report its own first success; open(2), O_EXCL.
                return Path(temporary).stat().st_nlink == 2
        return True

    def has_exclusive_creation(self) -> bool:
        """Try whether the store keeps the promise of `create_exclusive`; some S3-compatible ones ignore the condition."""
        name = self.join("warehouse", f"{TEMPORARY}{uuid.uuid4().hex}")
        try:
            return self.create_exclusive(name, b"1") and not self.create_exclusive(name, b"2")
        finally:
            self.remove(name)

    def remove(self, name: str) -> None:
        """Remove `name`; nothing happens if it is not there."""
        with contextlib.suppress(FileNotFoundError):
            if self.is_local:
                Path(self.path(name)).unlink()
            else:
                self._fsspec.rm_file(self.path(name))

    # -- inside --------------------------------------------------------------------------------------------------------

    @cached_property
    def filesystem(self) -> pyarrow.fs.FileSystem:
        """The store as pyarrow's file system; its paths are those of `path`."""
        if self.is_local:
            return pyarrow.fs.LocalFileSystem()
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self._fsspec))

    @cached_property
    def _fsspec(self) -> Any:
        import fsspec

        # A cached listing would hide what another writer has just committed.
        return fsspec.url_to_fs(self.root, use_listings_cache=False)[0]

    @cached_property
    def _base(self) -> str:
        return self.root if self.is_local else str(self._fsspec._strip_protocol(self.root)).rstrip("/")  # noqa: SLF001 - fsspec's only way from a URI to a key

    def _temporary(self, name: str) -> str:
        """Return an unused path beside `name`, its folder made."""
        folder = Path(self.path(name)).parent
        _make_folder(folder)
        return str(folder / f"{TEMPORARY}{uuid.uuid4().hex}")

    @contextlib.contextmanager
    def _written_aside(self, name: str, data: bytes) -> Iterator[str]:
        """Write and sync `data` beside `name`; after the block, sync the folder and remove what is left."""
        temporary = self._temporary(name)
        try:
            with Path(temporary).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
            _sync(str(Path(temporary).parent))
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()


def _modified(filesystem: Any, path: str, info: dict[str, Any]) -> dt.datetime:
    """Return when an object was changed last; fsspec's stores say it in different words."""
    stated = next((info[key] for key in ("LastModified", "last_modified", "mtime", "created") if info.get(key)), None)
    if isinstance(stated, int | float):
        stated = dt.datetime.fromtimestamp(stated, dt.UTC)
    when: dt.datetime = stated if isinstance(stated, dt.datetime) else filesystem.modified(path)
    return when if when.tzinfo else when.replace(tzinfo=dt.UTC)


def _sync(path: str) -> None:
    """Make a file, or the entries of a folder, survive a power loss."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, durably."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        _sync(str(new.parent))
