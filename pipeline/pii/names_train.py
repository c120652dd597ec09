"""Trains the model of names: an averaged structured perceptron over the features of `pipeline.text.tagging`.

    python -m pipeline.pii.names_train FOLDER [--out FILE]

FOLDER is what `benchmarks/names_data.py` writes: lists of names and words, clusters of words, and labelled texts, one object a line,
``{"text": ..., "spans": [{"start", "end", "type"}, ...]}``, offsets in code points; types are PERSON, LOCATION and ORGANIZATION, or what
`LABELS_OF` translates. The model learns from the texts of `tuning.jsonl.gz`, those of `silver.jsonl.gz`, copies of the former with other
names in them, and texts made of our own carriers, in this order; `SEEDS` times with other draws, and the mean of these models is kept.
The same files give the same model.

Words, lists and clusters are left out at random while it learns (`DROPPED`, `UNLISTED`), so that it reads shapes and surroundings too:
most names that it will meet it has never seen. What is wrong must be worse by a margin than what is right, a name where there is none
by a larger one (`MARGIN`, `SPURIOUS`); `balanced` then moves the balance between names missed and words taken for names: each word in a name
gains `A_WORD`, each name costs `A_NAME`, whatever its length, and a place of one word `LONE_PLACE` more. They were chosen by cross-validation
over the templates of the tuning half, the last three also without our carriers, which were written knowing those templates.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.pii.names import LABELS, MODEL_FILE, MOSTLY_SMALL, Model, save
from pipeline.pii.names_carriers import made_texts
from pipeline.text.kernels import kernel
from pipeline.text.tagging import (
    FEATURES,
    Hashes,
    Integers,
    TokenTable,
    Weights,
    code_points,
    described,
    features,
    follow,
    read_tokens,
    stretches,
    tables,
    tokens,
)

LABELS_OF = {
    "PERSON": "PERSON", "person": "PERSON",
    "LOCATION": "LOCATION", "GPE": "LOCATION", "STREET_ADDRESS": "LOCATION", "location": "LOCATION",
    "ORGANIZATION": "ORGANIZATION", "corporation": "ORGANIZATION", "group": "ORGANIZATION",
}  # fmt: skip
SIZE, EPOCHS, SEEDS = 1 << 18, 7, (1, 2, 3)
LIST_SLOTS = CLUSTER_SLOTS = 1 << 20
HIDDEN, DROPPED, UNLISTED, MARGIN, SPURIOUS = 0.1, 0.25, 0.3, 20.0, 30.0
A_WORD, A_NAME, LONE_PLACE = 10.0, 35.0, 20.0
LISTS = (
    ("places", 1, 2),
    ("small", 16, 32),
    ("first", 4, 4),
    ("family", 8, 8),
    ("common", int(MOSTLY_SMALL), int(MOSTLY_SMALL)),
    ("proper", 128, 128),
)
"""Files with lists, and their bits (`pipeline.pii.names.Model`): of names of one word, of words of longer names."""
NO_NAMES = np.uint8(MOSTLY_SMALL + 128)
"""The bits of lists that are not of names."""
_FIRST_ALONE, _CAPITALS, _KEPT, _SMALL = 0.6, 0.1, 0.2, 0.1
COPIES, MADE, SMALL = 3, 25, 3
"""Copies of a labelled text and of a carrier; every so-manieth small place is drawn from."""
LEXICAL = np.isin(np.arange(FEATURES), (0, 5, 6, 13, 15, 37, 43, 46, 47))
"""Features that know the word itself."""


def rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield a file's objects."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def name_lists(lists: Sequence[tuple[Iterable[str], int, int]]) -> npt.NDArray[np.uint8]:
    """Return the table of lists of words (`pipeline.pii.names.Model`): of each list its names, the bit of those of one word and of longer ones."""
    classes, small = tables()
    table = np.zeros(LIST_SLOTS, np.uint8)
    for names, alone, among in lists:
        for name in names:
            codes = code_points(name)
            slots = described(codes, tokens(codes, classes), classes, small)[:, 0] & np.uint32(LIST_SLOTS - 1)
            table[slots] |= np.uint8(among if len(slots) > 1 else alone)
    return table


def cluster_table(words: Mapping[str, int], slots: int) -> npt.NDArray[np.uint16]:
    """Return the table of clusters of words; of two words with one slot the first has it."""
    classes, small = tables()
    table = np.zeros(slots, np.uint16)
    for word, cluster in words.items():
        codes = code_points(word)
        found = tokens(codes, classes)
        if len(found) == 1:
            value = int(described(codes, found, classes, small)[0, 0])
            if not table[value & (slots - 1)]:
                table[value & (slots - 1)] = (value >> 24) << 8 | cluster
    return table


def labelled(row: dict[str, Any], found: Integers) -> npt.NDArray[np.int8]:
    """Return the labels of a text's tokens."""
    labels = np.zeros(len(found), np.int8)
    for span in sorted(row["spans"], key=lambda one: int(one["start"])):
        name = LABELS_OF.get(span["type"])
        if name is None:
            continue
        inside = np.flatnonzero((found[:, 0] < span["end"]) & (found[:, 1] > span["start"]))
        labels[inside] = LABELS.index(f"I-{name}")
        touches = len(inside) and inside[0] and LABELS[labels[inside[0] - 1]][2:] == name == "LOCATION"
        if not touches:  # the parts of an address are one place
            labels[inside[:1]] = LABELS.index(f"B-{name}")
    return labels


