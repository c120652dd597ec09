"""Iceberg's own files (metadata, manifests) through our store: the same credentials, synced writes, complete files or none."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pyiceberg.io import FileIO, InputFile, OutputFile

from pipeline.errors import SnapshotError
from pipeline.lake.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


def name_in(store: Store, location: str) -> str:
    """Turn an address inside the lake into a name."""
    prefix = store.uri("x")[:-1]
    if not location.startswith(prefix):
        raise SnapshotError(
            f"{location} lies outside the lake {store!r}: was the lake moved? Its tables hold full addresses"
        )
    return location.removeprefix(prefix)


class _Input(InputFile):
    def __init__(self, store: Store, location: str) -> None:
        super().__init__(location)
        self._store, self._file = store, name_in(store, location)

    def __len__(self) -> int:
        return self._store.size(self._file)

    def exists(self) -> bool:
        return self._store.exists(self._file)

    def open(self, seekable: bool = True) -> io.BytesIO:  # noqa: ARG002 - pyiceberg's signature
        return io.BytesIO(self._store.read_bytes(self._file))


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


class _Output(OutputFile):
    def __init__(self, store: Store, location: str) -> None:
        super().__init__(location)
        self._store, self._file = store, name_in(store, location)

    def __len__(self) -> int:
        return self._store.size(self._file)

    def exists(self) -> bool:
        return self._store.exists(self._file)

    def to_input_file(self) -> InputFile:
        return _Input(self._store, self.location)

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
        return _Input(self._store, location)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write."""
        return _Output(self._store, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file."""
        self._store.remove(name_in(self._store, location if isinstance(location, str) else location.location))
