"""A sequence tagger on code points: tokens, their features, and the best labels for them. One pass, linear in the text's length.

A linear model over hashed features of each token and its neighbours, with scores for pairs of labels, decoded by Viterbi's algorithm:
the structured perceptron (Collins, 2002). What it knows lies in its weights (`pipeline.pii.names`); here is how they are read.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.kernels import kernel

FEATURES = 50
"""Features of a token."""
SPACE, NEWLINE, LOWER, UPPER, DIGIT, OTHER = range(6)
WORD, NUMBER, SIGN = range(3)
"""Kinds of tokens: letters, digits, any other character alone."""

Codes = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]
Weights = npt.NDArray[np.float32]

_BMP = 0x10000
_MUL, _MIX = np.uint32(0x01000193), np.uint32(0x85EBCA6B)
_SEED = np.uint32(0x811C9DC5)


@lru_cache(maxsize=1)
def tables() -> tuple[npt.NDArray[np.uint8], Codes]:
    """Return the class and the small letter of each code point of the basic plane; those beyond are letters without case."""
    classes = np.full(_BMP, OTHER, np.uint8)
    small = np.arange(_BMP, dtype=np.uint32)
    for code in range(_BMP):
        category = unicodedata.category(chr(code))
        if category[0] == "L" or category[0] == "M":
            classes[code] = UPPER if category in ("Lu", "Lt") else LOWER
            lowered = chr(code).lower()
            if len(lowered) == 1:
                small[code] = ord(lowered)
        elif category == "Nd":
            classes[code] = DIGIT
        elif category[0] == "Z" or chr(code) in "\t\r\x0b\x0c":
            classes[code] = SPACE
    classes[ord("\n")] = classes[0x2028] = classes[0x2029] = NEWLINE
    return classes, small


def code_points(text: str) -> Codes:
    """Return a text's code points; unpaired surrogates are kept."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@kernel
def tokens(codes: Codes, classes: npt.NDArray[np.uint8]) -> Integers:
    """Return the tokens of a text: start, end, kind, and what stands before it (0 nothing, 1 white space, 2 a new line, 3 several)."""
    found = np.empty((len(codes), 4), np.int64)
    count = 0
    gap = 3
    place = 0
    while place < len(codes):
        sort = classes[codes[place]] if codes[place] < 0x10000 else 2
        if sort == 0:
            gap = max(gap, 1)
            place += 1
            continue
        if sort == 1:
            gap = 3 if gap >= 2 else 2
            place += 1
            continue
        start = place
        place += 1
        kind = 2
        if 2 <= sort <= 3:
            kind = 0
            while place < len(codes) and (codes[place] >= 0x10000 or 2 <= classes[codes[place]] <= 3):
                place += 1
        elif sort == 4:
            kind = 1
            while place < len(codes) and codes[place] < 0x10000 and classes[codes[place]] == 4:
                place += 1
        found[count, 0], found[count, 1], found[count, 2], found[count, 3] = start, place, kind, gap
        count += 1
        gap = 0
    return found[:count].copy()


@kernel
def mixed(hash_: np.uint32, value: np.uint32) -> np.uint32:
    """Return a hash with a value mixed in (FNV-1a's step on words, and a shift)."""
    result = np.uint32((hash_ ^ value) * np.uint32(0x01000193))
    return np.uint32(result ^ (result >> np.uint32(15)))


@kernel
def _shape(first: np.uint32, length: int, kind: int, uppers: int, initial: bool) -> np.uint32:
    """Return a word's case and length, a number's length, or the sign."""
    if kind == 1:
        return np.uint32(64 + min(length, 7))
    if kind == 2:
        return np.uint32(128) + first
    case = 4
    if uppers == 0:
        case = 0
    elif uppers == length:
        case = 1 if length > 1 else 2
    elif initial and uppers == 1:
        case = 3
    return np.uint32(case * 8 + (length if length < 4 else (4 if length < 7 else 5)))


@kernel
def described(codes: Codes, found: Integers, classes: npt.NDArray[np.uint8], small: Codes) -> Hashes:
    """Return of each token the hashes of its small letters, its shape, its first three letters, its last two, three and four."""
    values = np.empty((len(found), 6), np.uint32)
    for i in range(len(found)):
        start, end, kind = found[i, 0], found[i, 1], found[i, 2]
        length = end - start
        word = np.uint32(0x811C9DC5)
        first = np.uint32(7)
        last_two = np.uint32(11)
        last_three = np.uint32(13)
        last_four = np.uint32(17)
        uppers = 0
        for j in range(start, end):
            code = codes[j]
            letter = small[code] if code < 0x10000 else code
            if kind == 1:
                letter = np.uint32(48)  # all numbers of a length are one
            word = mixed(word, letter)
            if j - start < 3:
                first = mixed(first, letter)
            if end - j <= 2:
                last_two = mixed(last_two, letter)
            if end - j <= 3:
                last_three = mixed(last_three, letter)
            if end - j <= 4:
                last_four = mixed(last_four, letter)
            if code < 0x10000 and classes[code] == 3:
                uppers += 1
        shape = _shape(codes[start], length, kind, uppers, codes[start] < 0x10000 and classes[codes[start]] == 3)
        values[i, 0], values[i, 1], values[i, 2] = word, shape, first
        values[i, 3], values[i, 4], values[i, 5] = last_two, last_three, last_four
    return values


