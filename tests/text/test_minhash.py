from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.hashing import mix32, mix64
from pipeline.text.minhash import SCHEME, permutations, signatures
from pipeline.text.shingles import shingle_sets
from pipeline.text.shingling import Shingling

TEXT = st.lists(st.sampled_from(["a", "B", "c", "42", "東京", "é"]), max_size=40).map(" ".join) | st.text(max_size=200)


def oracle(texts, count, size, seed):
    """Sign the same 32-bit shingle hashes with datasketch itself."""
    hashes, offsets = shingle_sets(pa.array(texts, pa.string()), Shingling(size))
    elements = [(hashes[i:j] >> np.uint64(32)).tolist() for i, j in pairwise(offsets)]
    return MinHash.bulk(elements, num_perm=count, seed=seed, scheme="affine32", hashfunc=lambda value: value)


@settings(max_examples=200)
@given(st.lists(TEXT, max_size=5), st.sampled_from([1, 7, 16, 140]), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_signatures_are_those_of_datasketch(texts, count, size, seed):
    signed = signatures(pa.array(texts, pa.string()), count, Shingling(size), seed)
    assert signed.values.shape == (len(texts), count)
    assert signed.values.dtype == np.uint32
    for row, sketch in enumerate(oracle(texts, count, size, seed)):
        np.testing.assert_array_equal(signed.values[row], sketch.hashvalues)


def test_long_texts_cross_the_blocks():
    rng = np.random.default_rng(1)
    texts = [" ".join(map(str, rng.integers(0, 10_000, n))) for n in (4_099, 4_100, 4_101, 9_000, 20_000)]
    signed = signatures(pa.array(texts), 64, Shingling(5), 1)
    for row, sketch in enumerate(oracle(texts, 64, 5, 1)):
        np.testing.assert_array_equal(signed.values[row], sketch.hashvalues)


def test_datasketch_reads_a_signature():
    texts = ["a b c d e f g h i j", "a b c d e f g h i k", "z"]
    signed = signatures(pa.array(texts), 128, Shingling(2), 3)
    ours = [MinHash(hashvalues=row, seed=3, scheme=SCHEME) for row in signed.values]
    theirs = oracle(texts, 128, 2, 3)
    for a, x in zip(ours, theirs, strict=True):
        for b, y in zip(ours, theirs, strict=True):
            assert a.jaccard(b) == x.jaccard(y) == a.jaccard(y)
    assert 0.4 < ours[0].jaccard(ours[1]) < 1


def test_another_seed_gives_other_permutations():
    assert not np.array_equal(permutations(16, 1)[0], permutations(16, 2)[0])
    assert not np.array_equal(
        signatures(pa.array(["a b"]), 16, Shingling(1), 1).values,
        signatures(pa.array(["a b"]), 16, Shingling(1), 2).values,
    )


@pytest.mark.parametrize("text", ["", " ", "?!", None, "\0", "😀"])
def test_a_text_without_words_has_no_shingles(text):
    signed = signatures(pa.array([text, "a"], pa.string()), 4, Shingling(5), 1)
    assert signed.shingles.tolist() == [0, 1]
    assert (signed.values[0] == 0xFFFFFFFF).all()


def test_estimates_are_unbiased():
    # Two texts with half their shingles in common, over many words: the mean estimate must be the true similarity.
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(40):
        pool = rng.choice(100_000, 300, replace=False).astype(str)
        texts = [" ".join(pool[:200]), " ".join(pool[100:])]
        a, b = signatures(pa.array(texts), 256, Shingling(1), 1).values
        errors.append(float((a == b).mean()) - 100 / 300)
    # Standard error of the mean: sqrt(1/3 * 2/3 / 256 / 40) = 0.0047.
    assert abs(np.mean(errors)) < 4 * 0.0047


def test_mixers_match_published_vectors():
    # MurmurHash3's finalisers of 1: fmix32 and fmix64 of Appleby's reference implementation.
    assert int(mix32(np.uint32(1))) == 0x514E28B7
    assert int(mix64(np.uint64(1))) == 0xB456BCFC34C2CB2C
    values = np.arange(10_000, dtype=np.uint32)
    assert len({int(mix32(v)) for v in values}) == len(values)
