"""Documents in several languages: which are looked at, how they are cut, and what each language's share is."""

from __future__ import annotations

import doctest

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.language import mixed
from pipeline.language.detect import read
from tests.language.test_detect import SENTENCES


def paragraphs(code: str, times: int) -> str:
    return "\n".join([SENTENCES[code] + " " + SENTENCES[code]] * times)


def test_example_in_the_docstring() -> None:
    assert doctest.testmod(mixed)[0] == 0


def test_shares_follow_the_text() -> None:
    [found, alone] = mixed.shares([paragraphs("en", 9) + "\n" + paragraphs("fr", 3), paragraphs("de", 5)])
    assert list(found) == ["en", "fr"]
    assert found["en"] == pytest.approx(0.75, abs=0.09)
    assert alone == {"de": 1.0}
    assert mixed.shares(["", "123"]) == [{}, {}]


def test_only_doubtful_texts_are_cut_up() -> None:
    texts = pa.array(
        [paragraphs("en", 10), paragraphs("en", 6) + "\n" + paragraphs("de", 4), SENTENCES["en"], "", None]
    )
    reading = read(texts)
    assert mixed.doubtful(reading, texts).tolist() == [False, True, False]


@given(st.text(alphabet=st.sampled_from("ab .!?\n。"), max_size=3_000))
def test_segments_hold_the_text_and_are_few_and_short(text: str) -> None:
    segments = mixed.cut(text)
    assert all(0 < len(segment) <= 2 * mixed.SEGMENT_CHARACTERS for segment in segments)
    assert len(segments) <= mixed.MAX_SEGMENTS
    if len(segments) < mixed.MAX_SEGMENTS:
        assert "".join("".join(segments).split()) == "".join(text.split())
