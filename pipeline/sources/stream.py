"""A source's file as a stream of bytes that survives a lost connection, and tells a lost file from a damaged one."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.address import is_remote
from pipeline.errors import SluiceError
from pipeline.sources.access import filesystem, patiently

if TYPE_CHECKING:
    from pipeline.sources.files import SourceFile

T = TypeVar("T")
_STEP = 2**20


class SourceStream(io.RawIOBase):
    """A file's bytes; what the storage raises becomes `SourceUnavailable`, so that it is not taken for a damaged file.

    A connection that breaks off is opened again and read on at the same byte, a bounded number of times. A broken archive is not a
    matter of another try: its records fail instead.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._remote = is_remote(file.uri)
        self._position = 0
        self._stream: Any = None
        self._version: Any = None
        self._reach("open", self._opened)

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, fewer only at the end."""
        data = self._reach("read", lambda: self._read(size))
        self._position += len(data)
        return data

    def seekable(self) -> bool:
        """Return True: what cannot seek is opened again and read up to the place."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte."""
        start = (0, self._position, 0)[whence] if whence < 2 else self._reach("read", self._end)
        if start + offset < 0:
            raise ValueError("a place before the file's first byte")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._drop()
        super().close()

    def _reach(self, act: str, function: Callable[[], T]) -> T:
        """Call a function on the storage, again where that may help; what is left of its errors names the file and the class."""
        try:
            return patiently(function, after_failure=self._drop) if self._remote else function()
        except SluiceError:
            raise
        except Exception as error:  # noqa: BLE001 - each file system raises its own
            if type(error).__name__ == "FileExpired":  # s3fs: no longer the object that was opened
                raise self._file.changed() from None
            raise self._file.unavailable(act, error) from None

    def _opened(self) -> Any:
        """Return the storage's stream, opened if need be."""
        if self._stream is None:
            if self._remote:
                files, path = filesystem(self._file.source, self._file.uri, self._file.access)
                self._stream = files.open(path, "rb")
                self._check_version()
            else:
                self._stream = Path(self._file.uri).open("rb")  # noqa: SIM115 - `close` closes it
        return self._stream

    def _check_version(self) -> None:
        """Make sure that a file that was opened again is the one that was opened first."""
        details = getattr(self._stream, "details", None) or {}
        version = (getattr(self._stream, "size", None), details.get("ETag"))
        if self._version not in {None, version}:
            raise self._file.changed()
        self._version = version

    def _read(self, size: int) -> bytes:
        """Read from the position."""
        stream = self._at_position()
        data: bytes = stream.read(size)
        end = getattr(stream, "size", None) if self._remote else None
        if not data and size and end is not None and self._position < end:
            raise EOFError  # the server ended its answer early and called it complete
        return data

    def _at_position(self) -> Any:
        """Return the storage's stream at the position; one that cannot seek is read up to there."""
        stream = self._opened()
        if stream.tell() == self._position:
            return stream
        if not self._remote or getattr(stream, "size", None) is not None:
            stream.seek(self._position)
            return stream
        if stream.tell() > self._position:
            self._drop()
            stream = self._opened()
        while (left := self._position - stream.tell()) > 0 and stream.read(min(left, _STEP)):
            pass
        return stream

    def _end(self) -> int:
        """Return the length of the file."""
        stream = self._opened()
        if not self._remote:
            return int(stream.seek(0, 2))
        if getattr(stream, "size", None) is None:
            raise io.UnsupportedOperation  # the server does not say
        return int(stream.size)

    def _drop(self) -> None:
        """Let go of the storage's stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(Exception):
                stream.close()
