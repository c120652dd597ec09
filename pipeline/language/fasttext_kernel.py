"""fastText's prediction as one kernel over UTF-8 bytes, for models of the kind that lid.176 is: quantised, with a hierarchical softmax.

fastText (Joulin et al., arXiv:1607.01759; arXiv:1612.03651) stays the specification and the test's oracle:
`tests/language/test_fasttext_kernel.py` compares label by label. Its own `predict` looks up each n-gram in a hash map of the
standard library and unpacks its vector; here the vectors lie unpacked, and a map of bits says of most n-grams that they have none. The
answers are the same, to the last bit of a score. How much that saves depends on the machine (docs/language.md).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import ModelError
from pipeline.text.arrow import string_buffers
from pipeline.text.kernels import kernel

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_MAGIC, _VERSION, _HIERARCHICAL = 793712314, 12, 1
_BUCKETS = 2_000_000


class Tables(NamedTuple):
    """What the kernel reads."""

    vectors: Floats
    """Shape (words + n-grams, dimensions)."""
    words: Bytes
    """The words, one behind the other."""
    word_ends: Integers
    slots: npt.NDArray[np.int32]
    """2^n slots by the words' hashes: the word, or -1; a word that does not find its slot empty lies in the next empty one."""
    has: npt.NDArray[np.uint64]
    """A bit for each bucket of n-grams: whether it has a vector."""
    buckets: npt.NDArray[np.int32]
    """The vector of each bucket."""
    tree: npt.NDArray[np.int32]
    """Shape (inner nodes, 2): the nodes left and right of each, the root last. Nodes are numbered behind the labels."""
    output: Floats
    """Shape (inner nodes, dimensions)."""
    shortest: int
    longest: int
    """Characters of an n-gram."""


class Classifier(NamedTuple):
    """A model."""

    labels: tuple[str, ...]
    tables: Tables


