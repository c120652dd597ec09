"""Normalisation changes what it names, nothing else, and once is enough."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.normalize import normalise

CASES = [
    ("", "", ()),
    ("a", "a", ()),
    ("plain\n\tASCII", "plain\n\tASCII", ()),
    ("a\r\nb\rc\x0bd\x0ce", "a\nb\nc\nd\ne", ("line_ends",)),
    ("a\u0085b", "a\u2026b", ("mojibake",)),  # Windows-1252 read as Latin-1: byte 85 is an ellipsis
    ("a\x00b\x1bc\x7f", "abc", ("controls",)),
    ("a \nb\t\n\nc  ", "a\nb\n\nc", ("trailing_space",)),
    ("text\n\n", "text", ("trailing_space",)),
    ("\ufeffa\ufeffb", "ab", ("byte_order_mark",)),
    ("e\u0301", "é", ("nfc",)),
    ("\ud83d\ude00", "\U0001f600", ("surrogates",)),
    ("a\ud800b", "a\ufffdb", ("surrogates",)),
    ("donâ€™t", "don\u2019t", ("mojibake",)),
    ("cafÃ©", "café", ("mojibake",)),
    ("cafÃƒÂ©", "café", ("mojibake",)),  # broken twice
    ("qui\x92est", "qui\u2019est", ("mojibake",)),
    ("good é line\nbad Ã© line", "good é line\nbad é line", ("mojibake",)),
]

UNTOUCHED = [
    "TAKPEKPEGÃ LE GBEƑÃ ƉEM:",  # Ewe; with its guesses on, ftfy turns Ã into à
    "L'été à Genève, ça « va » : œuvre — façade…",
    "PÃO, MÃE, SÃO JOÃO",
    "Ångström Ærø Öl",
    "人人生而自由",
    "Все люди рождаются свободными",  # noqa: RUF001 - Cyrillic is the point
    "यह हिन्दी है",
    "zero\u200bwidth and \u202ebidi\u202c",
    "no\u00a0break",
    "¢ £ ¥ § © ® °",
]


@pytest.mark.parametrize(("text", "expected", "names"), CASES)
def test_each_change_is_made_and_named(text, expected, names):
    assert normalise(text) == (expected, names)


@pytest.mark.parametrize("text", UNTOUCHED)
def test_sound_text_stays(text):
    assert normalise(text) == (text, ())


hostile = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("Ãâ€™©Â\u0080\u0085\u0092\ufeff\r\n\t \x00\x0b\x0c\x1f\x7f\u0301\ud83d\ude00\ud800"),
    )
)


@given(hostile)
def test_once_is_enough_and_the_result_can_be_written(text):
    result, names = normalise(text)
    assert normalise(result) == (result, ())
    assert bool(names) == (result != text)
    assert unicodedata.is_normalized("NFC", result)
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in result)
    assert not any(line.endswith((" ", "\t")) for line in result.split("\n"))
    result.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], max_codepoint=0x7E)))
def test_clean_ascii_is_returned_as_it_is(text):
    if text == text.rstrip():
        assert normalise(text)[0] is text


LATIN = "àâçéèêëîïôùûœß\u2019\u201c\u201d\u2013…ÀÉÜñ abc"


@given(st.text(st.sampled_from(LATIN), min_size=2).filter(lambda s: s == s.strip()))
def test_what_utf8_read_as_windows_1252_becomes_is_undone_or_left(text):
    """A repair may be withheld (not sure) but must never invent a third text."""
    try:
        broken = text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return
    result, names = normalise(broken)
    if set(names) == {"mojibake"} and len(result) == len(text):
        assert result == text


@pytest.mark.parametrize("unit", ["Ã©", "\u0092", "e\u0301", " ", "\ud800", "Ã", "\u0300"])
def test_a_megabyte_on_one_line_is_survived(unit):
    result, _ = normalise(unit * (300_000 // len(unit)))
    assert normalise(result) == (result, ())
