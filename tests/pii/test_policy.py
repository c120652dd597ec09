"""The policy's edges."""

from __future__ import annotations

import pytest

from pipeline.pii.policy import is_attached, is_personal, may_be_phone


@pytest.mark.parametrize(
    ("chain", "may"),
    [
        ("2014-03-12", False),
        ("12.03.2014", False),
        ("2014.03.12 10", False),
        ("1995\u20132004", False),
        ("3.14159265", False),
        ("1" * 21, False),
        ("1" * 20, True),
        ("030.1234567", True),
        ("2014-030-12", True),
        ("12.03.3014", True),
    ],
)
def test_chains(chain: str, may: bool) -> None:
    assert may_be_phone(chain) is may


def test_bare_digits_are_attached_to_what_they_end() -> None:
    assert is_attached("/dp/0321712463", 4, "0321712463")
    assert not is_attached(" /0321712463", 2, "0321712463")
    assert not is_attached("a-650 253", 2, "650 253")
    assert not is_attached("-1234567", 1, "1234567")


def test_a_word_before_it_makes_attached_digits_count() -> None:
    text = "phone=6502530000"
    assert is_personal(text, 6, 16, "PHONE_NUMBER", marked=True)
    assert not is_personal(text, 6, 16, "PHONE_NUMBER", marked=False)
