r"""The pattern recognisers: Presidio's, mended where they fail on real text, and our own where it has none."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import regex

from pipeline.errors import ConfigError
from pipeline.pii import national
from pipeline.pii.screens import MAESTRO
from pipeline.pii.secrets import credentials, secrets
from pipeline.pii.spans import Found
from pipeline.pii.windows import WINDOWS, Window, national_window

_INVISIBLE = regex.compile(r"[\p{M}\p{Cf}]+")
_MORE_CARDS = (
    r"\b(?:(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}"
    rf"|4\d{{3}}[- ]?\d{{4}}[- ]?\d{{4}}[- ]?\d{{4}}[- ]?\d{{3}}|2131\d{{11}}|{MAESTRO}[0-9]{{8,15}})\b"
)
_OTHER_DIGITS = regex.compile(r"(?![0-9])\p{Nd}")
"""Digits beyond ASCII: no national number holds one, and several of Presidio's checks raise on those that the interpreter does not know.
They become a letter, which keeps words and places as they are."""
_MORE_WORDS = {"IpRecognizer": {"address", "dns", "gateway", "host", "nameserver", "subnet"}}
_ETHEREUM = re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{40}(?![0-9A-Za-z])")


@dataclass(frozen=True)
class Recognizer:
    """One recogniser, called directly."""

    name: str
    search: Callable[[str], Iterable[Found]]
    """Start, end and score of what it finds in a text."""
    context: frozenset[str] = frozenset()
    """Words in small letters, of which one before a hit lifts its score."""
    window: Window | None = None
    """The stretches that it reads; None: the whole of a document that passes its screen, since its own cost is linear."""
    least: float = 1.0
    """Highest score of what it finds where no context word stands before it."""


@cache
def pattern_recognizers(entity: str, countries: tuple[str, ...] = ()) -> tuple[Recognizer, ...]:
    """Build the recognisers of an entity, once a process.

    Parameters
    ----------
    entity
        Any but PHONE_NUMBER.
    countries
        For NATIONAL_ID: ISO 3166 codes.

    Raises
    ------
    ConfigError
        If the entity has none.
    """
    # Presidio's logger writes values that fail validation.
    logging.getLogger("presidio-analyzer").disabled = True
    match entity:
        case "URL_CREDENTIALS":
            return (Recognizer("UrlCredentialsRecognizer", credentials),)
        case "SECRET":
            return (Recognizer("SecretRecognizer", secrets),)
        case "NATIONAL_ID":
            return tuple(_national(number) for number in national.numbers_of(countries))
        case "CRYPTO":
            ethereum = Recognizer("EthereumRecognizer", _ethereum, window=WINDOWS[entity])
            return (_presidio(_presidio_recognizer(entity), WINDOWS[entity]), ethereum)
    return (_presidio(_presidio_recognizer(entity), WINDOWS[entity]),)


def _presidio(inner: Any, window: Window) -> Recognizer:
    entities = list(inner.supported_entities)

    def search(text: str) -> Iterator[Found]:
        for result in inner.analyze(text, entities, None):
            yield Found(result.start, result.end, result.score)

    words = {word.strip() for word in inner.context or ()} | _MORE_WORDS.get(inner.name, set())
    return Recognizer(inner.name, search, frozenset(words), window)


def _national(number: national.NationalNumber) -> Recognizer:
    words, window = frozenset(number.context.split()), national_window(number.anchor)
    if number.recognizer in national.OWN:
        pattern, check = national.OWN[number.recognizer]
        form = re.compile(pattern)

        def own(text: str) -> Iterator[Found]:
            for match in form.finditer(text):
                if check(match[0]):
                    yield Found(match.start(), match.end(), number.score)

        return Recognizer(number.recognizer, own, words, window, number.score)
    inner = _presidio(national.presidio_recognizer(number), window)

    def scored(text: str) -> Iterator[Found]:
        for found in inner.search(_OTHER_DIGITS.sub("\u00e9", text)):
            start, end, score = found.start, found.end, found.score
            alone = not (text[max(0, start - 1) : start].isalnum() or text[end : end + 1].isalnum())
            # Presidio gives 1 to whatever passes a check, one digit's too, and 0.01 to patterns that say nothing.
            if score >= national.LEAST_FORM and alone and national.is_well_formed(text[start:end]):
                yield Found(start, end, min(score, number.score))

    return Recognizer(inner.name, scored, words, window, number.score)


def _ethereum(text: str) -> Iterator[Found]:
    """Yield addresses of Ethereum and of what is built on it; their checksum, in the letters' case, is optional (ERC-55)."""
    for match in _ETHEREUM.finditer(text):
        yield Found(match.start(), match.end(), 1.0)


@cache
def suffix_list() -> Any:
    """Return a splitter of host names that reads the public suffix list of its own package: no network, no cache on disk."""
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)


def _presidio_recognizer(entity: str) -> Any:
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
