"""Texts without some of their bytes are what Python's slices make of them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.cuts import without

CUTS = pa.list_(pa.field("item", pa.int64(), nullable=False))


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str | None, list[int] | None, str | None]:
    parts = draw(st.lists(st.tuples(st.text(max_size=6), st.booleans()), max_size=5))
    text, cuts, position = "".join(part for part, _ in parts), [], 0
    for part, goes in parts:
        end = position + len(part.encode())
        if goes:
            cuts += [position, end]
        position = end
    if draw(st.integers(0, 9)) == 0:
        return None, draw(st.sampled_from([None, [0, 1]])), None
    return text, cuts or draw(st.just(cuts) | st.none()), "".join(p for p, goes in parts if not goes)


@given(st.lists(cut_texts(), max_size=6), st.sampled_from([pa.string(), pa.large_string()]), st.integers(0, 2))
def test_is_what_slices_make(
    rows: list[tuple[str | None, list[int] | None, str | None]], kind: pa.DataType, skip: int
) -> None:
    texts = pa.array([text for text, _, _ in rows], kind).slice(skip)
    cuts = pa.array([cut for _, cut, _ in rows], CUTS).slice(skip)
    found = without(texts, cuts)
    assert found.type == kind
    assert found.to_pylist() == [left for _, _, left in rows[skip:]]


@pytest.mark.parametrize("cuts", [[-5, 2], [3, 99], [4, 2], [99, 120], [1, 3, 0, 2]])
def test_places_that_are_none_read_nothing_outside(cuts: list[int]) -> None:
    found = without(pa.array(["before", "abcdef", "behind"]), pa.array([None, cuts, None], CUTS)).to_pylist()
    assert (found[0], found[2]) == ("before", "behind")
    assert set(found[1]) <= set("abcdef")
    assert len(found[1]) <= 6
