"""Check digits against published examples, and against one changed character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pii import checksums


@pytest.mark.parametrize("card", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"])
def test_cards(card: str) -> None:
    assert checksums.luhn(card) == 0
    assert checksums.luhn(card[:-1] + str((int(card[-1]) + 1) % 10)) != 0


@pytest.mark.parametrize("iban", ["GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606"])
def test_ibans(iban: str) -> None:
    assert checksums.iban_remainder(iban) == 1
    assert checksums.IBAN_LENGTHS[iban[:2]] == len(iban)
    assert checksums.iban_remainder(iban[:-1] + str((int(iban[-1]) + 1) % 10)) != 1


@given(st.binary(min_size=21, max_size=21))
def test_base58(payload: bytes) -> None:
    address = checksums.base58_encode(payload)
    assert checksums.base58check(address)
    other = "2" if address[-1] != "2" else "3"
    assert not checksums.base58check(address[:-1] + other)


@pytest.mark.parametrize(
    ("address", "valid"),
    [
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", True),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", True),
        ("z" * 60, False),
    ],
)
def test_base58_of_published_addresses(address: str, valid: bool) -> None:
    assert checksums.base58check(address) is valid


@given(st.lists(st.integers(0, 31), min_size=20, max_size=40), st.integers(0, 19))
def test_bech32(values: list[int], place: int) -> None:
    address = checksums.bech32_encode(values)
    assert checksums.bech32(address)
    changed = checksums.BECH32[(checksums.BECH32.index(address[3 + place]) + 1) % 32]
    assert not checksums.bech32(address[: 3 + place] + changed + address[4 + place :])


@pytest.mark.parametrize(
    "address",
    [
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",  # BIP 173
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",  # BIP 350
    ],
)
def test_bech32_of_published_addresses(address: str) -> None:
    assert checksums.bech32(address)
