"""Tokens: what stands where personal data stood, and the keys of pseudonyms.

Three kinds of replacement:

- `placeholder`: the type, ``<EMAIL_ADDRESS>``. Nothing tells two addresses apart.
- `pseudonym`: the type, the key's id and a keyed digest of the value, ``<EMAIL_ADDRESS:hjkm-...>``. The same value gives the same token
  wherever and whenever it stands, as long as the key is the same; without the key a token can be neither reversed nor recomputed from
  a list of likely values, and tokens of two keys have nothing in common (HMAC with SHA-256, RFC 2104).
- `cut`: nothing.

A key belongs to an epoch. It is read from the secret store, on every worker, and is never written anywhere: the environment variable
``SLUICE_PII_KEY_<epoch>``, or a file named as the epoch in the folder that ``SLUICE_PII_KEYS`` names (a mounted secret of Docker or
Kubernetes). A new epoch makes tokens that cannot be linked with the older ones'.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pipeline import config
from pipeline.errors import ConfigError
from pipeline.settings import Pii

Token = Callable[[str, str], str]
"""What stands in place of a value: type and value -> token."""

ALPHABET = "ghjkmnpqrstvwxyz"
"""Sixteen small letters, four bits each. None is a hexadecimal digit and no token has a digit, so that no recogniser sees anything in one."""

LEAST_KEY = 32
"""Bytes of a key, as many as the digest has (RFC 2104, 3)."""

_DIGEST_LETTERS, _ID_LETTERS = 20, 4
"""80 bits: among a hundred million values two have the same token with a probability of 0.4 %."""


def token_of(settings: Pii) -> Token:
    """Return the replacement that a configuration asks for.

    Raises
    ------
    ConfigError
        If pseudonyms are asked for and the key of the epoch is not there, or too short.

    >>> token_of(Pii())("US_SSN", "219-09-9999")
    '<US_SSN>'
    >>> token_of(Pii(replacement="cut"))("US_SSN", "219-09-9999")
    ''
    """
    match settings.replacement:
        case "cut":
            return lambda _, __: ""
        case "pseudonym":
            return pseudonyms(load_key(settings.key_epoch))
    return lambda entity, _: f"<{entity}>"


def pseudonyms(key: bytes) -> Token:
    """Return the pseudonyms of a key.

    >>> one = pseudonyms(b"k" * 32)
    >>> one("EMAIL_ADDRESS", "A@Example.org") == one("EMAIL_ADDRESS", "a@example.org")
    True
    >>> one("EMAIL_ADDRESS", "a@example.org") == pseudonyms(b"l" * 32)("EMAIL_ADDRESS", "a@example.org")
    False
    """
    name = key_id(key)

    def token(entity: str, value: str) -> str:
        digest = hmac.digest(key, f"{entity}\0{canonical(entity, value)}".encode("utf-8", "surrogatepass"), "sha256")
        return f"<{entity}:{name}-{_letters(digest, _DIGEST_LETTERS)}>"

    return token


def key_id(key: bytes) -> str:
    """Return the id of a key, which tokens carry: it says which key made them and nothing else about it."""
    return _letters(bytes.fromhex(key_digest(key)), _ID_LETTERS)


def key_digest(key: bytes) -> str:
    """Return a digest of a key, in hexadecimal, from which the key cannot be had: results of different keys are different results."""
    return hmac.new(key, b"sluice: id of a pseudonym key", "sha256").hexdigest()


def canonical(entity: str, value: str) -> str:
    r"""Return the form in which two spellings of one value are the same.

    >>> canonical("PHONE_NUMBER", "+1 (650) 253-0000"), canonical("IBAN_CODE", "DE89 3704"), canonical("PERSON", "Zoe\n Roe")
    ('+16502530000', 'DE893704', 'zoe roe')
    """
    plain = unicodedata.normalize("NFKC", value)
    match entity:
        case "PHONE_NUMBER":
            return re.sub(r"[^+\d]", "", plain)
        case "CREDIT_CARD" | "US_SSN":
            return re.sub(r"\D", "", plain)
        case "IBAN_CODE" | "NATIONAL_ID":
            return re.sub(r"[\W_]", "", plain).upper()
        case "CRYPTO" | "SECRET" | "URL_CREDENTIALS":
            return plain  # capitals count
    return " ".join(plain.casefold().split())


def load_key(epoch: int) -> bytes:
    """Return the key of an epoch from the secret store.

    Raises
    ------
    ConfigError
        If it is not there, or too short.
    """
    stored, folder = config.environment(f"PII_KEY_{epoch}"), config.environment("PII_KEYS")
    return _checked(epoch, stored, folder)


@cache
def _checked(epoch: int, stored: str | None, folder: str | None) -> bytes:
    key = stored.encode() if stored is not None else _from_file(folder, epoch)
    if key is None:
        raise ConfigError(
            f"'pii.replacement' is 'pseudonym' and there is no key of epoch {epoch}: set SLUICE_PII_KEY_{epoch}, or name a folder with a "
            f"file '{epoch}' in SLUICE_PII_KEYS (`openssl rand -hex 32` makes a key)"
        )
    if len(key) < LEAST_KEY:
        raise ConfigError(
            f"the pseudonym key of epoch {epoch} has {len(key)} bytes and needs {LEAST_KEY}: `openssl rand -hex 32` makes one"
        )
    return key


def _from_file(folder: str | None, epoch: int) -> bytes | None:
    try:
        return (Path(folder) / str(epoch)).read_bytes().strip() if folder else None
    except OSError:
        return None


def _letters(digest: bytes, count: int) -> str:
    return "".join(ALPHABET[byte >> 4] + ALPHABET[byte & 15] for byte in digest)[:count]
