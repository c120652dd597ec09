r"""Recognisers: Presidio's pattern recognisers, called directly, each behind its screen and on its windows.

`AnalyzerEngine` is not used: it wants a spaCy model and runs 9 documents a second. Importing `presidio_analyzer` costs 3.5 s of
CPU and 110 MB, because it brings spaCy along; so it happens on first use, once a process.

What Presidio leaves open is settled here:

- **Thresholds.** Scores are Presidio's: 1.0 for what a checksum or the public suffix list confirms, 0.6 for an IP address, 0.5 for a
  social security number with separators, 0.4 for a phone number, 0.05 for nine bare digits and the like. A hit counts from
  `min_score` (0.4) on, an IP address from 0.5 on, so that "::" never counts.
- **Context.** One of the recogniser's own context words among the five words before a hit adds 0.35 and lifts it to 0.4 at least
  (Presidio's `LemmaContextAwareEnhancer` and its defaults, with whole words instead of lemmas): "SSN 219099998" counts.
- **Numbers beside numbers** (`RESTARTS`): what stands before a card number, an IBAN or a mail address does not hide it.
- **Cards** of the ranges that Presidio lacks (Mastercard 2221 to 2720, Visa of 19 digits, JCB 2131), with Luhn's check as well.
- **Not personal data**: what `pipeline.pii.policy` drops: dates, fractions and identifiers taken for phone numbers, numbers with
  fewer than seven digits, parts of longer dotted numbers, prose before "::". Private, loopback and documentation addresses do
  count, as does a version of four parts: nothing in the text tells them from an address.
- **No network.** Presidio's mail recogniser asks `tldextract`, which fetches the public suffix list; ours uses the list that
  `tldextract` ships.
- **No value in a log.** Presidio logs the text that fails an IBAN's validation; its logger is switched off.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import regex

from pipeline.config import Pii
from pipeline.errors import ConfigError
from pipeline.mistakes import hint
from pipeline.pii.phone import CONTEXT, Found, PhoneFinder
from pipeline.pii.policy import is_personal, leading
from pipeline.pii.screens import SCREENS
from pipeline.pii.spans import Hit
from pipeline.pii.windows import windows

THRESHOLDS: dict[str, float] = {"IP_ADDRESS": 0.5}
"""Entity -> score under which a hit never counts, whatever `min_score` says."""


class Restart(NamedTuple):
    """Where a match may begin within a window, beside its first place."""

    beginning: re.Pattern[str]
    """A look-ahead, as beginnings overlap."""
    longest: int
    """Characters of the longest match."""
    least: int
    """Beginnings that a window must have for a second try."""


RESTARTS: dict[str, Restart] = {
    "EMAIL_ADDRESS": Restart(re.compile(r"(?<=@)(?=[^@]{1,64}@[^@.]{1,63}\.)"), 320, 1),
    "CREDIT_CARD": Restart(re.compile(r"(?<![0-9A-Za-z])(?=[1-6]\d{3}[- ]?\d{3})"), 23, 2),
    "IBAN_CODE": Restart(re.compile(r"(?<![0-9A-Za-z])(?=[A-Z]{2}[0-9]{2}[ -]?[0-9A-Z]{4})"), 43, 2),
}
"""A regular expression goes on after a match whose check then fails, and so steps over what begins within it, as in "order 1234 4111
1111 1111 1111" or "a@b.comc@d.org": each beginning gets a try of its own."""

_BOOST, _BOOSTED_MINIMUM, _CONTEXT_WORDS, _CONTEXT_CHARACTERS = 0.35, 0.4, 5, 100
_INVISIBLE = regex.compile(r"[\p{M}\p{Cf}]+")
_WORD = regex.compile(r"\w+")
_MORE_CARDS = (
    r"\b(?:(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}"
    r"|4\d{3}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}[- ]?\d{3}|2131\d{11})\b"
)


