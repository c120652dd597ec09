r"""Policy: what a recogniser confirms and yet is no personal data.

Presidio's patterns are made for high recall on short messages. On web pages most of what they take for a phone number is a date, a
decimal fraction or the number at the end of an address, and most of what they take for an IPv6 address is prose before "::". The
rules here drop these; each is about the form of the text, never about its place in a batch.
"""

from __future__ import annotations

import re

from pipeline.pii.windows import PHONE_CHAIN

_DATE = (
    r"(?:(?:1[6-9]|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])"
    r"|\d\d?[-/.]\d\d?[-/.](?:1[6-9]|20)\d\d)"
)
_NO_NUMBER = re.compile(
    rf"{_DATE}(?: +[0-2]?\d)?"  # a date, perhaps with the hour
    r"|(?:1\d|20)\d\d ?[-\u2013/] ?(?:1\d|20)\d\d"  # a range of years
    r"|\d\.\d+"  # a decimal fraction
)
_DATED = re.compile(
    rf"(?<!\d)(?:{_DATE}"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # 20171227
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d\d"  # 04072010
    r"|[0-5]\d (?:19|20)\d\d [-+][01]\d[034][05]"  # seconds, year and zone of an RFC 2822 date
    r")(?!\d)"
)
_OPENING, _CLOSING = "([\uff08\uff3b", frozenset(")]\uff09\uff3d")
_ADDRESS_BEFORE_MAIL = re.compile(r"(?:[^@]*[/?&#](?:[\w.-]+=)?|(?:e?mail|mailto|to|from|cc|bcc|address)=)(?=[^@])")
_DIGIT_BEFORE, _DIGIT_AFTER = re.compile(r"\d\."), re.compile(r"\.\d")
_MOST_DIGITS = 20
_GROUP = re.compile(r"[0-9A-Fa-f]+")


def may_be_phone(chain: str) -> bool:
    """Say whether a whole chain of digits is anything but a date, a range of years, a fraction or too many digits.

    A number has 20 digits at most, its country's code included (libphonenumber's MAX_LENGTH_FOR_NSN and
    MAX_LENGTH_COUNTRY_CODE).

    >>> may_be_phone("2014/03/12"), may_be_phone("0.530688"), may_be_phone("650 253 0000")
    (False, False, True)
    """
    return _NO_NUMBER.fullmatch(chain) is None and not (len(chain) > _MOST_DIGITS and chain.isdigit())


def is_attached(text: str, start: int, value: str) -> bool:
    """Say whether bare digits are the tail of an address, a file's name or a query: ``/dp/0321712463``, ``qid=1431552817``."""
    return value.isdigit() and start >= 2 and text[start - 1] in "/_-=#&" and not text[start - 2].isspace()


def leading(value: str, entity: str) -> int:
    """Return how many characters at a match's beginning are not part of it.

    They are the web address before a mail address, whose pattern knows its slashes and question marks, and the bracket that opens
    before a phone number and closes after it.

    >>> leading("8080/x?to=a@b.com", "EMAIL_ADDRESS"), leading("(650 253 0000", "PHONE_NUMBER")
    (10, 1)
    """
    if entity == "EMAIL_ADDRESS":
        address = _ADDRESS_BEFORE_MAIL.match(value)
        return address.end() if address else 0
    return int(entity == "PHONE_NUMBER" and value[0] in _OPENING and _CLOSING.isdisjoint(value))


def is_personal(text: str, start: int, end: int, entity: str, marked: bool) -> bool:
    """Say whether a confirmed hit counts.

    Parameters
    ----------
    text, start, end, entity
        The hit.
    marked
        A context word stands before it.
    """
    if entity == "IP_ADDRESS":
        return _is_address(text, start, end)
    if entity == "PHONE_NUMBER":
        return _is_phone(text, start, end, marked)
    return True


def _is_address(text: str, start: int, end: int) -> bool:
    """Drop parts of longer dotted numbers (versions, object identifiers) and what is prose or code around "::"."""
    value = text[start:end]
    if ":" not in value:
        return not (start >= 2 and _DIGIT_BEFORE.match(text, start - 2)) and not _DIGIT_AFTER.match(text, end)
    groups = _GROUP.findall(value)
    return len(groups) >= 2 and any(character.isdigit() for character in value)


def _is_phone(text: str, start: int, end: int, marked: bool) -> bool:
    """Drop numbers of too few digits, dates, and bare digits that are a part of an address or a name."""
    if not PHONE_CHAIN.search(text, start, end) or _DATED.search(text, start, end):
        return False
    value = text[start:end]
    return may_be_phone(value) and (marked or not is_attached(text, start, value))
