r"""Policy: what a recogniser confirms and yet is no personal data.

Presidio's patterns are made for high recall on short messages. On web pages most of what they take for a phone number is a date, a
decimal fraction or the number at the end of an address, and most of what they take for an IPv6 address is prose before "::". The
rules here drop these; each is about the form of the text, never about its place in a batch.
"""

from __future__ import annotations

import re

from pipeline.pii.windows import PHONE_CHAIN, STATED_EXTENSION

_DATE = (
    r"(?:(?:1[6-9]|20)\d\d ?[-/.] ?(?:0?[1-9]|1[0-2]) ?[-/.] ?(?:0?[1-9]|[12]\d|3[01])"
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
_OTHER_FORMS = re.compile(
    r"[0-9]{5}-[0-9]{4}"  # an American postal code
    r"|\d{1,3}(?:\.\d{3})+|(?:\d{1,3}\.){3}\d{1,3}"  # a large number, an IPv4 address
    r"|[1-9]\d*/\d+"  # a share
    r"|[-+(\[ ]*\d+\.\d+(?:[ \u00a0]+[-+(\[]*(?:\d+\.\d+|\d{1,2}))*[)\]]?|\d{1,2}[ \u00a0]+\d+\.\d{4,}"  # decimals in a row
)
_OTHER_NUMBER_BEFORE = re.compile(
    r"\b(?:(?:isbn|issn|doi|pmid|zip|uuid)(?:-1[03])?"
    r"|(?:licen[cs]e|passport|account|invoice|order|card|serial|policy) (?:number|no\.?|id)(?: is)?)[:# ]{0,3}\Z",
    re.IGNORECASE,
)
_OPENING, _CLOSING = "([\uff08\uff3b", frozenset(")]\uff09\uff3d")
_ADDRESS_BEFORE_MAIL = re.compile(r"(?:[^@]*[/?&#](?:[\w.-]+=)?|(?:e?mail|mailto|to|from|cc|bcc|address)=)(?=[^@])")
_DIGIT_BEFORE, _DIGIT_AFTER = re.compile(r"\d\."), re.compile(r"\.\d")
_MOST_DIGITS, _SMALL, _PRIVATE = 20, 30, 10
PHONE_LEADS = frozenset("+\uff0b")
"""The international prefix symbol, which stands directly before the country's code (ITU-T E.123, 7.1), also in full width."""
_DIGIT = re.compile(r"\d")
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
    """Say whether digits are the tail of an address, a file's name, a query or a number: ``/dp/0321712463``, ``qid=1431552817``.

    Bare digits are that behind any joint; what is written as a number is, behind the joints that no text has before one.

    >>> is_attached("/dp/0321712463", 4, "0321712463"), is_attached("/text/01/12050100.xhp", 6, "01/12050100")
    (True, True)
    >>> is_attached("Office-650 253 0000", 7, "650 253 0000"), is_attached(" /0321712463", 2, "0321712463")
    (False, False)
    """
    if start < 2 or text[start - 2].isspace():
        return False
    before, joint = text[start - 2], text[start - 1]
    if joint == ".":
        return before.isdigit()
    return joint in "/_-=#&" if value.isdigit() else joint in "/_" or (joint == "-" and ("-" in value or "/" in value))


def is_bare(text: str, start: int, chain: str) -> bool:
    """Say whether a chain is digits alone, with no plus before them and no word for an extension behind them.

    Ten bare digits are a time stamp, a limit or an article's number far more often than a phone number. Brackets around them, or a
    cross and a digit behind them, change nothing of that.

    >>> is_bare("id 6502530000#7", 3, "6502530000"), is_bare("6502530000 ext. 7", 0, "6502530000"), is_bare("+16502530000", 1, "16502530000")
    (True, False, False)
    """
    return (
        chain.isdigit()
        and text[max(0, start - 1) : start] not in PHONE_LEADS
        and STATED_EXTENSION.match(text, start + len(chain)) is None
    )


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
        return _is_address(text, start, end, marked)
    if entity == "PHONE_NUMBER":
        return _is_phone(text, start, end, marked)
    if entity == "CREDIT_CARD":
        in_path = start >= 2 and text[start - 1] == "/" and not text[start - 2].isspace()
        return not _is_fraction(text, start, end) and (marked or not in_path)
    return True


def is_version(address: str) -> bool:
    """Say whether four numbers with dots are rather the version of a program or the number of a chapter: all of them small.

    Of the addresses in use one in some five thousand has four parts under 30; those that begin with 10 are private networks'.

    >>> is_version("4.9.0.0"), is_version("10.0.0.1"), is_version("192.0.2.1")
    (True, False, False)
    """
    parts = [int(part) for part in address.split("/", maxsplit=1)[0].split(".")]
    return max(parts) < _SMALL and parts[0] != _PRIVATE


def is_mask(address: str) -> bool:
    """Say whether an address is a network's mask: nobody's.

    >>> is_mask("255.255.255.0"), is_mask("192.0.2.255")
    (True, False)
    """
    return address.startswith("255.")


def _is_fraction(text: str, start: int, end: int) -> bool:
    """Say whether digits stand behind a decimal point or before one: ``0.4111111111111111``."""
    behind = start >= 2 and text[start - 1] in ".," and text[start - 2].isdigit()
    return behind or _DIGIT_AFTER.match(text, end) is not None


def _is_address(text: str, start: int, end: int, marked: bool) -> bool:
    """Drop parts of longer dotted numbers, versions and chapters, and what is prose or code around "::"."""
    value = text[start:end]
    if ":" not in value:
        if (start >= 2 and _DIGIT_BEFORE.match(text, start - 2)) or _DIGIT_AFTER.match(text, end):
            return False
        return not is_mask(value) and (marked or not is_version(value))
    groups = _GROUP.findall(value)
    return len(groups) >= 2 and any(character.isdigit() for character in value)


def _is_phone(text: str, start: int, end: int, marked: bool) -> bool:
    """Drop numbers of too few digits, dates and decimals, parts of an address or a name, and digits that nothing calls a number.

    The digits of an extension are none of the number's.
    """
    digit = _DIGIT.search(text, start, end)
    chain = PHONE_CHAIN.match(text, digit.start(), end) if digit else None
    if not chain or _DATED.search(text, start, end):
        return False
    value = text[start:end]
    if marked:
        return may_be_phone(value)
    if _OTHER_NUMBER_BEFORE.search(text, max(0, start - 24), start):
        return False
    return (
        may_be_phone(value)
        and not is_bare(text, chain.start(), chain[0])
        and not is_attached(text, start, value)
        and not _OTHER_FORMS.fullmatch(value)
    )