class Recognizers:
    """The recognisers of one configuration.

    Parameters
    ----------
    settings
        Entities, phone regions and the score from which a hit counts.

    Raises
    ------
    ConfigError
        If an entity or a phone region is unknown; the message names the nearest known one.
    """

    def __init__(self, settings: Pii) -> None:
        check(settings)
        # Presidio's logger writes values that fail validation.
        logging.getLogger("presidio-analyzer").disabled = True
        self.settings = settings
        self._patterns = {
            entity: _pattern_recognizer(entity) for entity in settings.entities if entity != "PHONE_NUMBER"
        }
        self._phones = PhoneFinder(settings.phone_regions)
        self._context = {entity: _context_words(entity) for entity in settings.entities}

    def find(self, text: str, entity: str) -> list[Hit]:
        """Return the hits of one entity, by looking at its windows only."""
        if entity == "PHONE_NUMBER":
            return self._judge(text, entity, self._phones.find(text))
        return self._judge(text, entity, self._in_windows(text, entity))

    def find_unscreened(self, text: str, entity: str) -> list[Hit]:
        """Return the hits of one entity by running the recogniser on the whole text: the slow reference for `find`."""
        if entity == "PHONE_NUMBER":
            return self._judge(text, entity, self._phones.find_unscreened(text))
        return self._judge(text, entity, _analyze(self._patterns[entity], text, entity))

    def _in_windows(self, text: str, entity: str) -> Iterator[Found]:
        recognizer = self._patterns[entity]
        for start, end in windows(text, entity):
            # The character on each side is there for the patterns' look-around.
            first = max(0, start - 1)
            for hit in _analyze(recognizer, text[first : end + 1], entity):
                yield hit._replace(start=hit.start + first, end=hit.end + first)
            if entity in RESTARTS:
                yield from self._restarted(text, start, end, entity)

    def _restarted(self, text: str, start: int, end: int, entity: str) -> Iterator[Found]:
        restart = RESTARTS[entity]
        places = [match.start() for match in restart.beginning.finditer(text, start, end)]
        for place in places if len(places) >= restart.least else ():
            first, last = max(0, place - 1), place + restart.longest
            for hit in _analyze(self._patterns[entity], text[first : last + 1], entity):
                if hit.end + first <= last:  # what reaches the character beyond may go on
                    yield hit._replace(start=hit.start + first, end=hit.end + first)

    def _judge(self, text: str, entity: str, found: Iterable[Found]) -> list[Hit]:
        """Apply context, policy and threshold."""
        name = "PhoneRecognizer" if entity == "PHONE_NUMBER" else self._patterns[entity].name
        threshold = max(self.settings.min_score, THRESHOLDS.get(entity, 0.0))
        hits: set[Hit] = set()
        for raw in found:
            start, end, score = raw
            start += leading(text[start:end], entity)
            marked = score < 1 and self._has_context(text, start, entity)
            if marked:
                score = min(1.0, max(score + _BOOST, _BOOSTED_MINIMUM))
            if score >= threshold and is_personal(text, start, end, entity, marked):
                hits.add(Hit(start, end, entity, name, score))
        return sorted(hits)

    def _has_context(self, text: str, start: int, entity: str) -> bool:
        words = _WORD.findall(text, max(0, start - _CONTEXT_CHARACTERS), start)[-_CONTEXT_WORDS:]
        return not self._context[entity].isdisjoint(word.lower() for word in words)


@lru_cache(maxsize=8)
def recognizers(settings: Pii) -> Recognizers:
    """Return the recognisers of a configuration, built once a process."""
    return Recognizers(settings)


def check(settings: Pii) -> None:
    """Raise ConfigError if an entity or a phone region is unknown; the message names the nearest known one."""
    import phonenumbers

    for key, given, known in (
        ("entities", settings.entities, sorted(SCREENS)),
        ("phone_regions", settings.phone_regions, sorted(phonenumbers.SUPPORTED_REGIONS)),
    ):
        for name in given:
            if name not in known:
                raise ConfigError(f"'pii.{key}': '{name}' is not known, {hint(name.upper(), known, cutoff=0.3)}")
    if "PHONE_NUMBER" in settings.entities and not settings.phone_regions:
        raise ConfigError(
            "'pii.phone_regions' is empty: name a region, such as 'US', or take PHONE_NUMBER off 'pii.entities'"
        )


@cache
def suffix_list() -> Any:
    """Return a splitter of host names that reads the public suffix list of its own package: no network, no cache on disk."""
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)


def _analyze(recognizer: Any, text: str, entity: str) -> list[Found]:
    return [Found(result.start, result.end, result.score) for result in recognizer.analyze(text, [entity], None)]


@cache
def _pattern_recognizer(entity: str) -> Any:
    """Build Presidio's recogniser of an entity."""
    from presidio_analyzer import Pattern
    from presidio_analyzer import predefined_recognizers as presidio

    class OfflineEmailRecognizer(presidio.EmailRecognizer):
        """Presidio's, with the public suffix list that its dependency ships, asked for the domain only.

        Presidio asks for the whole match. Where that holds a slash, as at the end of a web address ("x?to=a@b.com"), `tldextract`
        takes what stands before the slash for the host, and the mail address is lost. A combining mark behind the address belongs
        to the match and makes no other domain of it.
        """

        def validate_result(self, pattern_text: str) -> bool:
            domain = pattern_text.rpartition("@")[2]
            return any(suffix_list()(name).fqdn for name in {domain, _INVISIBLE.sub("", domain)})

    class CheckedCreditCardRecognizer(presidio.CreditCardRecognizer):
        """Presidio's, which raises on digits that `regex` knows and the interpreter does not."""

        def validate_result(self, pattern_text: str) -> bool:
            try:
                return bool(super().validate_result(pattern_text))
            except ValueError:
                return False

    match entity:
        case "EMAIL_ADDRESS":
            return OfflineEmailRecognizer(name="EmailRecognizer")
        case "CREDIT_CARD":
            more = Pattern("Further ranges (weak)", _MORE_CARDS, 0.3)
            patterns = [*presidio.CreditCardRecognizer.PATTERNS, more]
            return CheckedCreditCardRecognizer(patterns=patterns, name="CreditCardRecognizer")
        case "IBAN_CODE":
            return presidio.IbanRecognizer()
        case "US_SSN":
            return presidio.UsSsnRecognizer()
        case "IP_ADDRESS":
            return presidio.IpRecognizer()
        case "CRYPTO":
            return presidio.CryptoRecognizer()
    raise ConfigError(f"'pii.entities': '{entity}' has no recogniser")


@cache
def _context_words(entity: str) -> frozenset[str]:
    if entity == "PHONE_NUMBER":
        from presidio_analyzer.predefined_recognizers import PhoneRecognizer

        return CONTEXT.union(PhoneRecognizer.CONTEXT)
    return frozenset(word.strip() for word in _pattern_recognizer(entity).context)
