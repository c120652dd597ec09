"""What a text says of the digits in it: the words that call a number a telephone's, or another kind's."""

from __future__ import annotations

import re

import regex

from pipeline.pii.screens import PHONE_DIGITS
from pipeline.pii.spans import Found

PHONE_SCORE = 0.4
"""Presidio's score of a phone number."""

_STATED = frozenset(
    [
        *("tel", "phone", "telephone", "cell", "cellphone", "mobile", "landline"),
        *("voicemail", "hotline", "helpline", "freephone"),
        *("call", "calling", "phoning", "ring", "ringing", "dial", "dialed", "dialled", "dialing", "dialling"),
        *("fax", "telefax", "sms", "whatsapp"),
        *("telefon", "telefonnummer", "rufnummer", "handynummer", "telefono", "tel\u00e9fono", "telefone", "t\u00e9l"),
        "t\u00e9l\u00e9phone",
    ]
)
"""Words that say that a number near them is a telephone's, valid or not: its names, and the verbs for using it.

"Called" and "calls" are not among them: a program's functions and a thing's name are.
"""

_REACHED = frozenset({"reach", "reached", "contact", "contacted", "answer", "answers", "answered", "answering"})
_AT = frozenset({"at", "on"})
"""One is reached, contacted or answers *at* or *on* a number; without the preposition these verbs are said of much else."""

CONTEXT = _STATED.union(
    [
        *("handy", "mobil", "contact", "contacts", "contacted", "reach", "reached", "text", "txt"),
        *("phones", "phoned", "calls", "called", "callback"),
    ]
)
"""Words that mark a valid phone number beside Presidio's own (phone, number, telephone, cell, cellphone, mobile, call)."""

OTHER_NUMBERS = frozenset(
    [
        "license",
        "licence",
        "account",
        "passport",
        "invoice",
        "order",
        "isbn",
        "issn",
        "card",
        "id",
        "serial",
        "ssn",
        "iban",
        "pin",
    ]
)
"""Words that say of which other kind a "number" is."""

_STATED_AFTER = re.compile(r"[ (,]{0,2}[-(]?(?:office|fax|mobile|cell|home|work|direct|tel|phone)\b", re.IGNORECASE)
_STATED_WORDS, _STATED_CHARACTERS, _MOST_STATED_DIGITS = 3, 40, 15
_WORD = regex.compile(r"\p{L}+")
_GLUED = regex.compile(r"(?r)(?<![\w/%-])\p{L}{2,20}")
_PLUS_BEFORE = re.compile(r"(?<![\w+])[+\uff0b](?=[1-9(])")
_ROUND_THE_CLOCK = re.compile(r"[ (]+24/7\Z")
_DIGIT = re.compile(r"\d")


def stated_number(text: str, first: int, chain: str) -> Found | None:
    """Return the chain as a number, without "24/7" behind it, if the text says that it is one: by a plus before it or by a word."""
    chain = _ROUND_THE_CLOCK.sub("", chain)
    digits = len(_DIGIT.findall(chain))
    if not PHONE_DIGITS <= digits <= _MOST_STATED_DIGITS:
        return None
    end = first + len(chain)
    start = first
    while start > 0 and text[start - 1] in "+(\uff0b\uff08" and first - start < 3:
        start -= 1
    if digits > PHONE_DIGITS and _PLUS_BEFORE.match(text, start):
        return Found(start, end, PHONE_SCORE)
    if start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_-/%"):
        glued = _GLUED.match(text, 0, start)  # "call09050000327"
        if not glued or glued[0].lower() not in _STATED:
            return None  # a part of a name or an address
    words = [word.lower() for word in _WORD.findall(text, max(0, start - _STATED_CHARACTERS), start)[-_STATED_WORDS:]]
    reached = words and words[-1] in _AT and not _REACHED.isdisjoint(words)
    if _STATED.isdisjoint(words) and not reached and not _STATED_AFTER.match(text, end):
        return None
    return Found(start, end, PHONE_SCORE, stated=True)
