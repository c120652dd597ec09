r"""Recognisers: Presidio's pattern recognisers, called directly, each behind its screen and on its windows.

`AnalyzerEngine` is not used: it wants a spaCy model and runs 9 documents a second. Importing `presidio_analyzer` costs 3.5 s of
CPU and 110 MB, because it brings spaCy along; so it happens on first use, once a process.

What Presidio leaves open is settled here:

- **Thresholds.** Scores are Presidio's: 1.0 for what a checksum or the public suffix list confirms, 0.6 for an IP address, 0.5 for a
  social security number with separators, 0.4 for a phone number, 0.05 for nine bare digits and the like; those of secrets and
  national numbers stand beside their forms. A hit counts from its entity's entry in `pii.thresholds` on, without one from `min_score`
  (0.4), an IP address from 0.5, so that "::" never counts.
- **Context.** One of the recogniser's own context words among the five words before a hit adds 0.35 and lifts it to 0.4 at least
  (Presidio's `LemmaContextAwareEnhancer` and its defaults, with whole words instead of lemmas): "SSN 219099998" counts.
  `pii.context` adds words to an entity's own.
- **Numbers beside numbers** (`RESTARTS`): what stands before a card number, an IBAN or a mail address does not hide it.
- **Cards** of the ranges that Presidio lacks (Mastercard 2221 to 2720, Visa of 19 digits, JCB 2131), with Luhn's check as well.
- **Not personal data**: what `pipeline.pii.policy` drops: dates, fractions and identifiers taken for phone numbers, bare digits
  that nothing calls one, numbers with fewer than seven digits, parts of longer dotted numbers, versions, network masks, prose
  before "::". Private, loopback and documentation addresses do count: nothing in the text tells whose they are.
- **No network.** Presidio's mail recogniser asks `tldextract`, which fetches the public suffix list; ours uses the list that
  `tldextract` ships.
- **No value in a log.** Presidio logs the text that fails an IBAN's validation; its logger is switched off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import regex

from pipeline.errors import ConfigError
from pipeline.mistakes import hint
from pipeline.pii.national import COUNTRIES
from pipeline.pii.patterns import Recognizer, pattern_recognizers
from pipeline.pii.phone import PhoneFinder
from pipeline.pii.phone_words import CONTEXT, OTHER_NUMBERS
from pipeline.pii.policy import is_personal, leading
from pipeline.pii.screens import SCREENS
from pipeline.pii.spans import Found, Hit
from pipeline.pii.windows import windows
from pipeline.settings import Pii

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
_WORD = regex.compile(r"\w+")


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
        self._phones = PhoneFinder(settings.phone_regions)
        self._recognizers = {
            entity: (Recognizer("PhoneRecognizer", self._phones.find_unscreened, _phone_context()),)
            if entity == "PHONE_NUMBER"
            else pattern_recognizers(entity, settings.id_countries if entity == "NATIONAL_ID" else ())
            for entity in settings.entities
        }
        self._thresholds = {
            entity: settings.thresholds.get(entity, max(settings.min_score, THRESHOLDS.get(entity, 0.0)))
            for entity in settings.entities
        }

    def find(self, text: str, entity: str) -> list[Hit]:
        """Return the hits of one entity, by looking at its windows only."""
        return self._judged(text, entity, self._in_windows)

    def find_unscreened(self, text: str, entity: str) -> list[Hit]:
        """Return the hits of one entity by running the recognisers on the whole text: the slow reference for `find`."""
        return self._judged(text, entity, lambda recognizer, text, _: recognizer.search(text))

    def _judged(self, text: str, entity: str, look: Callable[[Recognizer, str, str], Iterable[Found]]) -> list[Hit]:
        hits: set[Hit] = set()
        for recognizer in self._recognizers[entity]:
            hits.update(self._judge(text, entity, recognizer, look(recognizer, text, entity)))
        return sorted(hits)

    def _in_windows(self, recognizer: Recognizer, text: str, entity: str) -> Iterator[Found]:
        if entity == "PHONE_NUMBER":
            words = recognizer.context.union(self.settings.context.get(entity, ()))
            yield from self._phones.find(text, lambda place: _has_context(text, place, entity, words))
            return
        if recognizer.window is None:
            yield from recognizer.search(text)
            return
        if recognizer.least < self._thresholds[entity] and not self._is_said(recognizer, text, entity):
            return
        for start, end in windows(text, recognizer.window):
            # The character on each side is there for the patterns' look-around.
            first = max(0, start - 1)
            for hit in recognizer.search(text[first : end + 1]):
                yield hit._replace(start=hit.start + first, end=hit.end + first)
            if entity in RESTARTS:
                yield from self._restarted(recognizer, text, start, end, entity)

    def _restarted(self, recognizer: Recognizer, text: str, start: int, end: int, entity: str) -> Iterator[Found]:
        restart = RESTARTS[entity]
        places = [match.start() for match in restart.beginning.finditer(text, start, end)]
        for place in places if len(places) >= restart.least else ():
            first, last = max(0, place - 1), place + restart.longest
            for hit in recognizer.search(text[first : last + 1]):
                if hit.end + first <= last:  # what reaches the character beyond may go on
                    yield hit._replace(start=hit.start + first, end=hit.end + first)

    def _is_said(self, recognizer: Recognizer, text: str, entity: str) -> bool:
        """Say whether one of a recogniser's words stands anywhere in a text: what needs one has no hit without."""
        small = text.lower()
        return any(word in small for word in recognizer.context.union(self.settings.context.get(entity, ())))

    def _judge(self, text: str, entity: str, recognizer: Recognizer, found: Iterable[Found]) -> Iterator[Hit]:
        """Apply context, policy and threshold."""
        context = recognizer.context.union(self.settings.context.get(entity, ()))
        for raw in found:
            start, end, score = raw.start, raw.end, raw.score
            start += leading(text[start:end], entity)
            marked = score < 1 and (raw.stated or _has_context(text, start, entity, context))
            if marked:
                score = min(1.0, max(score + _BOOST, _BOOSTED_MINIMUM))
            if score >= self._thresholds[entity] and is_personal(text, start, end, entity, marked):
                yield Hit(start, end, entity, recognizer.name, score)


def _has_context(text: str, start: int, entity: str, context: frozenset[str]) -> bool:
    words = _WORD.findall(text, max(0, start - _CONTEXT_CHARACTERS), start)[-_CONTEXT_WORDS:]
    said = {word.lower() for word in words}
    if entity == "PHONE_NUMBER" and not said.isdisjoint(OTHER_NUMBERS):
        said.discard("number")
    return not context.isdisjoint(said)


def recognizers(settings: Pii) -> Recognizers:
    """Return the recognisers of a configuration, built once a process."""
    return _built(settings.model_dump_json())


@lru_cache(maxsize=8)
def _built(settings: str) -> Recognizers:
    return Recognizers(Pii.model_validate_json(settings))


def check(settings: Pii) -> None:
    """Raise ConfigError if an entity or a phone region is unknown; the message names the nearest known one."""
    import phonenumbers

    for key, given, known in (
        ("entities", settings.entities, sorted(SCREENS)),
        ("thresholds", tuple(settings.thresholds), sorted(SCREENS)),
        ("context", tuple(settings.context), sorted(SCREENS)),
        ("id_countries", settings.id_countries, list(COUNTRIES)),
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
def _phone_context() -> frozenset[str]:
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    return CONTEXT.union(PhoneRecognizer.CONTEXT)
