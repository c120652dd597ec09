"""What a user's mistake is called: the nearest word that would have been right, and a sentence for each error of pydantic."""

from __future__ import annotations

import difflib
import reprlib
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel


def hint(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the end of a sentence about an unknown word: the nearest known one, or all of them.

    Parameters
    ----------
    word
        What was written.
    known
        What would have been right.
    cutoff
        How alike the nearest must be, from 0 to 1, to be offered alone.

    Examples
    --------
    >>> hint("treshold", ["threshold", "seed"])
    "did you mean 'threshold'?"
    >>> hint("x", ["threshold", "seed"])
    'known: seed, threshold'
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=cutoff)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names)}"


def sentence(error: Any, root: type[BaseModel]) -> str:
    """Turn one of pydantic's errors into a sentence that names the key.

    Parameters
    ----------
    error
        An entry of `ValidationError.errors`.
    root
        The model that was validated; an unknown key is compared with the keys that its place in it has.
    """
    *parents, last = error["loc"]
    # A validator around a field adds a part of its own name.
    location = [*(part for part in parents if not str(part).startswith("function-")), last]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in location).removeprefix(
        "."
    )
    if error["type"] == "extra_forbidden":
        return f"unknown key '{key}', {hint(str(last), _keys_at(location[:-1], root))}"
    if error["type"] == "missing":
        return f"the key '{key}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    got = error["input"]
    # An address may hold a password, which no message repeats.
    shown = isinstance(got, str | int | float | bool | None) and "://" not in str(got)
    if error["type"] != "value_error" and shown:
        message += f", not {reprlib.repr(got)}"
    return f"'{key}': {message}"


def printable(key: str) -> str:
    r"""Return a key with line ends, control characters and the like escaped, so that a sentence stays one line.

    Examples
    --------
    >>> printable("a\nb")
    'a\\nb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in key)


def _keys_at(location: Sequence[Any], root: type[BaseModel]) -> list[str]:
    """Return the keys of the model at a place inside `root`; none where no model stands there."""
    model = root
    for part in location:
        if isinstance(part, int):
            continue
        found = _model_in(model.model_fields[part].annotation)
        if found is None:
            return []
        model = found
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation holds, looking into tuples and optionals."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
