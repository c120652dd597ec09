"""How surprising the letters of a text are in its language: what tells words from gibberish.

The tables (`letters.npz`) say how many sixteenths of a (scaled) bit each letter costs after the two symbols before it; they are made by
`pipeline/quality/language_tables.py`. A symbol is one of the 26 letters, in lower case and without accents, any other letter
(`OTHER`), or 0 for whatever is none: a run of those is one symbol.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.uint8]

FILE = Path(__file__).parent / "letters.npz"
LANGUAGES = frozenset(
    {"ca", "cs", "da", "de", "en", "es", "et", "fi", "fr", "hu", "id", "it", "lt", "lv", "nb"}
    | {"nl", "pl", "pt", "ro", "sk", "sl", "sv", "tr"}
)
"""Languages of Latin script that have a table."""
OTHER = 27
SYMBOLS = 28
UNIT = 16
"""Table entries to a bit."""
ORDINARY = 3.2
"""What a letter of ordinary text costs, in bits, in every language: the tables are scaled to it, so that one limit fits all."""
_LAST = 0x34000


@lru_cache(maxsize=4096)
def symbol(character: str) -> int:
    """Return a character's symbol.

    >>> symbol("É"), symbol("ß"), symbol("7"), symbol("'")
    (5, 27, 0, 0)
    """
    if not character.isalpha():
        return 0
    base = unicodedata.normalize("NFD", character)[0].lower()
    return ord(base) - 96 if "a" <= base <= "z" else OTHER


def symbols(text: str) -> Iterator[int]:
    """Return a text's symbols, and 0 after the last."""
    for character in text:
        # An accent of its own belongs to the letter before it.
        if not unicodedata.combining(character):
            yield symbol(character)
    yield 0


def surprise(text: str, language: str) -> float:
    """Return the mean surprise of a text's letters in bits (`ORDINARY` for ordinary text); 0 where it has none.

    Raises
    ------
    KeyError
        If the language has no table.
    """
    return cost(text, tables()[language])


def cost(text: str, table: Table) -> float:
    """Return the mean cost of a text's letters by a table."""
    before = last = total = count = 0
    for following in symbols(text):
        if following or last:
            total += int(table[before, last, following])
            count += 1
            before, last = last, following
    return total / UNIT / count if count else 0.0


@lru_cache(maxsize=1)
def tables() -> dict[str, Table]:
    """Return each language's table, of shape (SYMBOLS, SYMBOLS, SYMBOLS)."""
    if not FILE.exists():
        return {}
    with np.load(FILE) as file:
        return {name: file[name] for name in file.files}


@lru_cache(maxsize=1)
def symbol_table() -> npt.NDArray[np.uint8]:
    """Return the symbol of every code point; 255 for combining marks, which are skipped."""
    found = np.zeros(0x110000, np.uint8)
    for code in range(_LAST):
        character = chr(code)
        found[code] = 255 if unicodedata.combining(character) else symbol.__wrapped__(character)
    for code in range(0x1E000, 0x1F000):
        if unicodedata.combining(chr(code)):
            found[code] = 255
    return found
