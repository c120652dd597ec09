r"""Screens: cheap RE2 patterns that say which documents a recogniser need not see.

A screen must pass every document in which its recogniser can find something (a superset), and may pass more. The argument for
each stands beside its pattern; `tests/pii/test_screens.py` looks for a counter-example in generated and in real text.

Two traps hold for all of them. RE2's ``\b``, ``\w`` and ``\d`` know ASCII only, while the recognisers' know Unicode, so a screen
uses no ``\b``, writes ``\p{Nd}`` for a digit, and takes any character beyond ASCII for a possible letter. And the Unicode versions
of RE2, `regex` and the interpreter differ: digits that only `regex` knows (from Unicode 14 on) are outside the screens, because
neither the interpreter nor `phonenumbers` can compute with them, so that no recogniser can confirm such a number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.pii.national import SCREEN as NATIONAL
from pipeline.pii.secrets import ASSIGNMENT, BEGINNINGS, OPENING

_WORD = r"[0-9A-Za-z_\x{80}-\x{10FFFF}]"
_HEX = r"[0-9A-Fa-f]{1,4}:"

PHONE_PUNCTUATION = (
    r"\-xX\x{2010}-\x{2015}\x{2212}\x{30FC}\x{FF0D}-\x{FF0F} \x{A0}\x{AD}\x{200B}\x{2060}\x{3000}"
    r"()\x{FF08}\x{FF09}\x{FF3B}\x{FF3D}.\[\]/~\x{2053}\x{223C}\x{FF5E}"
)
"""What may stand between the digits of a phone number (libphonenumber's VALID_PUNCTUATION), as the inside of an RE2 class."""

PHONE_DIGITS = 7
"""Fewest digits of a phone number. libphonenumber validates shorter ones too, but without a plus they are years and counts: the
German plan has valid numbers 1640 to 1649."""

MAESTRO = "(?:5018|5020|5038|5893|6304|6759|676[123])"
"""Prefixes of Maestro's cards, which have 12 to 19 digits."""

SCREENS: dict[str, str] = {
    # The pattern demands a word character or one of the local part's symbols (no dot, no space) before the @, a word character
    # after it, and a dot followed by a word character before the domain ends.
    "EMAIL_ADDRESS": rf"[^\s.@]@{_WORD}(?:{_WORD}|-)*\.{_WORD}",
    # libphonenumber's candidate has at most four punctuation characters between two digits; the recogniser's policy demands
    # seven such digits (`PHONE_DIGITS`).
    "PHONE_NUMBER": rf"(?:\p{{Nd}}[{PHONE_PUNCTUATION}]{{0,4}}){{{PHONE_DIGITS - 1}}}\p{{Nd}}",
    # The patterns' four groups hold at least 4 + 3 + 3 + 3 digits with at most one hyphen or space between groups; Maestro's are
    # twelve ASCII digits or more behind one of its prefixes.
    "CREDIT_CARD": rf"(?:\p{{Nd}}[- ]?){{12}}\p{{Nd}}|{MAESTRO}[0-9]{{8}}",
    # The pattern's first twelve characters, without its look-behind.
    "IBAN_CODE": r"[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}",
    # All five patterns are 3, 2 and 4 ASCII digits with at most one separator at each joint.
    "US_SSN": r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}",
    # An IPv4 address holds d.d.d.d. An IPv6 address that is not "::" alone holds a group followed by "::", or "::" followed by a
    # group, or seven groups with their colons, or six before an IPv4 address; and by the look-behind no ASCII letter, digit,
    # underscore or colon stands before its first character. "::" alone scores 0.1, under every threshold (`THRESHOLDS`).
    "IP_ADDRESS": (
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
        rf"|(?:^|[^0-9A-Za-z_:])(?:(?:{_HEX}){{1,7}}:|::[0-9A-Fa-f]|(?:{_HEX}){{7}})"
    ),
    # The pattern ignores case and demands at least 25 letters or digits after the prefix; an address that validates is ASCII.
    # Ethereum's is its prefix and forty digits.
    "CRYPTO": r"(?i:bc1|[13])[0-9A-Za-z]{25}|0x[0-9a-fA-F]{40}",
    # What every match of the recogniser's own pattern holds. RE2's `\s` is ASCII, so its negation is wider than the recogniser's.
    "URL_CREDENTIALS": OPENING,
    # What the recogniser's alternatives begin with, without its look-arounds, or hold.
    "SECRET": f"{BEGINNINGS}|{ASSIGNMENT}",
    # The argument stands beside the pattern.
    "NATIONAL_ID": NATIONAL,
}
"""Entity -> RE2 pattern."""


def screen(texts: pa.Array, entities: Sequence[str]) -> dict[str, npt.NDArray[np.bool_]]:
    """Say for each entity which of the texts its recogniser must see.

    Parameters
    ----------
    texts
        Strings; null passes no screen.
    entities
        Keys of `SCREENS`.

    Returns
    -------
    dict
        Entity -> array of `len(texts)` truth values.
    """
    return {
        entity: np.asarray(
            pc.fill_null(pc.match_substring_regex(texts, SCREENS[entity]), False).to_numpy(zero_copy_only=False)
        )
        for entity in entities
    }
