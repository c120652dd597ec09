from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup import exact
from pipeline.dedup.exact import exact_keys, groups

SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
NOT_SPACES = "a1.\0\u200b\u180e\ufeff東😀\u2007é"
TEXT = st.text(st.sampled_from(SPACES + NOT_SPACES), max_size=20) | st.text(max_size=20)


def reference(text):
    normal = " ".join((text or "").split())
    return hashlib.blake2b(normal.encode(), digest_size=16).digest()


@given(st.lists(st.none() | TEXT, max_size=8), st.integers(0, 8))
def test_keys_are_digests_of_the_normal_form(texts, start):
    keys = exact_keys(pa.array(texts, pa.string()).slice(start))
    assert keys.shape == (len(texts[start:]), 2)
    assert keys.tobytes() == b"".join(map(reference, texts[start:]))


def test_chunks_do_not_matter(monkeypatch):
    texts = pa.array(["a b", "", "x" * 50, " a  b ", "c"])
    whole = exact_keys(texts)
    monkeypatch.setattr(exact, "_CHUNK_BYTES", 3)
    np.testing.assert_array_equal(exact_keys(texts), whole)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("a b", " a \n\n b\u3000", True),
        ("a b", "A b", False),
        ("a b", "a b.", False),
        ("2 + 2 = 4", "2 + 2 = 5", False),
        ("ab", "a b", False),
        ("", " \n", True),
        ("é", "e\u0301", False),
        ("a\0b", "a b", False),
    ],
)
def test_what_counts(a, b, equal):
    first, second = exact_keys(pa.array([a, b]))
    assert (first == second).all() == equal


@given(st.lists(st.sampled_from(["a", "b", " a", "c", ""]), max_size=12))
def test_groups(texts):
    found = groups(exact_keys(pa.array(texts, pa.string())))
    normal = [text.strip() for text in texts]
    assert sorted(set(found.tolist())) == list(range(len(set(normal))))
    assert all((found[i] == found[j]) == (x == y) for i, x in enumerate(normal) for j, y in enumerate(normal))


def test_five_megabytes():
    keys = exact_keys(pa.array([" " * 5_000_000, "", "a" + " " * 5_000_000 + "b", "a b"]))
    assert groups(keys)[0] == groups(keys)[1]
    assert groups(keys)[2] == groups(keys)[3]
