from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup.plan import Plan
from pipeline.dedup.signatures import band_hashes
from pipeline.text.minhash import signatures
from pipeline.text.shingling import Shingling

TEXTS = st.lists(st.text(max_size=60), max_size=8)


@given(TEXTS, st.integers(1, 6), st.integers(1, 5))
def test_bands_are_equal_where_the_signatures_are(texts, bands, rows):
    array = pa.array([*texts, *texts, "a b c"], pa.string())
    hashes, usable = band_hashes(array, Plan(bands, rows), Shingling(3), 1)
    values = signatures(array, bands * rows, Shingling(3), 1).values.reshape(len(array), bands, rows)
    assert hashes.dtype == np.int64
    assert hashes.shape == (len(array), bands)
    for i in np.flatnonzero(usable):
        for j in np.flatnonzero(usable):
            np.testing.assert_array_equal(hashes[i] == hashes[j], (values[i] == values[j]).all(axis=1))


def test_a_band_is_no_other_band():
    # One word only: all shingles equal, so equal values could stand in two bands of one document.
    hashes, _ = band_hashes(pa.array(["a", "b", "c"]), Plan(64, 1), Shingling(5), 1)
    assert len(np.unique(hashes)) == hashes.size


@given(TEXTS, st.data())
def test_any_split_gives_the_same(texts, data):
    array = pa.array(texts, pa.string())
    cut = data.draw(st.integers(0, len(texts)))
    whole = band_hashes(array, Plan(4, 2), Shingling(2), 1)
    parts = [band_hashes(part, Plan(4, 2), Shingling(2), 1) for part in (array.slice(0, cut), array.slice(cut))]
    np.testing.assert_array_equal(whole.hashes, np.concatenate([part.hashes for part in parts]))
    np.testing.assert_array_equal(whole.usable, np.concatenate([part.usable for part in parts]))


def test_a_text_without_words_is_flagged():
    hashes, usable = band_hashes(pa.array(["", None, "?!", "😀", "word"], pa.string()), Plan(4, 2), Shingling(5), 1)
    assert usable.tolist() == [False, False, False, False, True]
    assert not hashes[:4].any()


def test_the_hashes_of_a_release_do_not_change():
    # The published index holds them: another value here means that no old document would ever be found again.
    hashes, _ = band_hashes(
        pa.array(["The quick brown fox jumps over the lazy dog", "東京"]), Plan(2, 3), Shingling(5), 1
    )
    assert hashes.tolist() == [
        [3100089900666933948, 541063108911093133],
        [5907141937563598741, -4687416109947618111],
    ]
