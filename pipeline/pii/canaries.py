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

from pipeline.pii.checksums import IBAN_LENGTHS, base58_encode, bech32_encode, iban_remainder, luhn
from pipeline.pii.national import is_cpf
from pipeline.pii.redact import redact
from pipeline.pii.spans import PLACEHOLDER
from pipeline.settings import Pii

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


_NOTHING = (("", ""), ("", ""))
_BESIDE = {
    "URL_CREDENTIALS": (("https://example.org/a?access_token=", ""), ("ftp://", "@files/")),
    "SECRET": (("", ""), ("token=", "")),
}
"""What a canary needs beside it to be one, in turn."""
_LETTERS, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"


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

    A canary is caught if one token, of whatever type, stands exactly where it was, or nothing where the configuration cuts.
    """
    canaries = list(make_canaries(settings, key))
    texts = redact(pa.array([canary.text for canary in canaries], pa.string()), settings).texts.to_pylist()
    missed = [canary.entity for canary, text in zip(canaries, texts, strict=True) if _survives(canary, text, settings)]
    return CanaryRecall(len(canaries), len(missed), tuple(entity for entity in settings.entities if entity in missed))


def make_canaries(settings: Pii, key: str = "sluice") -> Iterator[Canary]:
    """Yield the canaries of a key: `PER_ENTITY` of each configured entity that `min_score` lets count."""
    for entity in settings.entities:
        for number in range(PER_ENTITY):
            seed = hashlib.blake2b(f"{entity}:{number}".encode(), key=key.encode()[:64], digest_size=16).digest()
            draw = random.Random(seed)  # noqa: S311 - repeatable on purpose; nothing is kept secret by it
            value = _MAKERS[entity](draw, number, settings)
            if not value:
                continue  # no form of the configured countries
            carrier = _CARRIERS[(number // 4 + number) % len(_CARRIERS)]
            # A score under the configured one counts only where the text says what it is.
            threshold = settings.thresholds.get(entity, settings.min_score)
            before, after = _BESIDE.get(entity, _NOTHING)[number % 2]
            if threshold > _SCORES.get(entity, 1.0):
                before = f"{_SAID[entity]} {before}"
            yield Canary(entity, value, carrier.format(before + value + after))


def _survives(canary: Canary, text: str, settings: Pii) -> bool:
    before, after = map(re.escape, canary.text.split(canary.value, 1))
    token = "" if settings.replacement == "cut" else PLACEHOLDER
    return re.fullmatch(before + token + after, text) is None


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
    if number % 4 == 3:
        return "0x" + draw.randbytes(20).hex()
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


def _word(draw: random.Random, count: int, alphabet: str = _LETTERS + _DIGITS) -> str:
    """Return a drawn word that begins with a letter and a digit."""
    return "".join(draw.choices(_LETTERS, k=1) + draw.choices(_DIGITS, k=1) + draw.choices(alphabet, k=count - 2))


def _credentials(draw: random.Random, number: int, _settings: Pii) -> str:
    return f"{_word(draw, 6)}:{_word(draw, 10)}" if number % 2 else _word(draw, 24)


def _secret(draw: random.Random, number: int, _settings: Pii) -> str:
    capitals = (_LETTERS + _DIGITS).upper()
    match number % 6:
        case 0:
            return "AKIA" + "".join(draw.choices(capitals, k=16))
        case 1:
            return "ghp_" + _word(draw, 36)
        case 2:
            return "AIza" + _word(draw, 35)
        case 3:
            return f"sk_live_{_word(draw, 24)}"
        case 4:
            body = "\n".join(_word(draw, 64) for _ in range(3))
            return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    return draw.randbytes(16).hex() + _word(draw, 6)


def _national(draw: random.Random, number: int, settings: Pii) -> str:
    made = [maker for country, maker in _NATIONAL if country in settings.id_countries]
    return made[number % len(made)](draw) if made else ""


def _nino(draw: random.Random) -> str:
    return f"{draw.choice('ABCEHJ')}{draw.choice('ABCEHJ')} {_digits(draw, 2)} {_digits(draw, 2)} {_digits(draw, 2)} {draw.choice('ABCD')}"


def _pan(draw: random.Random) -> str:
    return (
        f"{''.join(draw.choices('ABCDEFGH', k=3))}P{draw.choice('ABCDEFGH')}{_digits(draw, 4)}{draw.choice('ABCDEFGH')}"
    )


def _itin(draw: random.Random) -> str:
    return f"9{_digits(draw, 2)}-{draw.randint(70, 88)}-{_digits(draw, 4)}"


def _cpf(draw: random.Random) -> str:
    while True:
        body = _digits(draw, 9)
        for check in range(100):
            value = f"{body[:3]}.{body[3:6]}.{body[6:]}-{check:02d}"
            if is_cpf(value):
                return value


def _nir(draw: random.Random) -> str:
    body = f"{draw.randint(1, 2)}{_digits(draw, 2)}{draw.randint(1, 12):02d}{draw.randint(1, 95):02d}{_digits(draw, 6)}"
    return f"{body}{97 - int(body) % 97:02d}"


_NATIONAL: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("US", _itin),
    ("GB", _nino),
    ("IN", _pan),
    ("BR", _cpf),
    ("FR", _nir),
)
_MAKERS: dict[str, Callable[[random.Random, int, Pii], str]] = {
    "EMAIL_ADDRESS": _email,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "IBAN_CODE": _iban,
    "US_SSN": _ssn,
    "IP_ADDRESS": _ip,
    "CRYPTO": _crypto,
    "URL_CREDENTIALS": _credentials,
    "SECRET": _secret,
    "NATIONAL_ID": _national,
}
_SCORES = {"PHONE_NUMBER": 0.4, "US_SSN": 0.5, "IP_ADDRESS": 0.6, "NATIONAL_ID": 0.5}
"""Scores of what is not certain by its form."""
_SAID = {"PHONE_NUMBER": "phone", "US_SSN": "ssn", "IP_ADDRESS": "ip", "NATIONAL_ID": "itin nino pan cpf nir"}
"""Words that lift them."""
