from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.arrow import string_buffers


def strings(array):
    data, offsets = string_buffers(array)
    assert data.dtype == np.uint8
    assert offsets.dtype == np.int64
    assert len(offsets) == len(array) + 1
    return [bytes(data[i:j]).decode() for i, j in pairwise(offsets)]


VALUES = ["", "a", None, "naïve 東京 😀", "a\0b", "x" * 1000]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize(("start", "length"), [(0, None), (2, None), (1, 3), (6, None), (0, 0), (3, 0)])
def test_gives_the_values_of_any_slice(kind, start, length):
    array = pa.array(VALUES, kind).slice(start, length)
    assert strings(array) == [value or "" for value in array.to_pylist()]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([], pa.string()),
        pa.array([None, None], pa.string()),
        pa.nulls(2),
        pa.array(["b", "a", "b", None]).dictionary_encode(),
        pa.chunked_array([["a"], [], ["b", None]], pa.string()),
        pa.chunked_array([], pa.string()),
    ],
)
def test_understands_what_holds_strings(array):
    assert strings(array) == [value or "" for value in array.to_pylist()]


def test_a_null_that_spans_bytes_is_empty():
    array = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 3, 5], np.int32)), pa.py_buffer(b"abcde"), pa.py_buffer(b"\x02"), 1
    )
    assert array.to_pylist() == [None, "de"]
    assert strings(array) == ["", "de"]


def test_does_not_copy_the_text():
    array = pa.array(["abc", "de"]).slice(1)
    data, offsets = string_buffers(array)
    assert data.ctypes.data == array.buffers()[2].address
    assert offsets.tolist() == [3, 5]


@pytest.mark.parametrize("array", [pa.array([1]), pa.array([b"a"]), pa.array([1, 1]).dictionary_encode()])
def test_refuses_what_is_not_text(array):
    with pytest.raises(TypeError, match="expected an array of strings"):
        string_buffers(array)


@given(st.lists(st.none() | st.text(max_size=20), max_size=10), st.integers(0, 10), st.booleans())
def test_any_slice_of_anything(values, start, large):
    array = pa.array(values, pa.large_string() if large else pa.string()).slice(start)
    assert strings(array) == [value or "" for value in values[start:]]
