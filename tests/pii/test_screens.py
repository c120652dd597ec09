"""A screen passes every document in which its recogniser finds something; windows lose nothing of it."""

from __future__ import annotations

import re
import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.pii import screens, windows
from pipeline.pii.recognizers import recognizers
from pipeline.pii.screens import SCREENS, screen
from pipeline.pii.spans import Hit
from pipeline.settings import Pii
from tests.pii.fragments import VALUES, hostile_texts

PII = Pii()


def uncovered(text: str, entity: str) -> list[Hit]:
    """Return the reference's hits that are not within a hit behind screen and windows."""
    known = recognizers(PII)
    wanted = known.find_unscreened(text, entity)
    passed = screen(pa.array([text]), [entity])[entity][0]
    found = known.find(text, entity) if passed else []
    return [hit for hit in wanted if not any(other.start <= hit.start and hit.end <= other.end for other in found)]


@pytest.mark.parametrize("entity", sorted(SCREENS))
@given(text=hostile_texts)
@settings(max_examples=150, deadline=None, derandomize=True)
@example(text="order 1234 4111 1111 1111 1111")
@example(text="650 253 0000 ext. 123 456 7890")
@example(text="650.253.0000 ext. 12 650.253.0000 ext. 12")
@example(text="12 34567 ext 650 253 0000")
@example(text="*2 ext  55 08 14 168 025 38")
@example(text="IBAN 12+4 ext 4 20 7946 0018")
@example(text="12 ext 34 5698 7654 32")
@example(text="\u1c47xJaNVN\u1c42/<EMAIL_ADDRESS>5038020537#0")
@example(text="-idnr 2695437182#7(d27+xB9d+53+")
@example(text="a@b@c.com@d.org")
@example(text="bounds (-32\u00a0768 - 32\u00a0767)")
@example(text="1.2.3.4.5.6.7.8")
def test_no_hit_is_lost_behind_screen_and_windows(entity: str, text: str) -> None:
    assert uncovered(text, entity) == []


_LABELS = (" ext ", " ext. ", ";ext=", "  xtn: ", ", anexo ", "\txt\t", "  x  ", ",x ", "#", ", ~", " int: ")
_DIGITS = st.text("0123456789", min_size=1, max_size=22)
_BEHIND_A_LABEL = st.tuples(
    st.sampled_from(("", "*", "tel ", "(")),
    _DIGITS,
    st.sampled_from(_LABELS),
    _DIGITS,
    st.sampled_from((" ", "-", " (", "/", "", " +")),
    st.sampled_from([value for value in VALUES if value[-1].isdigit() and "@" not in value]),
).map("".join)


@given(text=_BEHIND_A_LABEL)
@settings(max_examples=400, deadline=None, derandomize=True)
@example(
    text="7  #  436236903392952 030 1234567"
)  # Germany has numbers of six digits, behind which the library goes on
@example(text="tel 2 ext 1220305030-219-09-9999")
@example(text="3102236 ext 1060074720366105539319 15 070649 C 103")
@example(text="tel 580565235220 ext 705177822037-912-70-1234")
@example(text="tel 16874\txt\t4113045639497083780287")
def test_a_number_that_begins_in_or_behind_an_extension_is_found(text: str) -> None:
    assert uncovered(text, "PHONE_NUMBER") == []


def test_windows_behind_extensions_made_too_narrow_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        (0, 0): "*2 ext  55 08 14 168 025 38",
        (20, 20): "2, x54118578802484-(030) 1234567",
        (9, 9): "2 ext 24856727586349678 08 14 168 025 38",
    }
    for limits, text in texts.items():
        assert uncovered(text, "PHONE_NUMBER") == []
        with monkeypatch.context() as patch:
            patch.setattr(windows, "_EXTENSION_DIGITS", limits)
            assert uncovered(text, "PHONE_NUMBER")


def test_a_screen_made_too_narrow_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCREENS, "EMAIL_ADDRESS", r"[a-z]@[a-z]+\.com")
    assert uncovered("Write to A.B@EXAMPLE.ORG", "EMAIL_ADDRESS")


def test_each_screen_refuses_ordinary_text() -> None:
    text = (
        "On 2024-01-15 at 10:30, 1,234 people read chapter 3.2 of the book. See std::vector, and that is all there is."
    )
    passed = screen(pa.array([text]), list(SCREENS))
    assert [entity for entity in SCREENS if passed[entity][0]] == ["PHONE_NUMBER"]  # the date has eight digits


def test_null_and_empty_pass_no_screen() -> None:
    passed = screen(pa.array([None, "", VALUES[0]], pa.string()), list(SCREENS))
    assert not any(values[:2].any() for values in passed.values())
    assert passed["EMAIL_ADDRESS"][2]


def test_every_digit_that_the_interpreter_can_compute_with_passes() -> None:
    digits = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Nd"]
    assert len(digits) >= 650
    texts = pa.array([digit * 16 for digit in digits])
    passed = screen(texts, ["CREDIT_CARD", "PHONE_NUMBER"])
    assert passed["CREDIT_CARD"].all()
    assert passed["PHONE_NUMBER"].all()


def test_the_punctuation_is_the_phone_library_s() -> None:
    from phonenumbers.phonenumberutil import _VALID_PUNCTUATION

    ours = re.sub(r"\\x\{([0-9A-F]+)\}", lambda match: chr(int(match[1], 16)), screens.PHONE_PUNCTUATION)
    theirs = re.compile(f"[{_VALID_PUNCTUATION}]", re.IGNORECASE)
    mine = re.compile(f"[{ours}]")
    differing = [code for code in range(0x11000) if bool(theirs.match(chr(code))) != bool(mine.match(chr(code)))]
    assert differing == []
