"""The automaton that finds phrases (`pipeline.text.phrases`) in a line, and the plain way to count them.

Phrases are matched in a line as the automaton sees it: ASCII letters in lower case, a run of other letters and digits as one "0", a run
of anything else as one space, with a space at both ends. So " act now " is matched as whole words, and "javascript" anywhere.
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.characters import CODE_POINTS, DIGIT, LOWER, MARK, SPACELESS, UPPER, tables
from pipeline.text.phrases import KINDS, PHRASES

Symbols = npt.NDArray[np.uint8]
States = npt.NDArray[np.uint16]
Hits = npt.NDArray[np.uint8]

SYMBOLS = 28
OTHER, SPACE_SYMBOL = 0, 27
"""Symbols beside the letters' 1 to 26: a digit or a letter outside ASCII, and everything else."""


class Automaton(NamedTuple):
    """A deterministic automaton over symbols (Aho and Corasick 1975)."""

    symbols: Symbols
    """Symbol of each code point."""
    following: States
    """Shape (states * 28,): the state after a symbol."""
    hits: Hits
    """Shape (states, KINDS): how many phrases of each kind end at a state."""
    hit: Symbols
    """Shape (states,): whether any does."""
    start: int
    """The state at the begin of a line: one space was seen."""


@lru_cache(maxsize=64)
def line_as_matched(line: str) -> str:
    """Return a line as phrases are matched in it.

    >>> line_as_matched("Buy 2, get it FREE!")
    ' buy 0 get it free '
    """
    mapped = "".join(_mapped(character) for character in line)
    return re.sub(r"( |0)\1+", r"\1", f" {mapped} ")


def count(line: str, kind: int) -> int:
    """Return how often phrases of a kind stand in a line, overlaps included.

    >>> from pipeline.text.phrases import LINK
    >>> count("Read more: https://example.org", LINK)
    1
    """
    seen = line_as_matched(line)
    total = 0
    for phrase in _anywhere(kind):
        at = seen.find(phrase)
        while at >= 0:
            total += 1
            at = seen.find(phrase, at + 1)
    by_word, at = _by_first_word(kind), 0
    for word in seen.split(" ")[1:-1]:
        total += sum(seen.startswith(phrase, at) for phrase in by_word.get(word, ()))
        at += len(word) + 1
    return total


@lru_cache(maxsize=KINDS)
def _anywhere(kind: int) -> tuple[str, ...]:
    """Return the phrases of a kind that need not stand alone."""
    return tuple(phrase for phrase in PHRASES[kind] if not (phrase[0] == " " == phrase[-1]))


@lru_cache(maxsize=KINDS)
def _by_first_word(kind: int) -> dict[str, list[str]]:
    """Return the others by their first word."""
    found: dict[str, list[str]] = {}
    for phrase in PHRASES[kind]:
        if phrase[0] == " " == phrase[-1]:
            found.setdefault(phrase.split()[0], []).append(phrase)
    return found


def _mapped(character: str) -> str:
    code = ord(character)
    kind = int(tables()[0][code]) & 0x0F
    if character.isascii() and character.isalpha():
        return character.lower()
    return "0" if kind in {LOWER, UPPER, SPACELESS, DIGIT, MARK} else " "


@lru_cache(maxsize=1)
def automaton() -> Automaton:
    """Return the automaton of all phrases."""
    goto: list[dict[int, int]] = [{}]
    hits: list[list[int]] = [[0] * KINDS]
    for kind, phrases in PHRASES.items():
        for phrase in phrases:
            state = 0
            for character in phrase:
                symbol = SPACE_SYMBOL if character == " " else (OTHER if character == "0" else ord(character) - 96)
                if symbol not in goto[state]:
                    goto[state][symbol] = len(goto)
                    goto.append({})
                    hits.append([0] * KINDS)
                state = goto[state][symbol]
            hits[state][kind] += 1
    following = np.zeros((len(goto), SYMBOLS), np.uint16)
    fallback = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        for symbol in range(SYMBOLS):
            after = goto[state].get(symbol)
            missing = int(following[fallback[state], symbol]) if state else 0
            if after is None:
                following[state, symbol] = missing
                continue
            following[state, symbol] = after
            fallback[after] = missing
            hits[after] = [a + b for a, b in zip(hits[after], hits[missing], strict=True)]
            queue.append(after)
    counted = np.array(hits, np.uint8)
    classes = tables()[0] & 0x0F
    symbols = np.full(CODE_POINTS, SPACE_SYMBOL, np.uint8)
    symbols[np.isin(classes, [LOWER, UPPER, SPACELESS, DIGIT, MARK])] = OTHER
    for code in range(26):
        symbols[ord("a") + code] = symbols[ord("A") + code] = code + 1
    start = int(following[0, SPACE_SYMBOL])
    hit: Symbols = np.asarray(counted.max(axis=1) > 0, np.uint8)
    return Automaton(symbols, following.ravel(), counted, hit, start)