def augmented(
    rows: Sequence[dict[str, Any]],
    places: Sequence[str],
    first: Sequence[str],
    family: Sequence[str],
    copies: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return copies of texts with other names in their places, some in small letters: what stands around a name is what is to be learnt."""
    drawn = random.Random(seed)  # noqa: S311 - repeatable on purpose
    addresses = [
        row["text"][span["start"] : span["end"]]
        for row in rows
        for span in row["spans"]
        if LABELS_OF.get(span["type"]) == "LOCATION" and any(map(str.isdigit, row["text"][span["start"] : span["end"]]))
    ]

    def other(kind: str | None, value: str) -> str:
        words = value.split()
        if kind == "PERSON":
            if len(words) == 1:
                return drawn.choice(first if drawn.random() < _FIRST_ALONE else family)
            middle = [f"{drawn.choice(string.ascii_uppercase)}."] if len(words) > 2 else []
            return " ".join([drawn.choice(first), *middle, drawn.choice(family)])
        if kind == "LOCATION" and not any(map(str.isdigit, value)):
            place = drawn.choice(places)
            return place.upper() if drawn.random() < _CAPITALS else place
        return drawn.choice(addresses) if kind == "LOCATION" and addresses else value

    made = []
    for row in rows:
        spans = sorted((span for span in row["spans"] if span["type"] in LABELS_OF), key=lambda one: int(one["start"]))
        for _ in range(copies if spans else 0):
            text, moved, done = "", [], 0
            for span in spans:
                if span["start"] < done:
                    continue
                text += row["text"][done : span["start"]]
                value = row["text"][span["start"] : span["end"]]
                given = value if drawn.random() < _KEPT else other(LABELS_OF[span["type"]], value)
                moved.append({"type": span["type"], "start": len(text), "end": len(text) + len(given)})
                text += given
                done = span["end"]
            text += row["text"][done:]
            small = text.lower()
            made.append(
                {"text": small if drawn.random() < _SMALL and len(small) == len(text) else text, "spans": moved}
            )
    return made


@kernel
def feature_rows(text: TokenTable, mask: np.uint32) -> Hashes:
    """Return the features of all tokens of a text."""
    rows = np.empty((len(text.found), FEATURES), np.uint32)
    for i in range(len(text.found)):
        features(i, text, mask, rows[i])
    return rows


@kernel
def epoch(  # noqa: C901, PLR0912 - one pass, compiled as a whole

    rows: Hashes, gold: npt.NDArray[np.int8], ends: Integers, order: Integers, dropped: npt.NDArray[np.bool_],
    weights: Weights, pairs: Weights, sums: npt.NDArray[np.float64], pair_sums: npt.NDArray[np.float64], step: int,
    margin: float, spurious: float,
) -> tuple[int, int]:  # fmt: skip
    """Go once through all texts in an order; weights and sums are changed. Returns the steps so far and the wrong tokens."""
    labels = weights.shape[1]
    wrong = 0
    for text in order:
        begin = ends[text - 1] if text else 0
        n = ends[text] - begin
        step += 1
        if n == 0:
            continue
        back = np.empty((n, labels), np.int8)
        before = np.empty(labels, np.float32)
        score = np.empty(labels, np.float32)
        for i in range(n):
            follow(before, i == 0, pairs, score, back[i])
            for k in range(FEATURES):
                if dropped[begin + i] and LEXICAL[k]:
                    continue
                for y in range(labels):
                    score[y] += weights[rows[begin + i, k], y]
            right = gold[begin + i]
            for y in range(labels):
                if y != right:  # what is wrong must be worse by a margin
                    score[y] += spurious if right == 0 else margin
            before[:] = score
        y = int(np.argmax(before))
        for i in range(n - 1, -1, -1):
            right = gold[begin + i]
            previous = back[i, y]
            gold_previous = gold[begin + i - 1] if i else labels
            guessed_previous = previous if i else labels
            if y != right:
                wrong += 1
                for k in range(FEATURES):
                    if dropped[begin + i] and LEXICAL[k]:
                        continue
                    row = rows[begin + i, k]
                    weights[row, right] += 1
                    weights[row, y] -= 1
                    sums[row, right] += step
                    sums[row, y] -= step
            if y != right or guessed_previous != gold_previous:
                pairs[gold_previous, right] += 1
                pairs[guessed_previous, y] -= 1
                pair_sums[gold_previous, right] += step
                pair_sums[guessed_previous, y] -= step
            y = previous
    return step, wrong


def train(
    rows: Sequence[dict[str, Any]], table: npt.NDArray[np.uint8], clusters: npt.NDArray[np.uint16], seed: int
) -> Model:
    """Return the model of some labelled texts, the table of lists of names and the table of clusters of words."""
    texts, golds = list[TokenTable](), list[npt.NDArray[np.int8]]()
    for row in rows:
        codes = code_points(row["text"])
        read = read_tokens(codes, table, clusters)
        texts.append(read)
        right = labelled(row, read.found)
        first = 0
        for last in stretches(codes, read.found, read.values):
            if right[first] and right[first] % 2 == 0:
                right[first] -= 1  # what a stretch begins with begins a name
            golds.append(right[first:last])
            first = last
    gold = np.concatenate(golds)
    ends = np.cumsum([len(part) for part in golds]).astype(np.int64)
    drawn = np.random.default_rng(seed)
    count = len(LABELS)
    weights, pairs = np.zeros((SIZE, count), np.float32), np.zeros((count + 1, count), np.float32)
    for label, name in enumerate(LABELS):
        for origin in range(count + 1):
            before = LABELS[origin] if origin < count else "O"
            if name[0] == "I" and before[2:] != name[2:]:
                pairs[origin, label] = -1e6  # a name goes on only behind its beginning
    sums, pair_sums = np.zeros(weights.shape), np.zeros(pairs.shape)
    step = 0
    features_of = np.empty((len(gold), FEATURES), np.uint32)
    for number in range(EPOCHS):
        place = 0
        for read in texts:
            count_of = len(read.found)
            unlisted = drawn.random(count_of) < UNLISTED
            hidden = read.values.copy()
            hidden[drawn.random(count_of) < HIDDEN, 0] = 5  # a word that is none, for its neighbours too
            partly = read._replace(
                values=hidden,
                bits=np.where(unlisted, read.bits & NO_NAMES, read.bits),
                sorts=np.where(unlisted, np.uint8(0), read.sorts),
            )
            features_of[place : place + count_of] = feature_rows(partly, np.uint32(SIZE - 1))
            place += count_of
        order = drawn.permutation(len(ends)).astype(np.int64)
        step, wrong = epoch(
            features_of,
            gold,
            ends,
            order,
            drawn.random(len(gold)) < DROPPED,
            weights,
            pairs,
            sums,
            pair_sums,
            step,
            MARGIN,
            SPURIOUS,
        )
        print(f"epoch {number + 1}: {wrong:,} of {len(gold):,} tokens wrong", flush=True)  # noqa: T201 - progress of a command
    pairs -= (pair_sums / (step + 1)).astype(np.float32)
    return Model((weights - sums / (step + 1)).astype(np.float32), balanced(pairs), table, clusters)


def balanced(pairs: Weights) -> Weights:
    """Return scores of pairs of labels (`pipeline.pii.names.Model`) with `A_WORD`, `A_NAME` and `LONE_PLACE` taken off."""
    result = pairs.copy()
    result[:, 0] -= A_WORD
    for label, name in enumerate(LABELS):
        if name[0] == "B":
            result[:, label] -= A_NAME
        if name[0] != "I":
            result[LABELS.index("B-LOCATION"), label] -= LONE_PLACE
    return result


def main() -> None:
    """Train from files and write the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=MODEL_FILE)
    arguments = parser.parse_args()
    folder = arguments.folder
    lists = {name: (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines() for name, *_ in LISTS}
    words = dict(line.split("\t") for line in (folder / "clusters.txt").read_text(encoding="utf-8").splitlines())
    tuning, silver = (list(rows_of(folder / f"{name}.jsonl.gz")) for name in ("tuning", "silver"))
    names = [*lists["places"], *lists["small"][::SMALL]], lists["first"], lists["family"]
    table = name_lists([(lists[name], alone, among) for name, alone, among in LISTS])
    clusters = cluster_table({word: int(cluster) for word, cluster in words.items()}, CLUSTER_SLOTS)
    models = []
    for seed in SEEDS:
        made = [*augmented(tuning, *names, COPIES, seed), *made_texts(*names, MADE, seed)]
        models.append(train([*tuning, *silver, *made], table, clusters, seed))
    weights = np.stack([model.weights for model in models]).mean(axis=0, dtype=np.float32)
    pairs = np.stack([model.pairs for model in models]).mean(axis=0, dtype=np.float32)
    save(Model(weights, pairs, table, clusters), arguments.out)


if __name__ == "__main__":
    main()
