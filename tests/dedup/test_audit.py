from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.audit import Twin, audit
from pipeline.dedup.compare import overlap
from pipeline.intervals import proportion
from pipeline.text.shingles import shingle_sets
from pipeline.text.shingling import Shingling

TEXT = st.lists(st.sampled_from("abcdé東"), max_size=12).map(" ".join) | st.text(max_size=12)


def brute_force(texts, sample, threshold, size):
    array = pa.array(texts, pa.string())
    pairs = [(i, j) for i in sample for j in range(len(texts)) if i != j]
    sets = shingle_sets(array, Shingling(size))
    values = overlap(sets, sets, np.array(pairs, np.int64).reshape(-1, 2)).jaccard
    best = {}
    for (i, j), value in zip(pairs, values.tolist(), strict=True):
        if value >= threshold:
            best[i] = min(best.get(i, (0, "")), (-value, f"d{j:02}"))
    return tuple(Twin(f"d{i:02}", name, -value) for i, (value, name) in sorted(best.items()))


@settings(max_examples=200)
@given(st.lists(TEXT, min_size=1, max_size=10), st.data(), st.floats(0.05, 1), st.integers(1, 4))
def test_agrees_with_the_kernel_on_everything(texts, data, threshold, size):
    ids = [f"d{i:02}" for i in range(len(texts))]
    sample = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1))))
    cut = data.draw(st.integers(0, len(texts)))
    blocks = [(ids[:cut], texts[:cut]), (pa.array(ids[cut:], pa.string()), pa.array(texts[cut:], pa.string()))]
    result = audit([ids[i] for i in sample], [texts[i] for i in sample], blocks, threshold, Shingling(size))
    assert result.twins == brute_force(texts, sample, threshold, size)
    assert result.compared == len(texts)
    assert (result.sampled, result.with_twin) == (len(sample), len(result.twins))
    if sample:
        assert (result.share, result.lower, result.upper) == proportion(len(result.twins), len(sample))


def test_a_planted_twin_is_found():
    clean = [f"text{i} about{i} nothing{i} else{i} than{i} itself{i}" for i in range(300)]
    ids = [f"d{i}" for i in range(300)]
    none = audit(ids, clean, [(ids, clean)], 0.8, Shingling(5))
    assert none.twins == ()
    assert none.upper == pytest.approx(0.0122, abs=1e-4)
    planted = clean[7].upper().replace(" ", "\n") + "!"
    one = audit(ids, clean, [(ids, clean), (["new"], [planted])], 0.8, Shingling(5))
    assert one.twins == (Twin("d7", "new", 1.0),)
    assert one.share == 1 / 300


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9, 1.0])
def test_a_twin_at_the_very_threshold_is_found(threshold):
    # 100 words; the twin has the share `threshold` of the union.
    words = [f"w{i}" for i in range(100)]
    twin = words[: round(100 * threshold)]
    result = audit(["a"], [" ".join(words)], [(["b"], [" ".join(twin)])], threshold, Shingling(1))
    assert result.twins == (Twin("a", "b", threshold),)


def test_nothing_sampled_is_nothing_known():
    result = audit([], [], [(["a"], ["text"])], 0.8, Shingling(5))
    assert math.isnan(result.share)
    assert (result.lower, result.upper) == (0, 1)


def test_texts_without_words_have_no_twin():
    texts = ["", "?!", "?!", None]
    assert audit(list("abcd"), texts, [(list("abcd"), texts)], 0.1, Shingling(5)).twins == ()
