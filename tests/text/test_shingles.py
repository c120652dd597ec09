from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.shingles import shingle_sets, shingles
from pipeline.text.shingling import Shingling

WORD = st.sampled_from(["a", "B", "c", "42", "東", "é", "_"])
TEXT = st.lists(WORD, max_size=30).map(" ".join) | st.text(max_size=80)


def sets(texts, shingle_size):
    hashes, offsets = shingle_sets(pa.array(texts, pa.string()), Shingling(shingle_size))
    return [hashes[i:j] for i, j in pairwise(offsets)]


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("", 5, set()),
        ("... 😀", 5, set()),
        ("one", 5, {("one",)}),
        ("a b c d", 5, {("a", "b", "c", "d")}),
        ("a b c d e", 5, {("a", "b", "c", "d", "e")}),
        ("a b c d e f", 5, {("a", "b", "c", "d", "e"), ("b", "c", "d", "e", "f")}),
        ("a a a a", 2, {("a", "a")}),
        ("x y", 1, {("x",), ("y",)}),
    ],
)
def test_shingles(text, size, expected):
    assert shingles(text, Shingling(size)) == expected
    assert len(sets([text], size)[0]) == len(expected)


@settings(max_examples=300)
@given(st.lists(TEXT, max_size=6), st.integers(1, 8))
def test_the_kernel_equals_the_specification(texts, size):
    hashes = {}
    for text, found in zip(texts, sets(texts, size), strict=True):
        expected = shingles(text, Shingling(size))
        assert (np.diff(found.astype(object)) > 0).all()
        assert len(found) == len(expected)
        for other, other_found in hashes.items():
            common = np.intersect1d(found, other_found)
            assert len(common) == len(expected & shingles(other, Shingling(size)))
        hashes[text] = found


@given(st.lists(TEXT, min_size=1, max_size=8), st.integers(1, 6), st.data())
def test_a_text_has_the_same_set_in_any_batch(texts, size, data):
    row = data.draw(st.integers(0, len(texts) - 1))
    alone = shingle_sets(pa.array(texts, pa.large_string()).slice(row, 1), Shingling(size))
    np.testing.assert_array_equal(alone.hashes, sets(texts, size)[row])


def test_a_short_text_is_not_a_part_of_a_long_one():
    short, long = sets(["a b c", "a b c d e f"], 5)
    assert not np.intersect1d(short, long).size


def test_a_buffer_that_grows_loses_nothing():
    texts = ["東" * n for n in range(40)] + [" ".join("abcdefghij"[i % 10] for i in range(500))]
    found = sets(texts, 3)
    assert [len(x) for x in found] == [len(shingles(text, Shingling(3))) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["x" * 5_000_000, "a " * 2_500_000, "\0" * 5_000_000, "漢" * 1_700_000],
    ids=["one word", "one-letter words", "NUL", "Han"],
)
def test_five_megabytes_in_one_line(text):
    expected = {"x": 1, "a": 1, "\0": 0, "漢": 1}[text[0]]
    assert len(sets([text, "b"], 5)[0]) == expected
