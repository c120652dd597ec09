"""Iceberg's own files (metadata, manifests) through our store: the same credentials, synced writes, complete files or none."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pyiceberg.io import FileIO, InputFile, OutputFile

from pipeline.errors import SnapshotError
from pipeline.lake.format import roots
from pipeline.lake.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


def name_in(store: Store, location: str) -> str:
    """Turn an address inside the lake, at any root that it ever lay under, into a name: what is read is always the present lake.

    Raises
    ------
    SnapshotError
        If the address lies under none of the lake's roots.
    UserError
        If it would leave the root.
    """
    for again in (False, True):
        # The longest root first: a lake may have been moved into a folder of its former root, or out of one.
        for root in sorted(roots(store, again=again), key=len, reverse=True):
            if location.startswith(f"{root}/"):
                return Store.join(location.removeprefix(f"{root}/"))
    raise SnapshotError(
        f"{location} lies under no root that lake.json of {store!r} knows: if the lake was moved from there, "
        "run `sluice lake moved-from OLD_ROOT -c CONFIG`"
    )


class _Buffer(io.BytesIO):
    """Written at once when it is closed, unless the block that filled it raised."""

    def __init__(self, store: Store, name: str, overwrite: bool) -> None:
        super().__init__()
        self._store, self._file, self._overwrite = store, name, overwrite

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            super().close()
        super().__exit__(kind, error, trace)

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            super().close()
            if self._overwrite:
                self._store.write_atomic(self._file, data)
            elif not self._store.create_exclusive(self._file, data):
                raise FileExistsError(self._file)


class _File(InputFile, OutputFile):
    """A file of the lake, to be read or written."""

    def __init__(self, store: Store, location: str) -> None:
        super().__init__(location)
        self._store, self._file = store, name_in(store, location)

    def __len__(self) -> int:
        return self._store.size(self._file)

    def exists(self) -> bool:
        return self._store.exists(self._file)

    def open(self, seekable: bool = True) -> io.BytesIO:  # noqa: ARG002 - pyiceberg's signature
        return io.BytesIO(self._store.read_bytes(self._file))

    def to_input_file(self) -> InputFile:
        return self

    def create(self, overwrite: bool = False) -> io.BytesIO:
        return _Buffer(self._store, self._file, overwrite)


class StoreIO(FileIO):
    """What pyiceberg loads by the catalogue property `py-io-impl`."""

    ROOT = "sluice.root"

    def __init__(self, properties: Mapping[str, Any]) -> None:
        super().__init__(dict(properties))
        self._store = Store(properties[self.ROOT])

    def new_input(self, location: str) -> InputFile:
        """Return a file to read."""
        return _File(self._store, location)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write."""
        return _File(self._store, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file."""
        self._store.remove(name_in(self._store, location if isinstance(location, str) else location.location))
