"""The kernel against a plain specification, and what counts as a context."""

# ruff: noqa: RUF001 - typographic apostrophes and hyphens are meant as they stand

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.bias.screen import MENTIONED, NEAR_NEGATIVE, NEAR_TOXIC, WINDOW, screen
from pipeline.bias.terms import NEGATIVE, TOXIC, group_names, key_of, term_lists
from pipeline.bias.topics import MAX_HITS, main_topics, topic_lists, topic_names
from pipeline.text.words import words


def tokens_of(text: str) -> tuple[list[str], list[str]]:
    """Return a text's words, and what stands before each."""
    tokens, gaps, position = words(text), [], 0
    lowered = text.lower() if len(text.lower()) == len(text) else text
    for token in tokens:
        start = lowered.index(token, position)
        gaps.append(text[position:start])
        position = start + len(token)
    return tokens, gaps


def stands(key: tuple[str, ...], tokens: list[str], gaps: list[str], place: int) -> bool:
    """Whether a term stands at a word."""
    own = key[::2]
    return tuple(tokens[place : place + len(own)]) == own and all(
        _fits(gaps[place + 1 + i], gap) for i, gap in enumerate(key[1::2])
    )


def plainly(text: str, language: str) -> dict[str, int]:
    """Return the flags of a text the slow way: every term, at every word."""
    tokens, gaps = tokens_of(text)
    found: dict[str, list[int]] = {}
    for name, terms in term_lists()[language].items():
        for term in terms:
            key = key_of(term)
            ends = [i + len(key[::2]) for i in range(len(tokens)) if stands(key, tokens, gaps, i)]
            if ends:
                found.setdefault(name, []).extend(ends)
    contexts = {NEAR_NEGATIVE: found.get(NEGATIVE, []), NEAR_TOXIC: found.get(TOXIC, [])}
    return {
        name: MENTIONED
        + sum(bit for bit, ends in contexts.items() if any(abs(a - b) <= WINDOW for a in own for b in ends))
        for name, own in found.items()
        if ":" in name
    }


@cache
def topic_keys(language: str) -> list[tuple[tuple[str, ...], int]]:
    return [(key_of(term), topic) for term, topic in topic_lists()[language].items()]


def plain_topic(text: str, language: str) -> str:
    """Return the main topic of a text the slow way."""
    tokens, gaps = tokens_of(text)
    hits = np.zeros((1, len(topic_names())), np.uint16)
    for key, topic in topic_keys(language):
        times = sum(stands(key, tokens, gaps, i) for i in range(len(tokens)))
        hits[0, topic] += min(times, MAX_HITS)
    return topic_names()[main_topics(hits)[0]]


def _fits(gap: str, wanted: str) -> bool:
    if wanted == "'":
        return gap in ("'", "’")
    return bool(gap) and (gap.isspace() or gap in ("-", "‐", "‑"))


def flags(text: str, language: str = "en") -> dict[str, int]:
    row = screen(pa.array([text], pa.string()), pa.array([language])).flags[0]
    return {name: int(flag) for name, flag in zip(group_names(), row, strict=True) if flag}


TERMS = sorted({term for groups in term_lists().values() for terms in groups.values() for term in terms})
PARTS = st.one_of(st.sampled_from(TERMS), st.sampled_from(["the", "of", "x", "sign", "hard", "low", "é", "東京", "1"]))
GAPS = st.sampled_from([" ", "  ", "\n", "-", "'", "’", ". ", ", ", "", "_", " - "])


@given(st.lists(st.tuples(PARTS, GAPS), max_size=25), st.sampled_from(sorted(term_lists())), st.booleans())
def test_the_kernel_equals_the_specification(parts: list[tuple[str, str]], language: str, upper: bool) -> None:
    text = "".join(part + gap for part, gap in parts)
    text = text.upper() if upper and len(text.upper()) == len(text) else text
    assert flags(text, language) == plainly(text, language)


TOPICAL = sorted(term for term in topic_lists()["en"] if len(term) > 2)[::7]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.one_of(st.sampled_from(TOPICAL), PARTS), GAPS), max_size=12), st.booleans())
def test_the_main_topic_equals_the_specification(parts: list[tuple[str, str]], upper: bool) -> None:
    text = "".join(part + gap for part, gap in parts)
    text = text.upper() if upper and len(text.upper()) == len(text) else text
    # A text before it, of the same terms: what was seen there must not count.
    found = screen(pa.array([text, text], pa.string()), pa.array(["en", "en"])).topic
    assert [topic_names()[number] for number in found] == [plain_topic(text, "en")] * 2


@given(st.text(max_size=300))
def test_any_text_can_be_screened(text: str) -> None:
    assert set(flags(text).values()) <= set(range(1, 8))


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("women and " + "x " * 8 + "crime", MENTIONED | NEAR_NEGATIVE),
        ("women and " + "x " * 9 + "crime", MENTIONED),
        ("crime " + "x " * 9 + "women", MENTIONED | NEAR_NEGATIVE),
        ("crime " + "x " * 10 + "women", MENTIONED),
        ("stupid women", MENTIONED | NEAR_TOXIC),
        ("crime. stupid women", MENTIONED | NEAR_NEGATIVE | NEAR_TOXIC),
        ("women " + "x " * 50 + "women, crime", MENTIONED | NEAR_NEGATIVE),
    ],
)
def test_a_context_reaches_ten_words(text: str, flag: int) -> None:
    assert flags(text)["gender:women"] == flag


def test_rows_of_several_languages_nulls_and_slices() -> None:
    texts = pa.array(["skip", "women", None, "Frauen", "women", "femmes"]).slice(1)
    found = screen(texts, pa.array(["en", "en", "de", None, "fr"]))
    women = group_names().index("gender:women")
    assert found.assessed.tolist() == [True, False, True, False, True]
    assert found.flags[:, women].tolist() == [1, 0, 1, 0, 1]
    whole = pa.chunked_array([texts.slice(0, 2), texts.slice(2)])
    assert np.array_equal(screen(whole, pa.array(["en", "en", "de", None, "fr"])).flags, found.flags)


def test_ten_megabytes_on_one_line_are_screened() -> None:
    assert flags("hard of " * 1_250_000 + "hearing") == {"ability:deaf": MENTIONED}


def test_dialects_are_markers_with_their_apostrophes() -> None:
    assert {name for name in flags("Y’all ain't ready, bairn.") if re.match("dialect:", name)} == {
        "dialect:southern_us",
        "dialect:general_nonstandard",
        "dialect:scots_irish",
    }
