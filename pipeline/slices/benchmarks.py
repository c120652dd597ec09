"""Benchmark items: from files that the configuration names, or the small built-in sets of our own writing."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import ConfigError
from pipeline.settings import BenchmarkSlice

TEXT_FIELDS = ("question", "prompt", "text", "sentence", "goal", "ctx")
"""Fields that hold an item's text, in order of preference; the answer is no part of it, as it is often one word.

The question goes first: `text` often holds the choices or the answer as well, and a page that quotes the question alone would not
be found by it. A question of fewer than `TELLING_WORDS` words gives way to a field that has more.
"""

TELLING_WORDS = 8

BUILT_IN = ("reasoning", "factuality", "safety")


class Item(NamedTuple):
    """One benchmark item."""

    slice: str
    id: str
    text: str

    @property
    def name(self) -> str:
        """``slice:id``, as verdicts and reports name it."""
        return f"{self.slice}:{self.id}"


@lru_cache(maxsize=4)
def load_items(slices: tuple[BenchmarkSlice, ...]) -> tuple[Item, ...]:
    """Return the items of all slices.

    Raises
    ------
    ConfigError
        If a slice has no file and no built-in set, or a file cannot be read or holds no items; the message names the line.
    """
    return tuple(item for entry in slices for item in _items(entry))


def digests(slices: Sequence[BenchmarkSlice]) -> dict[str, str]:
    """Return the sha256 of every file that the slices are made of, by slice and position (no path: the content decides)."""
    return {
        f"{entry.name}/{number}": hashlib.sha256(content).hexdigest()
        for entry in slices
        for number, (_, content) in enumerate(_contents(entry))
    }


def _items(entry: BenchmarkSlice) -> Iterator[Item]:
    found = False
    for number, (name, content) in enumerate(_contents(entry)):
        for line, row in _rows(name, content):
            texts = [row[field] for field in TEXT_FIELDS if isinstance(row.get(field), str) and row[field].strip()]
            if not texts:
                raise ConfigError(f"{name}, line {line}: no text in any of the fields {', '.join(TEXT_FIELDS)}")
            found = True
            text = next((text for text in texts if len(text.split()) >= TELLING_WORDS), texts[0])
            yield Item(entry.name, str(row.get("id", f"{number}.{line}")), text)
    if not found:
        raise ConfigError(
            f"benchmark slice '{entry.name}' has no items: name JSONL files with one item a line under 'files'"
        )


def _contents(entry: BenchmarkSlice) -> Iterator[tuple[str, bytes]]:
    if not entry.files:
        if entry.name not in BUILT_IN:
            raise ConfigError(
                f"benchmark slice '{entry.name}' names no files, and only {', '.join(BUILT_IN)} are built in; add 'files'"
            )
        name = f"{entry.name}.jsonl"
        yield name, (files("pipeline.slices") / "builtin" / name).read_bytes()
        return
    for name in entry.files:
        try:
            content = Path(name).read_bytes()
            yield name, gzip.decompress(content) if name.endswith(".gz") else content
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ConfigError(f"cannot read the benchmark file {name} of slice '{entry.name}': {reason}") from None


def _rows(name: str, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise ConfigError(f"{name}, line {number}: not JSON") from None
        if not isinstance(row, dict):
            raise ConfigError(f"{name}, line {number}: expected an object")
        yield number, row
