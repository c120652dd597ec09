from __future__ import annotations

import re
import sys
import unicodedata
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.arrow import string_buffers
from pipeline.text.words import (
    LETTER,
    MARK,
    SEPARATOR,
    SINGLE,
    character_table,
    decode,
    hash_words,
    lower,
    max_words,
    words,
)

ODD = "aZ_9 \0\t\n.'-İΣςßﬁıǅ漢字々ひカｶก้ิກខ្မmr\u0301\u0903\u094d\u200d\ufe0f\U0001f600\U00020000\U0001d400\U000e0100\U0010fffd\ufffd한글"
ODD_TEXT = st.text(st.sampled_from(ODD), max_size=60) | st.text(max_size=60)

CASES = [
    ("", []),
    (" \n\t", []),
    ("?!", []),
    ("\0", []),
    ("a\0b", ["a", "b"]),
    ("Don't stop", ["don", "t", "stop"]),
    ("snake_case x2 ½ Ⅷ", ["snake_case", "x2", "½", "ⅷ"]),
    ("ΟΔΟΣ ΣΑΣ", ["οδοσ", "σασ"]),  # noqa: RUF001 - Greek on purpose
    ("İI", ["ii"]),
    ("STRAẞE straße", ["straße", "straße"]),
    ("हिन्दी में", ["हिन्दी", "में"]),
    ("r\u0301esume\u0301", ["r\u0301esume\u0301"]),
    ("\u0301a", ["a"]),
    ("❤️ ❤️", []),
    ("東京へ行く", list("東京へ行く")),
    ("、。", []),
    ("人々", ["人", "々"]),
    ("テスト test 試験", ["テ", "ス", "ト", "test", "試", "験"]),
    ("漢\u0301字", ["漢", "字"]),
    ("กิน", list("กิน")),
    ("ភាសា", list("ភាសា")),
    ("한국어 좋아", ["한국어", "좋아"]),
    ("\U00020000\U00030000", ["\U00020000", "\U00030000"]),
    ("\U0001d400bc \U00010400", ["\U0001d400bc", "\U00010428"]),
    ("soft\u00adhyphen zero\u200bwidth", ["soft", "hyphen", "zero", "width"]),
    ("\U000f0000\ue000\U0010ffff", []),
]


def kernel(texts, rule="unicode"):
    data, offsets = string_buffers(pa.array(texts, pa.large_string()))
    out = []
    for start, end in pairwise(offsets):
        found = np.zeros(max_words(int(end - start)) + 1, np.uint64)
        count = hash_words(data, int(start), int(end), character_table(rule), found)
        assert found[count:].sum() == 0, "wrote behind its result"
        out.append(found[:count].tolist())
    return out


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_the_kernel_finds_the_same_words(text, expected):
    (found,) = kernel([text])
    assert found == [value for word in expected for value in kernel([word])[0]]


@pytest.mark.parametrize("rule", ["unicode", "plain"])
@settings(max_examples=300)
@given(st.lists(ODD_TEXT, max_size=6))
def test_the_kernel_equals_the_specification(rule, texts):
    hashes = {}
    for text, found in zip(texts, kernel(texts, rule), strict=True):
        expected = words(text, rule)
        assert len(found) == len(expected)
        for word, value in zip(expected, found, strict=True):
            assert hashes.setdefault(word, value) == value
    assert len(set(hashes.values())) == len(hashes)


ASSIGNED = 0x34000
"""Beyond it lie private and unassigned code points, and two small blocks of tags and variation selectors."""


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=pytest.mark.slow)])
def test_every_code_point_is_classified_as_specified(step):
    table = character_table("unicode")
    assert len(table) == sys.maxunicode + 1
    beyond = [*range(0xE0000, 0xE0200), *range(ASSIGNED, sys.maxunicode + 1, step)]
    points = [c for c in (*range(ASSIGNED), *beyond) if not 0xD800 <= c < 0xE000]
    kinds = {SEPARATOR: 0, LETTER: 0, SINGLE: 0, MARK: 0}
    # "a", the character, "b": the four classes give four different lists of words.
    for start in range(0, len(points), 100_000):
        block = points[start : start + 100_000]
        lines = "\n".join(f"a{chr(c)}b {chr(c)}" for c in block)
        lowered = lower(lines).split("\n")
        if len(lowered) != len(block):  # the line end itself
            lowered = [lower(f"a{chr(c)}b {chr(c)}") for c in block]
        for point, line in zip(block, lowered, strict=True):
            character = line[1]
            kind, small = int(table[point]) >> 24, int(table[point]) & 0xFFFFFF
            kinds[kind] += 1
            expected = {
                SEPARATOR: ["a", "b"],
                LETTER: [line[:3], character],
                SINGLE: ["a", character, "b", character],
                MARK: [line[:3]],
            }[kind]
            assert words(line) == expected, hex(point)
            if kind != SEPARATOR:
                assert small == ord(character), hex(point)
    assert min(kinds.values()) > 1_000


def test_a_plain_word_is_what_a_regular_expression_calls_one():
    assert words("東京へ行く हिन्दी Straße's", "plain") == re.findall(r"\w+", "東京へ行く हिन्दी straße's")
    table = character_table("plain")
    points = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000 and re.match(r"\w", lower(chr(c)))]
    assert np.flatnonzero(table >> 24 == LETTER).tolist() == points
    assert set((table >> 24).tolist()) == {SEPARATOR, LETTER}


def test_lower_keeps_code_points_and_ignores_neighbours():
    for point in range(sys.maxunicode + 1):
        if not 0xD800 <= point < 0xE000:
            character = chr(point)
            small = lower(character)
            assert len(small) == 1
            assert lower(f"a{character}") == f"a{small}"


def test_white_space_always_separates():
    # `exact` relies on it: texts with one normal form have the same words.
    spaces = [chr(c) for c in range(sys.maxunicode + 1) if chr(c).isspace()]
    assert len(spaces) > 20
    assert all(character_table("unicode")[ord(c)] >> 24 == SEPARATOR for c in spaces)


def test_a_letter_is_what_the_standard_library_calls_one():
    # The specification is a regular expression, the table uses character properties: neither is derived from the other.
    sample = [c for c in range(0x2FFF) if re.match(r"\w", chr(c)) and not 0x0E00 <= c < 0x2000]
    marks = [c for c in range(0x2FFF) if unicodedata.category(chr(c))[0] == "M" and not 0x0E00 <= c < 0x2000]
    table = character_table("unicode")
    assert all(table[c] >> 24 == (SINGLE if c >= 0x2E80 else LETTER) for c in sample)
    assert all(table[c] >> 24 == MARK for c in marks)


@settings(max_examples=200)
@given(st.binary(max_size=40))
def test_bytes_that_are_not_utf8_are_survived(raw):
    data = np.frombuffer(raw + b"\xff\xff", np.uint8)
    out = np.zeros(max_words(len(raw)) + 1, np.uint64)
    count = hash_words(data, 0, len(raw), character_table("unicode"), out)
    assert count <= max_words(len(raw))
    position = 0
    while position < len(raw):
        point, following = decode(data, position, len(raw))
        assert 0 <= point <= sys.maxunicode
        assert position < following <= len(raw)
        position = following


@given(st.text(max_size=40))
def test_decode_reads_utf8(text):
    raw = np.frombuffer(text.encode(), np.uint8)
    points, position = [], 0
    while position < len(raw):
        point, position = decode(raw, position, len(raw))
        points.append(point)
    assert points == [ord(c) for c in text]
