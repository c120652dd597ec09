"""Phone numbers: the dearest recogniser, run on chains of digits and only for the regions that could accept them.

On whole texts `phonenumbers` (behind Presidio's recogniser) costs more than all the others together, most of it on numbers that
are no phone number anywhere. The chains that are left are few and repeat, so that results are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

from pipeline.pii.phone_words import PHONE_SCORE, stated_number
from pipeline.pii.policy import PHONE_LEADS, is_attached, is_bare, may_be_phone
from pipeline.pii.screens import PHONE_DIGITS
from pipeline.pii.spans import Found
from pipeline.pii.windows import PHONE_CHAIN, phone_windows

_DIGIT = re.compile(r"\d")
_NO_SPACE, _MARKED, _MOST_WORDS = re.compile(r"\S+"), re.compile(r"[-+.()\uff0b\u2010-\u2013]"), 8
_MOST_DIGITS_WITH_EXTENSION = 40  # 17 of the number, 3 of the country, 20 of the extension
_CACHE = 50_000


class PhoneFinder:
    """Finds phone numbers of some regions, and those that the text itself calls so.

    `find_unscreened` runs Presidio's `PhoneRecognizer`; `find` runs what that one is made of (libphonenumber's matcher at the same
    leniency, the same score) on less text.

    Parameters
    ----------
    regions
        ISO 3166 codes; a number without a country code must be valid in one of them.

    Notes
    -----
    Beside libphonenumber's valid numbers (leniency 1, score 0.4), a chain of 7 to 15 digits (E.164's limit) counts, valid or not, if a
    plus stands before it and it has at least eight digits, or if one of the three words before it, or the word right after it,
    calls it a phone number. People write numbers of plans that are newer, older or other than the library's.
    """

    def __init__(self, regions: tuple[str, ...]) -> None:
        self._regions = tuple(_Region(region) for region in regions)
        self._valid_in_chain = lru_cache(maxsize=_CACHE)(self._valid)

    def find(self, text: str, is_marked: Callable[[int], bool] = lambda _: True) -> Iterator[Found]:
        """Yield the numbers of a text, by looking at its chains of digits only.

        Bare digits count only where a word marks them (`pipeline.pii.policy`): `is_marked` says so of a place, and spares the library
        those that will not count.
        """
        for window in phone_windows(text):
            first = window.last - len(window.chain)
            if not may_be_phone(window.chain):
                continue
            stated = stated_number(text, first, window.chain)
            if stated:
                yield stated
            if window.begins and is_attached(text, first, window.chain) and not stated:
                continue
            if not stated and is_bare(text, first, window.chain) and not is_marked(first):
                continue
            start = window.start
            for hit in self._valid_in_chain(text[start : window.end], window.chain, window.last - start):
                yield hit._replace(start=hit.start + start, end=hit.end + start)

    def find_unscreened(self, text: str) -> Iterator[Found]:
        """Yield the numbers of a text, by running every region's recogniser on the whole of it.

        Of a region's numbers those count that have enough digits for it. The library reads digits without a country's code by the
        plan of all countries that share the region's code, and some of these have shorter numbers: 310-0018 is one of Canada's
        business numbers, and with the United States as the only region of code 1 it is read as such.
        """
        skipped = []
        for chain in PHONE_CHAIN.finditer(text):
            stated = stated_number(text, chain.start(), chain[0])
            if not may_be_phone(chain[0]):
                skipped.append(chain.span())
            elif stated:
                yield stated
            elif is_attached(text, chain.start(), chain[0]):
                skipped.append(chain.span())
        for region in self._regions:
            for hit in region.in_text(text):
                digit = _DIGIT.search(text, hit.start)  # a hit may begin with brackets, a chain begins with a digit
                if not digit or any(start <= digit.start() < end for start, end in skipped):
                    continue
                number = PHONE_CHAIN.match(text, digit.start(), hit.end)  # without its extension
                if number and (_is_international(text[hit.start : hit.end]) or region.may_hold(_digits(number[0]))):
                    yield hit

    def _valid(self, text: str, chain: str, last: int) -> tuple[Found, ...]:
        """Run the regions' recognisers on one chain; the result depends on the arguments alone, so it is kept."""
        found = self._in_regions(text, chain, last)
        if not found:
            # "(650) 253-0000 24/7": what stands beside a number makes the whole no number, and the library does not try less.
            for start, end in _less(text, chain, last):
                part = self._in_regions(text[start:end], text[start:end], end - start)
                found.update(hit._replace(start=hit.start + start, end=hit.end + start) for hit in part)
        return tuple(sorted(found))

    def _in_regions(self, text: str, chain: str, last: int) -> set[Found]:
        digits, international = _digits(chain), _is_international(text)
        found: set[Found] = set()
        for number, region in enumerate(self._regions):
            # A number with a plus reads the same in every region, so that one region will do for it.
            if (international and number == 0) or region.may_hold(digits):
                found.update(hit for hit in region.in_chain(text) if hit.start < last)
        return found


