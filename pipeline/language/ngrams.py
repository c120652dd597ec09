"""The third opinion, for short text: naive Bayes over runs of one to five letters, in 75 languages, by a kernel on UTF-8 bytes.

lid.176 and CLD2 know too little of a single word. lingua knows most, but its models take 14 seconds to load and 1.3 GB, and it reads
600 sentences a second. This is what its models know, pruned to a million runs of letters and nine megabytes: as right as lingua on
words, at fifty times its speed. `pipeline/language/train.py` makes `ngrams.npz.zst` and says from what.

A text's letters are read in lower case; runs do not cross anything but letters and marks. Each run that the model holds adds, to
each language that writes it, ``log P(run | language) - floor`` (`UNIT` a step), weighted by the run's length.
"""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import ModelError
from pipeline.language.codes import bcp_47
from pipeline.text.arrow import string_buffers
from pipeline.text.characters import (
    CLASS,
    MARK,
    SPACE,
    SPACELESS,
    Bytes,
    CodePoints,
    Integers,
    code_point,
    mix,
    step,
    tables,
)
from pipeline.text.kernels import kernel

FILE = Path(__file__).with_name("ngrams.npz.zst")

LONGEST = 5
"""Letters of the longest run."""
SHORT = 3
"""Runs up to this length are added up apart from longer ones: how far each can be trusted depends on the text's length."""
WEIGHTS = (0.0, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Weight by a run's length: short runs say again what the long ones that they are part of say. Found on the tuning half."""
UNIT = 0.125
"""Step of the stored weights, in nats."""
_INDEX_BITS = 20


class Model(NamedTuple):
    """The runs of letters by their hashes, and what each says of each language."""

    languages: tuple[str, ...]
    keys: npt.NDArray[np.uint32]
    """Hashes of the runs, sorted."""
    buckets: npt.NDArray[np.int32]
    """Where the keys begin that have the same first `_INDEX_BITS` bits."""
    starts: npt.NDArray[np.int32]
    """Run `k` has the postings ``starts[k]`` to ``starts[k + 1]``."""
    places: npt.NDArray[np.uint8]
    """Of each posting: the place of its language in `languages`."""
    weights: npt.NDArray[np.uint8]
    """Of each posting: its weight in steps of `UNIT`."""


class Scores(NamedTuple):
    """Sums over each text's runs; the first dimension is the texts."""

    short: npt.NDArray[np.float32]
    """Shape ``(texts, languages)``: runs of up to `SHORT` letters."""
    long: npt.NDArray[np.float32]
    """Same shape: longer runs."""
    letters: npt.NDArray[np.int64]
    """Letters that were read."""


def scores(texts: pa.Array) -> Scores:
    """Score each text for each of `languages()`; null and empty texts score 0.

    Raises
    ------
    ModelError
        If the model's file is missing or damaged.
    """
    data, offsets = string_buffers(texts)
    classes, lower = tables()
    own = model()
    short = np.zeros((len(texts), len(own.languages)), np.float32)
    long = np.zeros_like(short)
    weights = np.array(WEIGHTS, np.float32) * np.float32(UNIT)
    letters = _score(data, offsets, classes, lower, *own[1:], weights, short, long)
    return Scores(short, long, letters)


@cache
def languages() -> frozenset[str]:
    """Return the BCP 47 codes that the model can give."""
    return frozenset(model().languages)


@cache
def digest() -> str:
    """Return the sha256 of the model's file."""
    return hashlib.sha256(_bytes()).hexdigest()


@cache
def model() -> Model:
    """Load the model, once a process."""
    import zstandard

    try:
        stored = np.load(io.BytesIO(zstandard.decompress(_bytes(), max_output_size=1 << 28)), allow_pickle=False)
        keys = np.cumsum(stored["key_steps"], dtype=np.uint64).astype(np.uint32)
        starts = np.concatenate([[0], np.cumsum(stored["postings"], dtype=np.int64)]).astype(np.int32)
        names = tuple(bcp_47(name) for name in stored["languages"].tolist())
        places, weights = stored["places"], stored["weights"]
    except (zstandard.ZstdError, ValueError, KeyError, OSError) as error:
        raise ModelError(
            f"the model {FILE.name} is damaged ({type(error).__name__}): install the package anew"
        ) from None
    borders = np.arange((1 << _INDEX_BITS) + 1, dtype=np.uint64) << np.uint64(32 - _INDEX_BITS)
    index = np.searchsorted(keys, borders).astype(np.int32)
    return Model(names, keys, index, starts, places, weights)


def _bytes() -> bytes:
    try:
        return FILE.read_bytes()
    except OSError:
        raise ModelError(f"the model {FILE.name} is missing: install the package anew") from None


@kernel
def run_hashes(runs: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the hashes of runs of equal length, given as code points of shape ``(runs, length)``."""
    found = np.empty(len(runs), np.uint32)
    for k in range(len(runs)):
        state = np.uint64(runs.shape[1])
        for place in range(runs.shape[1]):
            state = step(state, np.uint64(runs[k, place]))
        found[k] = np.uint32(mix(state) >> np.uint64(32))
    return found


@kernel
def _score(
    data: Bytes,
    offsets: Integers,
    classes: Bytes,
    lower: CodePoints,
    keys: npt.NDArray[np.uint32],
    buckets: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int32],
    places: Bytes,
    weights: Bytes,
    weight_of: npt.NDArray[np.float32],
    short: npt.NDArray[np.float32],
    long: npt.NDArray[np.float32],
) -> Integers:
    """Add up what each text's runs say, into `short` and `long`; return each text's number of letters."""
    letters = np.zeros(len(offsets) - 1, np.int64)
    last = np.zeros(LONGEST, np.uint64)
    for text in range(len(offsets) - 1):
        i, end = offsets[text], offsets[text + 1]
        length = 0
        while i < end:
            code, i = code_point(data, i, end)
            kind = classes[code] & CLASS
            # Letters are the classes between SPACE and SPACELESS.
            if kind == SPACE or (kind > SPACELESS and kind != MARK):
                length = 0
                continue
            letters[text] += 1
            for k in range(LONGEST - 1):
                last[k] = last[k + 1]
            last[LONGEST - 1] = np.uint64(lower[code])
            length = min(length + 1, LONGEST)
            for size in range(1, length + 1):
                state = np.uint64(size)
                for k in range(LONGEST - size, LONGEST):
                    state = step(state, last[k])
                key = np.uint32(mix(state) >> np.uint64(32))
                bucket = np.int64(key >> np.uint32(32 - _INDEX_BITS))
                for place in range(buckets[bucket], buckets[bucket + 1]):
                    if keys[place] == key:
                        sums = short if size <= SHORT else long
                        for posting in range(starts[place], starts[place + 1]):
                            sums[text, places[posting]] += weights[posting] * weight_of[size]
    return letters