@kernel
def stretches(codes: Codes, found: Integers, values: Hashes) -> Integers:
    """Return where the stretches of a text's tokens end: at ends of sentences and blank lines, and after so many tokens."""
    ends = np.empty(len(found), np.int64)
    count = 0
    first = 0
    words = False
    for i in range(len(found)):
        if found[i, 3] >= 2:
            words = False
        words = words or found[i, 2] != 2
        sign = codes[found[i, 0]] if found[i, 2] == 2 else np.uint32(0)
        ends_here = i + 1 == len(found) or found[i + 1, 3] == 3
        if words and sign in (33, 63, 46):  # ! ? . but where a line begins with them, as a sign of quotation
            after = found[i + 1, 3] if i + 1 < len(found) else 3
            short = i > 0 and found[i - 1, 2] == 0 and found[i - 1, 1] - found[i - 1, 0] < 4  # "Dr.", "St.", initials
            goes_on = i + 1 < len(found) and values[i + 1, 1] < 8  # in small letters
            ends_here = ends_here or (after >= 1 and not short and not goes_on)
        if ends_here or i + 1 - first >= 400:
            ends[count] = i + 1
            count += 1
            first = i + 1
    return ends[:count].copy()


@kernel
def listed(values: Hashes, lists: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return what lists of names say of each token: the bits of the slot, of 2^n, that its hash points to."""
    bits = np.empty(len(values), np.uint8)
    mask = np.uint32(len(lists) - 1)
    for i in range(len(values)):
        bits[i] = lists[values[i, 0] & mask]
    return bits


@kernel
def clustered(values: Hashes, clusters: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Return each token's cluster of words, 0 for a word in none: the slot, of 2^n, that its hash points to holds a check byte and the cluster."""
    result = np.zeros(len(values), np.uint8)
    mask = np.uint32(len(clusters) - 1)
    for i in range(len(values)):
        slot = clusters[values[i, 0] & mask]
        if slot >> 8 == values[i, 0] >> np.uint32(24):
            result[i] = slot & 255
    return result


@kernel
def in_lines(found: Integers, values: Hashes) -> Hashes:
    """Return of each token the word that its line begins with, and what its line looks like: how long, words in small letters, digits."""
    result = np.empty((len(found), 2), np.uint32)
    first = 0
    for i in range(len(found)):
        if i + 1 == len(found) or found[i + 1, 3] >= 2:
            small, numbers, head = 0, 0, first
            while head < i and found[head, 2] == 2:
                head += 1  # signs of quotation, bullets
            for j in range(first, i + 1):
                small += values[j, 1] < 8
                numbers += found[j, 2] == 1
            length = i + 1 - first
            length = length if length < 8 else (8 if length < 16 else 9)
            look = np.uint32(length * 16 + min(small, 3) * 4 + min(numbers, 3))
            for j in range(first, i + 1):
                result[j, 0], result[j, 1] = values[head, 0], look
            first = i + 1
    return result


class TokenTable(NamedTuple):
    """A text's tokens with all that is known of each."""

    found: Integers
    """As `tokens` returns them."""
    values: Hashes
    """As `described`."""
    lines: Hashes
    """As `in_lines`."""
    bits: npt.NDArray[np.uint8]
    """As `listed`."""
    sorts: npt.NDArray[np.uint8]
    """As `clustered`."""


def read_tokens(codes: Codes, lists: npt.NDArray[np.uint8], clusters: npt.NDArray[np.uint16]) -> TokenTable:
    """Return the tokens of a text, given as code points, by tables of lists and of clusters of words."""
    classes, small = tables()
    found = tokens(codes, classes)
    values = described(codes, found, classes, small)
    return TokenTable(found, values, in_lines(found, values), listed(values, lists), clustered(values, clusters))


@kernel
def _place(k: int, one: np.uint32, other: np.uint32, mask: np.uint32) -> np.uint32:
    """Return where the weights of a feature's value are."""
    index = mixed(mixed(mixed(np.uint32(k * 2654435761 & 0xFFFFFFFF), one), other), np.uint32(k))
    index = np.uint32((index ^ (index >> np.uint32(13))) * np.uint32(0x85EBCA6B))
    return np.uint32((index ^ (index >> np.uint32(16))) & mask)


@kernel
def features(i: int, text: TokenTable, mask: np.uint32, out: Hashes) -> None:
    """Write the indices of a token's features into the weights."""
    found, values, lines, bits, sorts = text
    n = len(found)
    nothing = np.uint32(3)
    w0, s0 = values[i, 0], values[i, 1]
    w1 = values[i - 1, 0] if i >= 1 else nothing
    s1 = values[i - 1, 1] if i >= 1 else nothing
    w2 = values[i - 2, 0] if i >= 2 else nothing
    s2 = values[i - 2, 1] if i >= 2 else nothing
    v1 = values[i + 1, 0] if i + 1 < n else nothing
    t1 = values[i + 1, 1] if i + 1 < n else nothing
    v2 = values[i + 2, 0] if i + 2 < n else nothing
    t2 = values[i + 2, 1] if i + 2 < n else nothing
    w3 = values[i - 3, 0] if i >= 3 else nothing
    gap = np.uint32(found[i, 3])
    next_gap = np.uint32(found[i + 1, 3]) if i + 1 < n else np.uint32(3)
    g0 = np.uint32(bits[i])
    g1 = np.uint32(bits[i - 1]) if i >= 1 else np.uint32(0)
    h1 = np.uint32(bits[i + 1]) if i + 1 < n else np.uint32(0)
    v3 = values[i + 3, 0] if i + 3 < n else nothing
    c0 = np.uint32(sorts[i])
    c1 = np.uint32(sorts[i - 1]) if i >= 1 else np.uint32(256)
    c2 = np.uint32(sorts[i - 2]) if i >= 2 else np.uint32(256)
    d1 = np.uint32(sorts[i + 1]) if i + 1 < n else np.uint32(256)
    d2 = np.uint32(sorts[i + 2]) if i + 2 < n else np.uint32(256)
    line, look = lines[i, 0], lines[i, 1]
    next_line = lines[i + 1, 1] if i + 1 < n and found[i + 1, 3] >= 2 else nothing
    pairs = (
        (w0, nothing), (w1, nothing), (v1, nothing), (w2, nothing), (v2, nothing), (w1, w0), (w0, v1), (s0, gap),
        (s1, s0), (s0, t1), (mixed(s1, s0), t1), (mixed(s2, s1), s0), (mixed(s0, t1), t2), (values[i, 2], s0),
        (values[i, 3], s0), (values[i, 4], nothing), (w1, s0), (v1, s0), (w2, w1), (v1, v2), (g0, s0),
        (mixed(g1, g0), s0), (mixed(g0, h1), s0), (mixed(gap, s0), s1), (mixed(next_gap, s0), t1),
        (mixed(w3, w2), w1), (values[i - 1, 4] if i >= 1 else nothing, s0), (mixed(s2, s1), mixed(s0, t1)),
    )  # fmt: skip
    more = (
        (line, s0), (look, mixed(s0, gap)), (look, next_line), (mixed(g0, s0), w1), (mixed(g0, s0), v1), (mixed(w2, w1), s0),
        (mixed(v1, v2), s0), (w1, v1), (mixed(w1, v1), s0), (values[i, 5], s0), (mixed(w1, s0), t1), (mixed(s1, s0), v1),
        (w3, s0), (v3, s0), (mixed(g1, g0), h1),
        (c0, s0), (c1, s0), (d1, s0), (c1, c0), (c0, d1), (mixed(c2, c1), s0), (mixed(d1, d2), s0),
    )  # fmt: skip
    for k in range(28):
        out[k] = _place(k, pairs[k][0], pairs[k][1], mask)
    for k in range(22):  # in two, because Python cannot build a longer tuple at once
        out[28 + k] = _place(28 + k, more[k][0], more[k][1], mask)


@kernel
def follow(before: Weights, first: bool, pairs: Weights, score: Weights, back: npt.NDArray[np.int8]) -> None:
    """Write each label's score by the best label before it, and which one that is."""
    labels = len(score)
    for y in range(labels):
        best, origin = np.float32(-1e30), 0
        if first:
            best = pairs[labels, y]
        else:
            for z in range(labels):
                value = before[z] + pairs[z, y]
                if value > best:
                    best, origin = value, z
        back[y] = origin
        score[y] = best


@kernel
def best_labels(first: int, last: int, text: TokenTable, weights: Weights, pairs: Weights) -> npt.NDArray[np.int8]:
    """Return the best labels of the tokens from `first` to `last`.

    Parameters
    ----------
    weights
        Shape (2^n, labels).
    pairs
        Shape (labels + 1, labels): score of a label behind another one; the last row is for the first token.
    """
    n, labels = last - first, weights.shape[1]
    mask = np.uint32(len(weights) - 1)
    indices = np.empty(FEATURES, np.uint32)
    score = np.empty(labels, np.float32)
    before = np.empty(labels, np.float32)
    back = np.empty((n, labels), np.int8)
    for i in range(n):
        features(first + i, text, mask, indices)
        follow(before, i == 0, pairs, score, back[i])
        for k in range(FEATURES):
            row = indices[k]
            for y in range(labels):
                score[y] += weights[row, y]
        for y in range(labels):
            before[y] = score[y]
    result = np.empty(n, np.int8)
    if n:
        last_label = 0
        for y in range(labels):
            if before[y] > before[last_label]:
                last_label = y
        for i in range(n - 1, -1, -1):
            result[i] = last_label
            last_label = back[i, last_label]
    return result
