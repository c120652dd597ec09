# ruff: noqa: RUF001 - typographic apostrophes and hyphens are meant as they stand

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bias.groups import groups_in, regions
from pipeline.bias.screen import screen
from pipeline.bias.terms import DIALECT, group_names, groups_of, key_of, term_lists


def mentions(texts: pa.Array, languages: pa.Array) -> pa.Array:
    return groups_in(screen(texts, languages))


def groups(text: str, language: str = "en") -> list[str] | None:
    return mentions(pa.array([text], pa.string()), pa.array([language], pa.string())).to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Two deaf women waited.", ["ability:deaf", "gender:women"]),
        ("WOMEN", ["gender:women"]),
        ("(immigrants)", ["origin:immigrant"]),
        ("asylum\nseekers", ["origin:refugee"]),
        ("asylum. Seekers", []),
        ("A woman's hat", ["gender:women"]),
        ("womenfolk, superwomen", []),
        ("femèle éwomen", []),
        ("women_in_code women2", []),
        ("same-sex, same sex", ["orientation:homosexual"]),
        ("hard of hearing", ["ability:deaf"]),
        ("hard of hard of hearing", ["ability:deaf"]),
        # A term within a longer one counts too.
        ("black women", ["gender:women", "ethnicity:black"]),
        ("Y'all", []),
        ("", []),
    ],
)
def test_a_mention_is_a_whole_term_of_a_list(text: str, found: list[str]) -> None:
    assert sorted(groups(text) or []) == sorted(found)


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("de", "Die Gehörlosen und ein Flüchtling", ["ability:deaf", "origin:refugee"]),
        ("fr", "un demandeur d’asile", ["origin:refugee"]),
        ("es", "Las niñas sordas", ["age:child", "ability:deaf"]),
    ],
)
def test_other_languages_have_their_own_lists(language: str, text: str, found: list[str]) -> None:
    assert sorted(groups(text, language) or []) == sorted(found)


def test_without_a_list_for_the_language_nothing_is_known() -> None:
    assert groups("kaksi naista", "fi") is None
    assert groups_of("fi") == ()
    assert mentions(pa.array(["x"], pa.string()), pa.nulls(1, pa.string())).to_pylist() == [None]
    assert mentions(pa.array([None], pa.string()), pa.array(["en"])).to_pylist() == [None]


@pytest.mark.parametrize("language", sorted(term_lists()))
def test_every_term_is_found_and_belongs_to_one_group(language: str) -> None:
    owners: dict[tuple[str, ...], str] = {}
    for name, terms in term_lists()[language].items():
        for term in terms:
            assert owners.setdefault(key_of(term), name) == name, term
        if ":" in name and not name.startswith(f"{DIALECT}:"):
            found = mentions(pa.array([f"({term})" for term in terms]), pa.array([language] * len(terms)))
            assert all(name in row for row in found.to_pylist())


def test_the_axes_are_those_of_holisticbias_and_each_group_names_its_own() -> None:
    axes = {name.partition(":")[0] for name in group_names()}
    assert axes == {
        *("ability", "age", "body", "characteristics", "class", "dialect", "ethnicity", "gender", "nationality", "orientation"),
        *("origin", "politics", "religion"),
    }  # fmt: skip


@given(st.lists(st.text(max_size=50).filter(lambda t: t.isprintable()), max_size=5), st.integers(0, 5))
def test_a_row_depends_on_itself_alone(texts: list[str], cut: int) -> None:
    def of(part: list[str]) -> list[list[str] | None]:
        return mentions(pa.array(part, pa.string()), pa.array(["en"] * len(part), pa.string())).to_pylist()

    assert of(texts) == of(texts[:cut]) + of(texts[cut:])


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://www.example.de/a", "de"),
        ("http://EXAMPLE.CO.UK", "gb"),
        ("https://example.fr:8080?x=1", "fr"),
        ("https://user:pw@example.it./", "it"),
        ("https://example.io/", None),
        ("https://example.com/de", None),
        ("https://example.com/a.de", None),
        ("https://10.0.0.1/", None),
        ("https://[::1]/", None),
        ("gemini:de", None),
        ("de", None),
        ("https://de/", None),
        ("", None),
        (None, None),
    ],
)
def test_a_region_is_the_country_of_the_domain(address: str | None, region: str | None) -> None:
    assert regions(pa.array([address], pa.string())).to_pylist() == [region]
