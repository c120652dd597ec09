r"""Re-scan: an independent second look at redacted text.

It shares no pattern, screen or recogniser with the redaction: plain patterns of its own, each with its check (check digits, the
public suffix list, the numbering plan), for the forms that nobody would call anything but personal data. What it finds was missed.

It asks for less than the recognisers find, so that a hit means a fault: only strings that stand on their own (not inside a longer
word, number or address) and only what the policy of `pipeline.pii.recognizers` calls personal data. Tokens hold no digit and no @,
and so cannot be counted.
"""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.pii.checksums import IBAN_LENGTHS, base58check, bech32, iban_remainder, luhn
from pipeline.pii.national import is_cpf
from pipeline.pii.policy import is_mask, is_version
from pipeline.pii.recognizers import recognizers
from pipeline.pii.spans import Hit
from pipeline.settings import Pii
from pipeline.text.arrow import string_buffers


class Look(NamedTuple):
    """How the re-scan looks for one entity."""

    hint: str
    """RE2 pattern that a document with a hit matches."""
    form: re.Pattern[str]
    check: Callable[[str], bool]
    score: float = 1.0
    """What the recognisers give it: a configuration that asks for more leaves it on purpose."""


_APART = r"(?<![^\s\"'(<>,;:])", r"(?![^\s\"')<>,;:.!?]|[.:,]\d)"
"""Nothing but space or punctuation beside it."""


def _apart(form: str) -> re.Pattern[str]:
    return re.compile(_APART[0] + form + _APART[1])


def _email(value: str) -> bool:
    from pipeline.pii.patterns import suffix_list

    local, _, domain = value.rpartition("@")
    return len(local) <= 64 and len(domain) <= 253 and bool(suffix_list()(domain).fqdn)


def _phone(value: str) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(value, "US")))
    except phonenumbers.NumberParseException:
        return False


def _card(value: str) -> bool:
    return luhn(re.sub("[ -]", "", value)) == 0


def _iban(value: str) -> bool:
    iban = value.replace(" ", "")
    return IBAN_LENGTHS.get(iban[:2]) == len(iban) and iban_remainder(iban) == 1


def _ssn(value: str) -> bool:
    area, group, serial = value.split("-")
    sample = value in ("123-45-6789", "987-65-4320", "078-05-1120")
    alike = len(set(value)) == 2  # one digit and the hyphen
    return area not in ("000", "666") and group != "00" and serial != "0000" and not sample and not alike


def _ip(value: str) -> bool:
    try:
        version = ipaddress.ip_address(value).version
    except ValueError:
        return False
    if version == 6:
        return any(
            character.isdigit() for character in value
        )  # a mask of ones is nobody's, and no other address is without
    return not (is_version(value) or is_mask(value))


def _national(value: str) -> bool:
    if value[0].isalpha():
        return value[:2] not in ("BG", "GB", "NK", "KN", "NT", "TN", "ZZ") and value[1] != "O"
    return is_cpf(value) if "." in value else 70 <= int(value[4:6]) <= 88


def _country(value: str) -> str:
    """Return the country whose form a national number has."""
    if value[0].isalpha():
        return "GB" if value[2] in " 0123456789" else "IN"
    return "BR" if "." in value else "US"


def _crypto(value: str) -> bool:
    return bech32(value) if value.startswith("bc1") else base58check(value)


