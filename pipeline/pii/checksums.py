"""Check digits of what the re-scan looks for and the canaries are made of: our own, not the recognisers'."""

from __future__ import annotations

import hashlib

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

IBAN_LENGTHS: dict[str, int] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22,
    "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30,
    "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31,
    "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VG": 24, "XK": 20,
}  # fmt: skip
"""Country -> length of its IBAN (SWIFT's IBAN registry; ISO 13616)."""


def luhn(digits: str) -> int:
    """Return Luhn's sum modulo 10 of ASCII digits; 0 is valid (ISO/IEC 7812-1).

    >>> luhn("4111111111111111")
    0
    """
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    last_first = [int(digit) for digit in reversed(digits)]
    return (sum(last_first[0::2]) + sum(doubled[digit] for digit in last_first[1::2])) % 10


def iban_remainder(iban: str) -> int:
    """Return an IBAN's remainder modulo 97; 1 is valid (ISO 13616, ISO/IEC 7064).

    >>> iban_remainder("GB82WEST12345698765432")
    1
    """
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def base58check(address: str) -> bool:
    """Say whether an address in base 58 ends in the right checksum: the first 4 bytes of a double SHA-256."""
    number = 0
    for character in address:
        number = number * 58 + BASE58.index(character)
    if number >> 200:  # a version byte, 20 bytes of hash and 4 of checksum
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def base58_encode(payload: bytes) -> str:
    """Return the address of 21 bytes, version first, with its checksum."""
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, result = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        result = BASE58[digit] + result
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + result


def bech32_checksum(values: list[int], prefix: str = "bc") -> int:
    """Return the checksum polynomial of a Bech32 address's values; 1 is valid (BIP 173), 0x2BC830A3 too (BIP 350)."""
    expanded = [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]
    result = 1
    for value in expanded + values:
        top = result >> 25
        result = (result & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            result ^= generator if top >> bit & 1 else 0
    return result


def bech32(address: str) -> bool:
    """Say whether an address ``bc1...`` ends in the right checksum."""
    return bech32_checksum([BECH32.index(character) for character in address[3:]]) in (1, 0x2BC830A3)


def bech32_encode(values: list[int]) -> str:
    """Return the address ``bc1...`` of 5-bit values, with its checksum of BIP 173."""
    polynomial = bech32_checksum([*values, 0, 0, 0, 0, 0, 0]) ^ 1
    return "bc1" + "".join(BECH32[value] for value in [*values, *((polynomial >> 5 * (5 - i)) & 31 for i in range(6))])