class _Region:
    """One region's recogniser, and which digits it could accept."""

    def __init__(self, region: str) -> None:
        from phonenumbers.phonemetadata import PhoneMetadata

        metadata: Any = PhoneMetadata.metadata_for_region(region)
        self._region = region
        self._fewest = max(PHONE_DIGITS, _fewest_digits(region))
        self._abroad = re.compile(metadata.international_prefix)

    def may_hold(self, digits: str) -> bool:
        """Say whether a chain's digits are enough for a number of the region, or hold its prefix for calls abroad."""
        return len(digits) >= self._fewest or not digits.isascii() or self._abroad.search(digits) is not None

    def in_chain(self, text: str) -> list[Found]:
        """Find the numbers of a chain, with libphonenumber's matcher and without what only costs time."""
        return [
            Found(match.start, match.end, PHONE_SCORE)
            for match in _matcher()(text, self._region)
            if len(_DIGIT.findall(match.raw_string)) >= PHONE_DIGITS
        ]

    def in_text(self, text: str) -> list[Found]:
        """Find the numbers of a text with Presidio's recogniser."""
        from presidio_analyzer.predefined_recognizers import PhoneRecognizer

        recognizer: Any = PhoneRecognizer(supported_regions=(self._region,))
        results = recognizer.analyze(text, ["PHONE_NUMBER"], None)
        return [Found(result.start, result.end, result.score) for result in results]


@cache
def _matcher() -> Any:
    """Build libphonenumber's matcher, as Presidio uses it (leniency "valid"), with a check of the digits before each parse.

    Most of a chain's parts hold too few digits for our policy, and most of a table of numbers too many for any number. A number
    with too few of them is not ours, but the library goes on behind it: "392952 030 1234567" are two numbers in Germany.
    """
    from phonenumbers import PhoneNumberMatcher

    class CountingMatcher(PhoneNumberMatcher):
        def _parse_and_verify(self, candidate: str, offset: int) -> Any:
            digits = len(_DIGIT.findall(candidate))
            if digits > _MOST_DIGITS_WITH_EXTENSION:
                return None
            if digits < PHONE_DIGITS and not self._goes_on_behind(candidate, offset, digits):
                return None
            return super()._parse_and_verify(candidate, offset)

        def _goes_on_behind(self, candidate: str, offset: int, digits: int) -> bool:
            return (
                digits >= _fewest_digits(self.preferred_region)
                and PHONE_CHAIN.search(self.text, offset + len(candidate)) is not None
                and _is_short_number(candidate, self.preferred_region)
            )

    return CountingMatcher


@cache
def _fewest_digits(region: str) -> int:
    from phonenumbers.phonemetadata import PhoneMetadata

    metadata: Any = PhoneMetadata.metadata_for_region(region)
    return int(min(metadata.general_desc.possible_length))


@lru_cache(maxsize=_CACHE)
def _is_short_number(candidate: str, region: str) -> bool:
    from phonenumbers import PhoneNumberMatcher

    return any(match.raw_string == candidate for match in PhoneNumberMatcher(candidate, region))


def _digits(text: str) -> str:
    return "".join(_DIGIT.findall(text))


def _is_international(text: str) -> bool:
    return not PHONE_LEADS.isdisjoint(text)


def _less(text: str, chain: str, last: int) -> Iterator[tuple[int, int]]:
    """Yield a chain without up to two of its first or last words, where a plus, hyphen, dot or bracket marks the rest."""
    begin = last - len(chain)
    words = [(match.start() + begin, match.end() + begin) for match in _NO_SPACE.finditer(chain)]
    if not 2 <= len(words) <= _MOST_WORDS:
        return
    for drop in (1, 2):
        for kept in (words[:-drop], words[drop:]):
            if kept:
                start = 0 if kept[0] == words[0] else kept[0][0]
                if _MARKED.search(text, start, kept[-1][1]):
                    yield start, kept[-1][1]
