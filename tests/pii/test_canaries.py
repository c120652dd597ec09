"""Canaries: valid, repeatable, all caught, and missed by a redaction that has become too narrow."""

from __future__ import annotations

import ipaddress

import pytest

from pipeline.pii import recognizers
from pipeline.pii.canaries import PER_ENTITY, canary_recall, make_canaries
from pipeline.pii.checksums import iban_remainder, luhn
from pipeline.pii.patterns import pattern_recognizers
from pipeline.pii.screens import SCREENS
from pipeline.pii.windows import WINDOWS, Window
from pipeline.settings import Pii

PII = Pii()


@pytest.mark.parametrize("key", ["sluice", "another", ""])
def test_all_are_caught(key: str) -> None:
    assert canary_recall(PII, key) == (len(PII.entities) * PER_ENTITY, 0, ())


@pytest.mark.parametrize("min_score", [0.0, 0.55, 0.7])
def test_all_are_caught_at_any_score_that_can_be_reached(min_score: float) -> None:
    assert canary_recall(Pii(min_score=min_score)).missed == 0


def test_other_regions_and_fewer_entities() -> None:
    settings = Pii(entities=("PHONE_NUMBER",), phone_regions=("CH", "JP", "IT", "ZA"))
    assert canary_recall(settings) == (PER_ENTITY, 0, ())


def test_they_follow_from_the_key_alone() -> None:
    assert list(make_canaries(PII, "k")) == list(make_canaries(PII, "k"))
    pairs = list(zip(make_canaries(PII, "k"), make_canaries(PII, "l"), strict=True))
    assert sum(one.value != other.value for one, other in pairs) > 0.9 * len(pairs)


def test_their_check_digits_are_right() -> None:
    for canary in make_canaries(PII):
        plain = canary.value.replace(" ", "").replace("-", "")
        if canary.entity == "CREDIT_CARD":
            assert luhn(plain) == 0
        if canary.entity == "IBAN_CODE":
            assert iban_remainder(plain) == 1
        if canary.entity == "IP_ADDRESS":
            assert ipaddress.ip_address(canary.value).is_private


@pytest.mark.parametrize(
    ("entity", "narrow"),
    [
        ("EMAIL_ADDRESS", r"[a-z]+@example\.com"),
        ("PHONE_NUMBER", r"\([0-9]{3}\)"),
        ("CREDIT_CARD", r"[0-9]{16}"),
        ("IBAN_CODE", r"DE[0-9]{20}"),
        ("US_SSN", r"ssn"),
        ("IP_ADDRESS", r"192\.0\.2"),
        ("CRYPTO", r"^1"),
        ("URL_CREDENTIALS", r"://[a-z]+:[a-z]+@"),
        ("SECRET", r"AKIA|ghp_"),
        ("NATIONAL_ID", r"[0-9]{3}\.[0-9]{3}"),
    ],
)
def test_a_screen_made_too_narrow_is_caught(monkeypatch: pytest.MonkeyPatch, entity: str, narrow: str) -> None:
    monkeypatch.setitem(SCREENS, entity, narrow)
    recall = canary_recall(PII)
    assert recall.missed > 0
    assert recall.missed_entities == (entity,)


def test_windows_made_too_small_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Window(*WINDOWS["EMAIL_ADDRESS"][:3], reach=8)
    monkeypatch.setitem(WINDOWS, "EMAIL_ADDRESS", small)
    monkeypatch.setattr(recognizers, "pattern_recognizers", pattern_recognizers.__wrapped__)
    only = Pii(entities=("EMAIL_ADDRESS",), min_score=0.41)  # settings that no other test has built recognisers for
    assert "EMAIL_ADDRESS" in canary_recall(only).missed_entities
