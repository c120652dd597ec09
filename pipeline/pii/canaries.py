"""Canaries: made-up personal data that must not survive the redaction.

Each batch redacts a few of every configured entity beside its documents, by the same function and settings. A canary that comes out
alive says that a screen, a window or a recogniser has become too narrow. They are made from a key, so that the same key gives the
same canaries and another one others; all check digits are right; addresses and numbers lie in ranges that are reserved for
examples wherever there are such ranges.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.config import Pii
from pipeline.pii.checksums import IBAN_LENGTHS, base58_encode, bech32_encode, iban_remainder, luhn
from pipeline.pii.redact import redact
from pipeline.pii.spans import PLACEHOLDER

PER_ENTITY = 24
"""Canaries of each entity: every form of it several times."""

_CARRIERS = (
    "{}",
    "Write to {} before Friday.",
    "Contact:\n{}\nThank you.",
    "\u4e2d\u6587\uff1a {} \u3002",
    "<p>{}</p>",
    "https://example.org/x?user={}&y=1",
    "\u00c4nderungen ({}) m\u00f6glich, sagt Zo\u00eb.",
)
"""Texts around a canary: alone, in a sentence, on its own line, in another script, in mark-up, in a web address, in brackets."""


class Canary(NamedTuple):
    """One canary in its text."""

    entity: str
    value: str
    text: str


class CanaryRecall(NamedTuple):
    """How the redaction did on the canaries."""

    planted: int
    missed: int
    missed_entities: tuple[str, ...]
    """Entities of those that came out alive, each once, in the configuration's order."""


def canary_recall(settings: Pii, key: str = "sluice") -> CanaryRecall:
    """Redact canaries of every configured entity and count those of which anything is left.

    A canary is caught if one placeholder, of whatever type, stands exactly where it was.
    """
    canaries = list(make_canaries(settings, key))
    texts = redact(pa.array([canary.text for canary in canaries], pa.string()), settings).texts.to_pylist()
    missed = [canary.entity for canary, text in zip(canaries, texts, strict=True) if _survives(canary, text)]
    return CanaryRecall(len(canaries), len(missed), tuple(entity for entity in settings.entities if entity in missed))


def make_canaries(settings: Pii, key: str = "sluice") -> Iterator[Canary]:
    """Yield the canaries of a key: `PER_ENTITY` of each configured entity that `min_score` lets count."""
    for entity in settings.entities:
        for number in range(PER_ENTITY):
            seed = hashlib.blake2b(f"{entity}:{number}".encode(), key=key.encode()[:64], digest_size=16).digest()
            draw = random.Random(seed)  # noqa: S311 - repeatable on purpose; nothing is kept secret by it
            value = _MAKERS[entity](draw, number, settings)
            carrier = _CARRIERS[(number // 4 + number) % len(_CARRIERS)]
            # A score under the configured one counts only where the text says what it is.
            said = f"{_SAID[entity]} " if _SAID[entity] and settings.min_score > _SCORES[entity] else ""
            yield Canary(entity, value, carrier.format(said + value))


def _survives(canary: Canary, text: str) -> bool:
    before, after = map(re.escape, canary.text.split(canary.value, 1))
    return re.fullmatch(before + PLACEHOLDER + after, text) is None


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def _email(draw: random.Random, number: int, _settings: Pii) -> str:
    local = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=draw.randint(1, 20)))
    tag = ("", ".b", "+list", "_x-y")[number % 4]
    return f"{local}{tag}@{('', 'mail.', 'a-b.c1.')[number % 3]}example.{draw.choice(('com', 'org', 'net'))}"


def _card(draw: random.Random, number: int, _settings: Pii) -> str:
    prefix, length = (("4", 16), ("51", 16), ("55", 16), ("6011", 16), ("37", 15), ("2221", 16))[number % 6]
    body = prefix + _digits(draw, length - len(prefix) - 1)
    card = body + str(-luhn(body + "0") % 10)
    separator = ("", " ", "-")[number // 6 % 3]
    groups = (card[:4], card[4:10], card[10:]) if length == 15 else (card[:4], card[4:8], card[8:12], card[12:])
    return separator.join(groups)


def _iban(draw: random.Random, number: int, _settings: Pii) -> str:
    country = ("DE", "AT", "BE", "DK", "ES", "FI", "NO", "PL")[number % 8]
    account = _digits(draw, IBAN_LENGTHS[country] - 4)
    iban = f"{country}{98 - iban_remainder(f'{country}00{account}'):02d}{account}"
    return iban if number % 2 else " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def _ssn(draw: random.Random, _number: int, _settings: Pii) -> str:
    area = draw.choice([area for area in range(1, 900) if area != 666])
    return f"{area:03d}-{draw.randint(1, 99):02d}-{draw.randint(1, 9999):04d}"


def _ip(draw: random.Random, number: int, _settings: Pii) -> str:
    if number % 3:
        return f"{draw.choice(('192.0.2', '198.51.100', '203.0.113'))}.{draw.randint(0, 255)}"
    groups = [f"{draw.randint(0, 0xFFFF):x}" for _ in range(6)]
    return "2001:db8:" + (":".join(groups) if number % 2 else f"{groups[0]}::{groups[1]}")


def _crypto(draw: random.Random, number: int, _settings: Pii) -> str:
    if number % 3 == 2:
        return bech32_encode([0, *(draw.randint(0, 31) for _ in range(32))])
    return base58_encode(bytes([(0, 5)[number % 3]]) + draw.randbytes(20))


def _phone(draw: random.Random, number: int, settings: Pii) -> str:
    import phonenumbers

    region = settings.phone_regions[number % len(settings.phone_regions)]
    example: Any = phonenumbers.example_number(region)
    digits = str(example.national_number)
    candidate = example
    for _ in range(100):
        drawn = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=int(digits[:-3] + _digits(draw, 3)),
            italian_leading_zero=example.italian_leading_zero,
        )
        if phonenumbers.is_valid_number(drawn):
            candidate = drawn
            break
    form = phonenumbers.PhoneNumberFormat
    # The library writes some regions' national form without the prefix that its own matcher demands.
    national = region == "US" and number % 2
    return str(phonenumbers.format_number(candidate, form.NATIONAL if national else form.INTERNATIONAL))


_MAKERS: dict[str, Callable[[random.Random, int, Pii], str]] = {
    "EMAIL_ADDRESS": _email,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "IBAN_CODE": _iban,
    "US_SSN": _ssn,
    "IP_ADDRESS": _ip,
    "CRYPTO": _crypto,
}
_SCORES = {"PHONE_NUMBER": 0.4, "US_SSN": 0.5, "IP_ADDRESS": 0.6} | dict.fromkeys(
    ("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "CRYPTO"), 1.0
)
_SAID = {"PHONE_NUMBER": "phone", "US_SSN": "ssn", "IP_ADDRESS": "ip"} | dict.fromkeys(
    ("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "CRYPTO"), ""
)
