"""Differences: true to both texts, bounded in what they show and in time."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import difference as module
from pipeline.text.difference import common, difference

TEXT = st.lists(st.sampled_from(["a", "b", "c", "D", "東", "é.", "\n", "  "]), max_size=40).map(" ".join)


def rebuilt(parts, own):
    return "".join("".join(part.text.split()) for part in parts if part.kind in {"shared", own})


@given(TEXT, TEXT)
def test_what_is_shared_and_what_is_not_make_up_both_texts(first, second):
    found = difference(first, second, context=1_000, max_places=1_000, max_place_words=1_000)
    assert found.thorough
    if not found.places:
        assert first.split() == second.split() or "東" in first
        assert found.shared_words == found.first_words == found.second_words
        return
    assert rebuilt(found.parts, "first") == "".join(first.split())
    assert rebuilt(found.parts, "second") == "".join(second.split())
    shared = sum(part.words for part in found.parts if part.kind == "shared")
    assert shared == found.shared_words


@given(st.lists(st.integers(0, 5), max_size=60), st.lists(st.integers(0, 5), max_size=60))
def test_pins_give_blocks_in_one_order_of_equal_words(first, second):
    a, b = np.array(first, np.int64), np.array(second, np.int64)
    cells = module.PLACE_CELLS
    module.PLACE_CELLS = 8  # nearly all is left to the pins
    try:
        blocks, _ = common(a, b)
    finally:
        module.PLACE_CELLS = cells
    end_a = end_b = 0
    for i, j, words in blocks:
        assert i >= end_a
        assert j >= end_b
        assert a[i : i + words].tolist() == b[j : j + words].tolist()
        end_a, end_b = i + words, j + words


def test_texts_that_differ_in_white_space_only_do_not_differ():
    found = difference("one\n\ntwo", "  one two ")
    assert found.places == 0
    assert found.shared_words == found.first_words == found.second_words == 2


def test_long_texts_are_cut_to_the_differing_places():
    words = [f"w{i}" for i in range(5_000)]
    other = list(words)
    other[1_000] = "CHANGED"
    del other[4_000:4_200]
    found = difference(" ".join(words), " ".join(other), context=3)
    assert [(part.kind, part.words, part.left_out) for part in found.parts] == [
        ("skipped", 997, 0),
        ("shared", 3, 0),
        ("first", 1, 0),
        ("second", 1, 0),
        ("shared", 3, 0),
        ("skipped", 2_993, 0),
        ("shared", 3, 0),
        ("first", 200, 140),
        ("shared", 3, 0),
        ("skipped", 797, 0),
    ]
    assert found.parts[3].text == "CHANGED"
    assert found.shared_words == 4_799


def test_places_beyond_the_limit_are_counted():
    found = difference("a 1 b 2 c 3 d", "a x b y c z d", max_places=2)
    assert (found.places, found.places_left_out) == (3, 1)
    assert [part.text for part in found.parts if part.kind == "second"] == ["x", "y"]


@pytest.mark.parametrize("count", [100_000, pytest.param(1_500_000, marks=pytest.mark.slow)])
def test_long_texts_do_not_hang(count):
    rng = random.Random(1)
    words = [f"{rng.randrange(10**6):x}" for _ in range(count)]
    other = [word if rng.random() > 0.001 else "changed" for word in words]
    started = time.process_time()
    found = difference(" ".join(words), " ".join(other))
    assert found.thorough
    changed = [a != b for a, b in zip(words, other, strict=True)]
    assert found.places == sum(now and not before for before, now in pairwise([False, *changed]))
    assert time.process_time() - started < 60  # a few seconds for 10 MB on one core


def test_texts_without_a_pin_are_given_up_and_that_is_said():
    rng = random.Random(1)
    hard = [rng.choice(["a", "b"]) for _ in range(20_000)]
    started = time.process_time()
    found = difference(" ".join(hard), " ".join(rng.sample(hard, len(hard))))
    assert not found.thorough
    assert time.process_time() - started < 60


def test_one_endless_word_is_cut():
    found = difference("x" * 1_000_000, "x" * 999_999 + "y")
    assert found.places == 1
    assert all(len(part.text) < 5_000 for part in found.parts)