def load(file: Path) -> Classifier:
    """Return a model from fastText's file.

    Raises
    ------
    ModelError
        If the model is of another kind.
    """
    data = file.read_bytes()
    if struct.unpack_from("<ii", data) != (_MAGIC, _VERSION):
        raise ModelError(f"the model {file.name} is no fastText model of version {_VERSION}")
    dimensions, _, _, _, _, ngrams, loss, _, buckets, shortest, longest, _, _ = struct.unpack_from("<12id", data, 8)
    place = 8 + struct.calcsize("<12id")
    size, word_count, label_count, _, kept = struct.unpack_from("<iiiqq", data, place)
    place += struct.calcsize("<iiiqq")
    if (ngrams, loss, buckets) != (1, _HIERARCHICAL, _BUCKETS) or kept < 1:
        raise _other_kind(file)
    entries, counts = list[bytes](), list[int]()
    for _ in range(size):
        end = data.index(b"\0", place)
        entries.append(data[place:end])
        counts.append(struct.unpack_from("<q", data, end + 1)[0])
        place = end + 10
    pairs = np.frombuffer(data, "<i4", 2 * kept, place).reshape(-1, 2)
    vectors = _unpacked(file, data, place + 8 * kept, word_count + kept, dimensions)
    output = np.frombuffer(data[-4 * dimensions * label_count :], "<f4").reshape(label_count, dimensions)
    has, rows = np.zeros(_BUCKETS // 64 + 1, np.uint64), np.zeros(_BUCKETS, np.int32)
    rows[pairs[:, 0]] = word_count + pairs[:, 1]
    np.bitwise_or.at(has, pairs[:, 0] >> 6, np.uint64(1) << (pairs[:, 0] & 63).astype(np.uint64))
    tables = Tables(
        vectors,
        *_table_of(entries[:word_count]),
        has,
        rows,
        _tree(counts[word_count:]),
        np.ascontiguousarray(output[: label_count - 1], np.float32),
        shortest,
        longest,
    )
    return Classifier(tuple(entry.decode() for entry in entries[word_count:]), tables)


def predict(model: Classifier, lines: pa.Array, count: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the `count` best labels of each line, -1 where there are fewer, and their probabilities, best first.

    A line holds no line break; null counts as an empty one. The least probability is 1e-5, as fastText has it.
    """
    data, offsets = string_buffers(lines)
    labels = np.full((len(lines), count), -1, np.int64)
    scores = np.zeros((len(lines), count), np.float32)
    _predict(data, offsets, model.tables, labels, scores)
    return labels, scores


def _other_kind(file: Path) -> ModelError:
    return ModelError(f"the model {file.name} is not of the kind that lid.176 is: use fastText itself")


def _unpacked(file: Path, data: bytes, place: int, rows: int, dimensions: int) -> Floats:
    """Return the vectors of a product quantiser: of each row a code for each pair of dimensions, and one for its length."""
    quantised, lengths, found, width, size = struct.unpack_from("<??qqi", data, place)
    place += struct.calcsize("<??qqi")
    codes = np.frombuffer(data, np.uint8, size, place).reshape(rows, -1)
    _, parts, each, last = struct.unpack_from("<4i", data, place + size)
    if not (quantised and lengths and (found, width, each * parts, last) == (rows, dimensions, dimensions, each)):
        raise _other_kind(file)
    place += size + 16
    centroids = np.frombuffer(data, "<f4", 256 * dimensions, place).reshape(parts, 256, each)
    place += 4 * 256 * dimensions
    length_codes = np.frombuffer(data, np.uint8, rows, place)
    length_of = np.frombuffer(data, "<f4", 256, place + rows + 16)
    vectors = centroids[np.arange(parts), codes].reshape(rows, dimensions)
    return np.ascontiguousarray(vectors * length_of[length_codes][:, None], np.float32)


def _table_of(words: list[bytes]) -> tuple[Bytes, Integers, npt.NDArray[np.int32]]:
    slots = np.full(1 << (2 * len(words)).bit_length(), -1, np.int32)
    data = np.frombuffer(b"".join(words), np.uint8)
    ends = np.cumsum([len(word) for word in words]).astype(np.int64)
    for number, word in enumerate(words):
        slot = int(_hash(np.frombuffer(word, np.uint8), 0, len(word))) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = number
    return data, ends, slots


def _tree(counts: list[int]) -> npt.NDArray[np.int32]:
    """Return fastText's Huffman tree of labels by their counts, which fall."""
    size = len(counts)
    weights = [*counts, *([10**15] * (size - 1))]
    leaf, node = size - 1, size
    tree = np.empty((size - 1, 2), np.int32)
    for made in range(size, 2 * size - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                tree[made - size, side] = leaf
                leaf -= 1
            else:
                tree[made - size, side] = node
                node += 1
        weights[made] = weights[tree[made - size, 0]] + weights[tree[made - size, 1]]
    return tree


@kernel
def _step(state: np.uint32, byte: np.uint8) -> np.uint32:
    """Mix a byte into a hash: FNV-1a, but that fastText takes a byte for signed."""
    value = np.uint32(byte) | (np.uint32(0xFFFFFF00) if byte >= 128 else np.uint32(0))
    return np.uint32((state ^ value) * np.uint32(16777619))


@kernel
def _hash(data: Bytes, start: int, end: int) -> np.uint32:
    state = np.uint32(2166136261)
    for place in range(start, end):
        state = _step(state, data[place])
    return state


@kernel
def _is_space(byte: np.uint8) -> bool:
    """Say whether a byte ends a word: white space of ASCII, or zero."""
    return bool(9 <= byte <= 13 or byte in (0, 32))


@kernel
def _equal(one: Bytes, first: int, other: Bytes, second: int, length: int) -> bool:
    place = 0
    while place < length and one[first + place] == other[second + place]:
        place += 1
    return place == length


@kernel
def _word(data: Bytes, start: int, end: int, tables: Tables) -> int:
    """Return the number of a word, -1 for one that has none."""
    slot = np.int64(_hash(data, start, end)) & (len(tables.slots) - 1)
    while tables.slots[slot] >= 0:
        word = tables.slots[slot]
        first = tables.word_ends[word - 1] if word else 0
        length = tables.word_ends[word] - first
        if length == end - start and _equal(tables.words, first, data, start, length):
            return int(word)
        slot = (slot + 1) & (len(tables.slots) - 1)
    return -1


@kernel
def _byte(data: Bytes, start: int, length: int, place: int) -> np.uint8:
    """Return a byte of a word between `<` and `>`."""
    if place == 0:
        return np.uint8(60)
    return data[start + place - 1] if place <= length else np.uint8(62)


@kernel
def _add_ngrams(data: Bytes, start: int, length: int, tables: Tables, hidden: Floats) -> int:
    """Add the vectors of a word's n-grams and return how many they are."""
    count = 0
    for first in range(length + 2):
        if _byte(data, start, length, first) & 0xC0 == 0x80:
            continue
        state = np.uint32(2166136261)
        place = first
        for size in range(1, tables.longest + 1):
            if place >= length + 2:
                break
            state = _step(state, _byte(data, start, length, place))
            place += 1
            while place < length + 2 and _byte(data, start, length, place) & 0xC0 == 0x80:
                state = _step(state, _byte(data, start, length, place))
                place += 1
            if size >= tables.shortest and not (size == 1 and (first == 0 or place == length + 2)):
                bucket = np.int64(state % np.uint32(_BUCKETS))
                if tables.has[bucket >> 6] >> np.uint64(bucket & 63) & np.uint64(1):
                    hidden += tables.vectors[tables.buckets[bucket]]
                    count += 1
    return count


@kernel
def _log(value: np.float32 | np.float64) -> np.float32:
    return np.float32(np.log(np.float64(np.float32(value)) + 1e-5))


@kernel
def _best_leaves(hidden: Floats, tables: Tables, labels: Integers, scores: Floats) -> None:
    """Walk the tree depth first, as fastText does, past what can no longer be among the best."""
    leaves, wanted = len(tables.tree) + 1, len(labels)
    nodes, sums = np.empty(2 * leaves, np.int64), np.empty(2 * leaves, np.float32)
    nodes[0], sums[0] = 2 * leaves - 2, np.float32(0)
    depth, found = 1, 0
    least = _log(np.float64(0))
    while depth:
        depth -= 1
        node, total = nodes[depth], sums[depth]
        if total < least or (found == wanted and total < scores[wanted - 1]):
            continue
        if node < leaves:
            place = found if found < wanted else wanted - 1
            while place and scores[place - 1] < total:
                place -= 1
            for i in range(min(found, wanted - 1), place, -1):
                labels[i], scores[i] = labels[i - 1], scores[i - 1]
            labels[place], scores[place] = node, total
            found = min(found + 1, wanted)
            continue
        inner = node - leaves
        product = np.float32(0)
        for i in range(len(hidden)):
            product += tables.output[inner, i] * hidden[i]
        share = np.float32(1.0 / np.float64(np.float32(1) + np.exp(-product)))
        nodes[depth], sums[depth] = tables.tree[inner, 1], total + _log(share)
        nodes[depth + 1], sums[depth + 1] = tables.tree[inner, 0], total + _log(np.float64(1) - np.float64(share))
        depth += 2
    for i in range(found):
        scores[i] = np.exp(scores[i])


@kernel
def _predict(data: Bytes, offsets: Integers, tables: Tables, labels: Integers, scores: Floats) -> None:
    end_word = np.array([60, 47, 115, 62], np.uint8)  # </s>
    prefix = np.array([95, 95, 108, 97, 98, 101, 108, 95, 95], np.uint8)  # __label__
    for text in range(len(offsets) - 1):
        hidden = np.zeros(tables.vectors.shape[1], np.float32)
        count = 0
        start, end = offsets[text], offsets[text + 1]
        ended = False
        while start < end and not ended:
            if _is_space(data[start]):
                start += 1
                continue
            stop = start
            while stop < end and not _is_space(data[stop]):
                stop += 1
            ended = stop - start == 4 and _equal(data, start, end_word, 0, 4)
            label = stop - start >= 9 and _equal(data, start, prefix, 0, 9)
            if not ended and not label:
                word = _word(data, start, stop, tables)
                if word >= 0:
                    hidden += tables.vectors[word]
                    count += 1
                count += _add_ngrams(data, start, stop - start, tables, hidden)
            start = stop
        hidden += tables.vectors[0]  # the end of the line is the first word
        hidden *= np.float32(1.0 / (count + 1))
        _best_leaves(hidden, tables, labels[text], scores[text])
