"""Keeps what an unforeseen exception says out of logs: its message may quote a text, its class and place do not.

What Sluice raises on purpose (`SluiceError`) passes as it is, without the exceptions that led to it, whose messages may quote as
well. ``SLUICE_RAW_ERRORS=1`` lets everything pass whole, for a debugger on a machine whose terminal may show text.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from pipeline.config import environment
from pipeline.errors import ConnectionLost, SluiceError, UnexpectedError

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = Path(__file__).parent
_LOST = (ConnectionError, TimeoutError)
_LOST_NAMES = frozenset({"Py4JNetworkError"})
"""Classes of connection errors that are known by name only, because importing them is dear."""


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise nothing but `SluiceError`, with no other exception chained to it.

    Raises
    ------
    ConnectionLost
        In the place of an exception that stands for a lost connection.
    UnexpectedError
        In the place of any other that is not a `SluiceError`; it names class and place.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if environment("RAW_ERRORS"):
            return function(*args, **kwargs)
        try:
            return function(*args, **kwargs)
        except SluiceError as error:
            error.__cause__ = error.__context__ = None
            caught = error
        except Exception as error:  # noqa: BLE001 - whatever it is, its message must not get out
            caught = described(error)
        raise caught  # outside of the handlers, so that nothing is chained to it

    return call


def described(error: Exception) -> SluiceError:
    """Return what may be said of an exception: its class and the place in this package that it came through last."""
    kind = ConnectionLost if isinstance(error, _LOST) or type(error).__name__ in _LOST_NAMES else UnexpectedError
    return kind(f"{type(error).__name__} {_place(error)}")


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    own = [frame for frame in inside if Path(frame.filename) != Path(__file__)]
    if not own:
        return "outside of Sluice"
    last = own[-1]
    return f"in pipeline/{Path(last.filename).relative_to(PACKAGE).as_posix()}:{last.lineno}, {last.name}"
