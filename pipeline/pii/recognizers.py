"""Recognisers: Presidio's pattern recognisers, called directly, each behind its screen and on its windows.

`AnalyzerEngine` is not used: it wants a spaCy model and runs 9 documents a second. Importing `presidio_analyzer` costs 3.2 s of
CPU and 110 MB, because it brings spaCy along; so it happens on first use, once a process.

What Presidio leaves open is settled here:

- **Thresholds.** Scores are Presidio's: 1.0 for what a checksum or the public suffix list confirms, 0.6 for an IP address, 0.5 for a
  social security number with separators, 0.4 for a phone number, 0.05 for nine bare digits and the like. A hit counts from
  `min_score` (0.4) on, an IP address from 0.5 on, so that "::" never counts.
- **Context.** One of the recogniser's own context words among the five words before a hit adds 0.35 and lifts it to 0.4 at least
  (Presidio's `LemmaContextAwareEnhancer` and its defaults, with whole words instead of lemmas): "SSN 078051121" counts.
- **Not personal data**: four numbers that are part of a longer dotted number (1.2.3.4.5: a version or an object identifier), and a
  phone number with fewer than seven digits. Private, loopback and documentation addresses do count, as does a version of four
  parts: nothing in the text tells them from an address.
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
from pipeline.pii.screens import PHONE_DIGITS, SCREENS
from pipeline.pii.spans import Hit
from pipeline.pii.windows import phone_windows, windows

THRESHOLDS: dict[str, float] = {"IP_ADDRESS": 0.5}
"""Entity -> score under which a hit never counts, whatever `min_score` says."""

_BOOST, _BOOSTED_MINIMUM, _CONTEXT_WORDS, _CONTEXT_CHARACTERS = 0.35, 0.4, 5, 100
_WORD = regex.compile(r"\w+")
_DIGIT_BEFORE, _DIGIT_AFTER = re.compile(r"[0-9]\."), re.compile(r"\.[0-9]")
_PHONE_POLICY = re.compile(r"\d")


class Found(NamedTuple):
    """A recogniser's raw result: start, end and score within the text that it was given."""

    start: int
    end: int
    score: float


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
        self.settings = settings
        self._patterns = {
            entity: _pattern_recognizer(entity) for entity in settings.entities if entity != "PHONE_NUMBER"
        }
        self._regions = tuple(_PhoneRegion(region) for region in settings.phone_regions)
        self._context = {entity: _context_words(entity) for entity in settings.entities}
        self._in_chain = lru_cache(maxsize=50_000)(self._phones)

    def find(self, text: str, entity: str) -> list[Hit]:
        """Return the hits of one entity, by looking at its windows only."""
        if entity == "PHONE_NUMBER":
            found: Iterable[Found] = self._find_phones(text)
        else:
            found = self._find_pattern(text, entity)
        return self._judge(text, entity, found)

    def find_unscreened(self, text: str, entity: str) -> list[Hit]:
        """Return the hits of one entity by running the recogniser on the whole text: the slow reference for `find`."""
        if entity == "PHONE_NUMBER":
            found = [hit for region in self._regions for hit in _analyze(region.recognizer, text, entity)]
        else:
            found = _analyze(self._patterns[entity], text, entity)
        return self._judge(text, entity, found)

    def _find_pattern(self, text: str, entity: str) -> Iterator[Found]:
        recognizer = self._patterns[entity]
        for start, end in windows(text, entity):
            # The character on each side is there for the patterns' look-around.
            first = max(0, start - 1)
            for hit in _analyze(recognizer, text[first : end + 1], entity):
                yield hit._replace(start=hit.start + first, end=hit.end + first)

    def _find_phones(self, text: str) -> Iterator[Found]:
        for window in phone_windows(text):
            start = window.start
            for hit in self._in_chain(text[start : window.end], window.chain, window.last - start):
                yield hit._replace(start=hit.start + start, end=hit.end + start)

    def _phones(self, text: str, chain: str, last: int) -> tuple[Found, ...]:
        """Run the regions' recognisers on one chain; the result depends on the arguments alone, so it is kept."""
        digits = "".join(_PHONE_POLICY.findall(chain))
        international = "+" in text or "\uff0b" in text
        found: set[Found] = set()
        for number, region in enumerate(self._regions):
            # A number with a plus reads the same in every region, so that one region will do for it.
            if (international and number == 0) or region.may_hold(digits):
                found.update(hit for hit in _analyze(region.recognizer, text, "PHONE_NUMBER") if hit.start < last)
        return tuple(sorted(found))

    def _judge(self, text: str, entity: str, found: Iterable[Found]) -> list[Hit]:
        """Apply context, policy and threshold."""
        name = "PhoneRecognizer" if entity == "PHONE_NUMBER" else self._patterns[entity].name
        threshold = max(self.settings.min_score, THRESHOLDS.get(entity, 0.0))
        hits = []
        for start, end, score in found:
            if score + _BOOST >= threshold and score < 1:
                score = self._with_context(text, start, entity, score)  # noqa: PLW2901 - the same score, in its context
            if score >= threshold and _is_personal(text, start, end, entity):
                hits.append(Hit(start, end, entity, name, score))
        return hits

    def _with_context(self, text: str, start: int, entity: str, score: float) -> float:
        words = _WORD.findall(text, max(0, start - _CONTEXT_CHARACTERS), start)[-_CONTEXT_WORDS:]
        if self._context[entity].isdisjoint(word.lower() for word in words):
            return score
        return min(1.0, max(score + _BOOST, _BOOSTED_MINIMUM))


