r"""Windows: the stretches of a document that a recogniser need look at.

A recogniser's match lies within one run of the characters that it knows (its *members*) and holds its *anchor*. So the runs that
hold an anchor, with the one character on each side that a look-around may read, give the same matches as the whole text.

A run is cut `reach` characters from its anchor. That bounds the cost of a hostile text (the recognisers' patterns backtrack) and
keeps the whole linear in the text's length; what lies further away can only belong to a match that is longer than the thing may
be: a mail address has 254 characters at most (RFC 5321, 4.5.3.1), an IBAN 34, a Bitcoin address 90.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import regex

from pipeline.pii.screens import MAESTRO, PHONE_DIGITS, PHONE_PUNCTUATION


class Window(NamedTuple):
    """How to find the stretches of one entity."""

    anchor: Any
    """Compiled pattern that every match holds."""
    outside: Any
    """Compiled pattern of a character that is no member."""
    outside_before: Any
    """The same, searching backwards."""
    reach: int
    """Characters on each side of an anchor at which a run is cut."""


def _window(anchor: Any, members: str, reach: int) -> Window:
    return Window(anchor, regex.compile(f"[^{members}]"), regex.compile(f"(?r)[^{members}]"), reach)


_HEX = r"[0-9A-Fa-f]{1,4}:"

WINDOWS: dict[str, Window] = {
    "EMAIL_ADDRESS": _window(regex.compile(r"[!#$%&'*+\-/=?^_`{|}~\w]@\w"), r"!#$%&'*+\-/=?^_`{|}~.@\w", 256),
    "CREDIT_CARD": _window(re.compile(rf"(?:\d[- ]?){{12}}\d|{MAESTRO}[0-9]{{8}}"), r"\d\- ", 512),
    "IBAN_CODE": _window(re.compile(r"[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}"), "A-Z0-9 -", 512),
    "US_SSN": _window(re.compile(r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}"), r"0-9 .\-", 512),
    "IP_ADDRESS": _window(
        regex.compile(
            rf"[0-9]\.[0-9]{{1,3}}\.[0-9]{{1,3}}\.[0-9]|(?<![\w:])(?:(?:{_HEX}){{1,7}}:|::[0-9A-Fa-f]|(?:{_HEX}){{7}})"
        ),
        r"\w:.%/",
        256,
    ),
    # K and s fold to the Kelvin sign and the long s when case is ignored.
    "CRYPTO": _window(re.compile(r"(?:[Bb][Cc]1|[13])[0-9A-Za-z]{25}|0x[0-9a-fA-F]{40}"), "0-9A-Za-z\u212a\u017f", 512),
}

_PUNCTUATION = re.sub(r"\\x\{([0-9A-F]+)\}", lambda match: re.escape(chr(int(match[1], 16))), PHONE_PUNCTUATION)
PHONE_CHAIN = re.compile(rf"\d(?:[{_PUNCTUATION}]{{0,4}}\d){{{PHONE_DIGITS - 1},}}")
"""A longest run of at least `PHONE_DIGITS` digits with at most four punctuation characters between two of them."""

_PHONE_LEAD = regex.compile(rf"(?r)[(\[\uFF08\uFF3B+\uFF0B{_PUNCTUATION}]{{0,10}}")
_SPACES = r"[ \u00A0\t,]"
_EXPLICIT = r"e?xt(?:ensi(?:o\u0301?|\u00F3))?n?|\uFF45?\uFF58\uFF54\uFF4E?|\u0434\u043E\u0431|anexo"
_AMBIGUOUS = r"[x\uFF58#\uFF03~\uFF5E]|int|\uFF49\uFF4E\uFF54"
_LABELLED = r"[:.\uFF0E]?[ \u00A0\t,-]{0,20}"
_EXTENSION_LABEL = rf"(?:;ext=|{_SPACES}{{0,20}}(?:{_EXPLICIT}){_LABELLED})"
"""libphonenumber's labels that say plainly that an extension follows; its others are `_AMBIGUOUS`."""
_PHONE_EXTENSION = re.compile(
    rf"(?:{_EXTENSION_LABEL}|{_SPACES}{{0,20}}(?:{_AMBIGUOUS}){_LABELLED}|[- ]{{1,20}})\d{{1,20}}#?", re.IGNORECASE
)
STATED_EXTENSION = re.compile(rf"{_EXTENSION_LABEL}\d", re.IGNORECASE)
"""What stands behind a number that the text itself says to have an extension."""
_LABEL_BEFORE = regex.compile(
    rf"(?r)(?<=\d)(?:(?P<plain>{_EXTENSION_LABEL})|{_SPACES}{{0,20}}(?:{_AMBIGUOUS}){_LABELLED})", regex.IGNORECASE
)
_EXTENSION_DIGITS = (9, 20)
"""Most digits of an extension behind an ambiguous label and behind a plain one (libphonenumber's limits)."""
_PHONE_OPENING, _PHONE_CLOSING = "([\uff08\uff3b", ")]\uff09\uff3d"
_PHONE_PIECE, _PHONE_OVERLAP, _PHONE_AFTER = 512, 64, 4


