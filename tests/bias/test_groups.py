from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bias.groups import group_names, mentions


def groups(text: str, language: str = "en") -> list[str] | None:
    return mentions(pa.array([text], pa.string()), pa.array([language], pa.string())).to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Two deaf women waited.", ["ability:deaf", "gender:women"]),
        ("WOMEN", ["gender:women"]),
        ("(immigrants)", ["origin:immigrant"]),
        ("asylum\nseekers", ["origin:refugee"]),
        ("A woman's hat", ["gender:women"]),
        ("womenfolk, superwomen", []),
        ("fem\u00e4le \u00e9women", []),
        ("women_in_code women2", []),
        ("african-american", ["ethnicity:black"]),
        ("", []),
    ],
)
def test_a_mention_is_a_whole_word_of_a_list(text: str, found: list[str]) -> None:
    assert groups(text) == found


def test_without_a_list_for_the_language_nothing_is_known() -> None:
    assert groups("zwei Frauen", "de") is None
    assert mentions(pa.array(["x"], pa.string()), pa.nulls(1, pa.string())).to_pylist() == [None]


def test_every_group_can_be_found_and_names_its_axis() -> None:
    assert len(group_names("en")) >= 25
    assert all(":" in name for name in group_names("en"))


@given(st.lists(st.text(max_size=50).filter(lambda t: t.isprintable()), max_size=5), st.integers(0, 5))
def test_a_row_depends_on_itself_alone(texts: list[str], cut: int) -> None:
    def of(part: list[str]) -> list[list[str] | None]:
        return mentions(pa.array(part, pa.string()), pa.array(["en"] * len(part), pa.string())).to_pylist()

    assert of(texts) == of(texts[:cut]) + of(texts[cut:])