@lru_cache(maxsize=8)
def recognizers(settings: Pii) -> Recognizers:
    """Return the recognisers of a configuration, built once a process."""
    return Recognizers(settings)


def check(settings: Pii) -> None:
    """Raise ConfigError if an entity or a phone region is unknown; the message names the nearest known one."""
    import difflib

    import phonenumbers

    for key, given, known in (
        ("entities", settings.entities, sorted(SCREENS)),
        ("phone_regions", settings.phone_regions, sorted(phonenumbers.SUPPORTED_REGIONS)),
    ):
        for name in given:
            if name not in known:
                close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.3)
                hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
                raise ConfigError(f"'pii.{key}': '{name}' is not known, {hint}")
    if "PHONE_NUMBER" in settings.entities and not settings.phone_regions:
        raise ConfigError(
            "'pii.phone_regions' is empty: name a region, such as 'US', or take PHONE_NUMBER off 'pii.entities'"
        )


class _PhoneRegion:
    """One region's phone recogniser, and which digits it could accept."""

    def __init__(self, region: str) -> None:
        from phonenumbers.phonemetadata import PhoneMetadata
        from presidio_analyzer.predefined_recognizers import PhoneRecognizer

        _silence()
        metadata = PhoneMetadata.metadata_for_region(region)
        self.recognizer = PhoneRecognizer(supported_regions=(region,))
        self._fewest = max(PHONE_DIGITS, min(metadata.general_desc.possible_length))
        self._abroad = re.compile(metadata.international_prefix)

    def may_hold(self, digits: str) -> bool:
        """Say whether a chain's digits are enough for a number of the region, or hold its prefix for calls abroad."""
        return len(digits) >= self._fewest or (not digits.isascii()) or self._abroad.search(digits) is not None


def _is_personal(text: str, start: int, end: int, entity: str) -> bool:
    """Apply the policy for what a recogniser confirms and yet is no personal data."""
    if entity == "IP_ADDRESS" and "." in text[start:end]:
        return not (_DIGIT_BEFORE.match(text, start - 2) if start >= 2 else None) and not _DIGIT_AFTER.match(text, end)
    if entity == "PHONE_NUMBER":
        return len(_PHONE_POLICY.findall(text, start, end)) >= PHONE_DIGITS
    return True


def _analyze(recognizer: Any, text: str, entity: str) -> list[Found]:
    return [Found(result.start, result.end, result.score) for result in recognizer.analyze(text, [entity], None)]


@cache
def _pattern_recognizer(entity: str) -> Any:
    """Build Presidio's recogniser of an entity."""
    from presidio_analyzer import predefined_recognizers as presidio

    _silence()

    class OfflineEmailRecognizer(presidio.EmailRecognizer):  # type: ignore[misc] # presidio ships no types
        """Presidio's, with the public suffix list that its dependency ships."""

        def validate_result(self, pattern_text: str) -> bool:
            return suffix_list()(pattern_text).fqdn != ""

    class CheckedCreditCardRecognizer(presidio.CreditCardRecognizer):  # type: ignore[misc] # presidio ships no types
        """Presidio's, which raises on digits that `regex` knows and the interpreter does not."""

        def validate_result(self, pattern_text: str) -> bool:
            try:
                return bool(super().validate_result(pattern_text))
            except ValueError:
                return False

    classes = {
        "EMAIL_ADDRESS": OfflineEmailRecognizer,
        "CREDIT_CARD": CheckedCreditCardRecognizer,
        "IBAN_CODE": presidio.IbanRecognizer,
        "US_SSN": presidio.UsSsnRecognizer,
        "IP_ADDRESS": presidio.IpRecognizer,
        "CRYPTO": presidio.CryptoRecognizer,
    }
    kind = classes[entity]
    return kind(name=kind.__name__.removeprefix("Offline").removeprefix("Checked"))


@cache
def suffix_list() -> Any:
    """Return a splitter of host names that reads the public suffix list of its own package: no network, no cache on disk."""
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)


@cache
def _context_words(entity: str) -> frozenset[str]:
    if entity == "PHONE_NUMBER":
        from presidio_analyzer.predefined_recognizers import PhoneRecognizer

        return frozenset(PhoneRecognizer.CONTEXT)
    return frozenset(word.strip() for word in _pattern_recognizer(entity).context)


def _silence() -> None:
    """Switch off Presidio's logger, which writes values that fail validation."""
    logging.getLogger("presidio-analyzer").disabled = True