def national_window(anchor: str) -> Window:
    """Return how to find the stretches of a national number: 20 characters at most, so that a run is cut early."""
    return _window(re.compile(anchor), r"0-9A-Za-z\x09-\x0d\x1c-\x20.\-:+", 48)


def windows(text: str, window: Window) -> Iterator[tuple[int, int]]:
    """Yield the stretches of `text`, as start and end, that hold every match of an entity, in order; those of a cut run overlap."""
    reach, done = window.reach, 0
    for anchor in window.anchor.finditer(text):
        if anchor.end() <= done:
            continue
        before = window.outside_before.search(text, max(0, anchor.start() - reach), anchor.start())
        after = window.outside.search(text, anchor.end(), anchor.end() + reach)
        start = before.start() if before else max(0, anchor.start() - reach)
        end = after.end() if after else min(len(text), anchor.end() + reach)
        yield start, end
        # A run that was cut may hold further anchors near the cut, whose match would be cut with it.
        done = end if after else end - reach // 2


class PhoneWindow(NamedTuple):
    """A chain of digits with what may belong to it."""

    start: int
    end: int
    last: int
    """A number that starts at or after this place belongs to a later chain."""
    chain: str
    """The chain's digits and punctuation."""
    begins: bool = True
    """Whether the text's chain begins here, so that what stands before it may make it the tail of a name."""


def phone_windows(text: str) -> Iterator[PhoneWindow]:
    """Yield the stretches of `text` that hold every phone number of at least `PHONE_DIGITS` digits.

    libphonenumber's candidate starts at a chain's first digit, or at the brackets and plus signs before it (two groups of one and
    up to four), and may end in an extension; it reads one character before and three after. A chain behind an extension's label
    may begin with the extension of what stands before, were it a single digit, and the numbers that the library then finds in
    the extension and in the rest are others than in the whole: each has a window. A chain longer than `_PHONE_PIECE` characters
    is cut into overlapping pieces: a number has 21 groups at most and mostly far fewer.
    """
    for match in PHONE_CHAIN.finditer(text):
        first, last = match.span()
        extension = _PHONE_EXTENSION.match(text, last)
        end = min(len(text), (extension.end() if extension else last) + _PHONE_AFTER)
        if last - first > _PHONE_PIECE:
            yield from _pieces(text, first, last)
            continue
        yield PhoneWindow(_phone_start(text, first), end, last, match[0])
        yield from _bracketed(text, first, last, end)
        yield from _behind_label(text, first, last, end)


def _behind_label(text: str, first: int, last: int, end: int) -> Iterator[PhoneWindow]:
    """Yield an extension with its label, and what is left of its chain behind it, where a label stands before a chain."""
    label = _LABEL_BEFORE.match(text, max(0, first - _PHONE_OVERLAP), first)
    if not label:
        return
    behind = first + 1
    while behind < min(last, first + _EXTENSION_DIGITS[label["plain"] is not None]) and text[behind].isdecimal():
        behind += 1
    if behind - first >= PHONE_DIGITS:
        yield PhoneWindow(label.start() - 1, behind, behind, text[first:behind], begins=False)
    rest = PHONE_CHAIN.search(text, behind, last)
    if rest:
        yield PhoneWindow(max(behind, _phone_start(text, rest.start())), end, last, rest[0], begins=False)


def _phone_start(text: str, first: int) -> int:
    """Return where the window of a chain that starts at `first` starts: at the character before what may lead it."""
    lead = _PHONE_LEAD.match(text, 0, first)
    return max(0, (lead.start() if lead else first) - 1)


def _bracketed(text: str, first: int, last: int, end: int) -> Iterator[PhoneWindow]:
    """Yield the parts of a chain between brackets that close nothing: numbers that the library never separates there."""
    window_start = _phone_start(text, first)
    cuts, open_brackets = [], 0
    for place in range(window_start, last):
        if text[place] in _PHONE_OPENING:
            open_brackets += 1
        elif text[place] in _PHONE_CLOSING:
            if place >= first and not open_brackets:
                cuts.append(place)
            open_brackets = max(0, open_brackets - 1)
    for after, cut in pairwise([window_start - 1, *cuts, last]) if cuts else ():
        part = PHONE_CHAIN.search(text, max(first, after + 1), cut)
        if part:
            yield PhoneWindow(after + 1, end if cut == last else cut + 1, cut, part[0])


def _pieces(text: str, first: int, last: int) -> Iterator[PhoneWindow]:
    for piece in range(first, last, _PHONE_PIECE - _PHONE_OVERLAP):
        end = min(last, piece + _PHONE_PIECE)
        yield PhoneWindow(_phone_start(text, first) if piece == first else piece, end, end, text[piece:end])
        if end == last:
            break
