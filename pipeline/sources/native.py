"""Native parsers that panic: made an ordinary error, which costs one record and not the task."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class ParserPanic(RuntimeError):  # noqa: N818 - named for what it was
    """A parser written in Rust stopped on its own mistake."""


@contextmanager
def guarded() -> Iterator[None]:
    """Raise `ParserPanic` for a panic inside; it derives from `BaseException`, and its class cannot be imported."""
    try:
        yield
    except BaseException as error:
        if type(error).__module__ == "pyo3_runtime":
            raise ParserPanic("a native parser panicked") from None
        raise