LOOKS: dict[str, Look] = {
    # A mail address may stand in a web address, so it need not stand apart.
    "EMAIL_ADDRESS": Look(
        "@",
        re.compile(
            r"(?<![\w.+-])[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@-]|\.\w)"
        ),
        _email,
    ),
    "PHONE_NUMBER": Look(
        r"[0-9]{3}[ .-][0-9]{4}|\+[0-9]",
        _apart(r"(?:\+[1-9]\d{0,2}[ -]\d{2,4}[ -]\d{3,4}[ -]\d{3,4}|(?:\(\d{3}\) |\d{3}-)\d{3}-\d{4})"),
        _phone,
        0.4,
    ),
    # Visa, Mastercard, American Express, Discover, in one block or in the groups that are printed on the card.
    "CREDIT_CARD": Look(
        r"[0-9]{13}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|[0-9]{4}[ -][0-9]{6}",
        _apart(
            r"(?:(?:4\d{3}|5[1-5]\d\d|6011|65\d\d)(?:\d{12}|(?: \d{4}){3}|(?:-\d{4}){3})"
            r"|3[47]\d\d(?:\d{11}| \d{6} \d{5}|-\d{6}-\d{5}))"
        ),
        _card,
    ),
    "IBAN_CODE": Look(
        r"[A-Z]{2}[0-9]{2}[ A-Z0-9]{11}",
        _apart(r"[A-Z]{2}\d\d(?:[A-Z0-9]{11,27}|(?: [A-Z0-9]{4}){2,6}(?: [A-Z0-9]{1,4})?)"),
        _iban,
    ),
    "US_SSN": Look(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", _apart(r"[0-9]{3}-[0-9]{2}-[0-9]{4}"), _ssn, 0.5),
    "IP_ADDRESS": Look(
        r"[0-9]\.[0-9]+\.[0-9]+\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]*:",
        re.compile(
            r"(?<![^\s\"'(<>,;])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6})"
            r"(?![^\s\"')<>,;!?])"
        ),
        _ip,
        0.6,
    ),
    "CRYPTO": Look(
        r"[13][1-9A-HJ-NP-Za-km-z]{25}|bc1[0-9a-z]{25}",
        _apart(r"(?:[13][1-9A-HJ-NP-Za-km-z]{25,33}|bc1[ac-hj-np-z02-9]{25,59})"),
        _crypto,
    ),
    # A user and a password that has a digit, before a host.
    "URL_CREDENTIALS": Look(
        "://[^/ ]+:[^/ ]+@",
        re.compile(
            r"\b(?:https?|ftp|ssh|smtp|postgres(?:ql)?|mysql|mongodb|redis|amqp)://([A-Za-z0-9._-]+:[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*)@"
        ),
        bool,
    ),
    # Keys of three large services, and private keys.
    "SECRET": Look(
        "AKIA|ghp_|AIza|PRIVATE KEY-----",
        re.compile(
            r"(?<![0-9A-Za-z])(?:AKIA[A-Z0-9]{16}|ghp_[A-Za-z0-9]{36}|AIza[A-Za-z0-9_-]{35})(?![0-9A-Za-z])"
            r"|PRIVATE KEY-----\n[A-Za-z0-9+/=]{64}\n"
        ),
        bool,
    ),
    # Forms that need no word beside them, of the countries that are configured.
    "NATIONAL_ID": Look(
        r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]|[A-Z]{5}[0-9]{4}[A-Z]|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|9[0-9]{2}-[0-9]{2}-[0-9]{4}",
        _apart(
            r"(?:[A-CEGHJ-PR-TW-Z]{2}(?: ?[0-9]{2}){3} ?[A-D]|[A-Z]{3}P[A-Z][0-9]{4}[A-Z]|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"
            r"|9[0-9]{2}-[0-9]{2}-[0-9]{4})"
        ),
        _national,
        0.5,
    ),
}
"""Entity -> how it is looked for."""


SAMPLED, READ = 256, 20_000
"""One text in so many is also read by the recognisers themselves, without screens and windows; of a long one so many characters."""


def rescan(texts: pa.Array | pa.ChunkedArray, settings: Pii) -> pa.Array:
    """Count what is left of structured personal data in each text: by looks of its own, and in a sample by the recognisers unscreened.

    The sample is drawn by a digest of the text, so that it is the same on any partitioning.

    Parameters
    ----------
    texts
        Redacted strings; null stays null.
    settings
        What was to be redacted: entities and score. A phone number without a country code counts where the United States are
        among the regions.

    Returns
    -------
    pa.Array
        int32, one for each text.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], texts.type)
    left = np.zeros(len(texts), np.int32)
    for entity in settings.entities:
        look = LOOKS[entity]
        if look.score < settings.thresholds.get(entity, settings.min_score):
            continue
        hinted = pc.fill_null(pc.match_substring_regex(texts, look.hint), False).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(hinted).tolist():
            values = (match[0] for match in look.form.finditer(texts[row].as_py()))
            left[row] += sum(look.check(value) for value in values if _is_asked_for(value, entity, settings))
    for row in sampled(texts):
        left[row] += sum(1 for _ in unscreened(texts[row].as_py()[:READ], settings))
    return pa.array(left, mask=pc.is_null(texts).to_numpy(zero_copy_only=False))


def sampled(texts: pa.Array) -> list[int]:
    """Return the rows of the sample."""
    data, offsets = string_buffers(texts)
    crcs = (zlib.crc32(data[start:end].tobytes()) for start, end in pairwise(offsets.tolist()))
    return [row for row, crc in enumerate(crcs) if crc % SAMPLED == 0 and offsets[row + 1] > offsets[row]]


def unscreened(text: str, settings: Pii) -> Iterator[Hit]:
    """Yield what the recognisers find in a whole text: the slow way, some six milliseconds a web page."""
    known = recognizers(settings)
    for entity in settings.entities:
        yield from known.find_unscreened(text, entity)


def _is_asked_for(value: str, entity: str, settings: Pii) -> bool:
    """Say whether the configuration asks for a value's country."""
    if entity == "PHONE_NUMBER":
        return value[0] == "+" or "US" in settings.phone_regions
    return entity != "NATIONAL_ID" or _country(value) in settings.id_countries
