"""Trains the model of names: an averaged structured perceptron over the features of `pipeline.text.tagging`.

    python -m pipeline.pii.names_train LABELLED.jsonl [...] --places FILE --first FILE --family FILE [--out FILE]

A labelled file holds one object a line, plain or `.gz`: ``{"text": ..., "spans": [{"start", "end", "type"}, ...]}``, offsets in code
points; types are PERSON, LOCATION and ORGANIZATION, or what `LABELS_OF` translates. The lists of
places, first names and family names hold a name a line. The same
files in the same order give the same model.

Words are left out at random while it learns (`DROPPED`), so that it reads shapes and surroundings too: most names that it will meet
it has never seen.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import string
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.pii.names import LABELS, MODEL_FILE, Model, save
from pipeline.pii.names_carriers import made_texts
from pipeline.text.kernels import kernel
from pipeline.text.tagging import (
    FEATURES,
    Hashes,
    Integers,
    Weights,
    code_points,
    described,
    features,
    follow,
    listed,
    tables,
    tokens,
)

LABELS_OF = {
    "PERSON": "PERSON", "person": "PERSON",
    "LOCATION": "LOCATION", "GPE": "LOCATION", "STREET_ADDRESS": "LOCATION", "location": "LOCATION",
    "ORGANIZATION": "ORGANIZATION", "corporation": "ORGANIZATION", "group": "ORGANIZATION",
}  # fmt: skip
SIZE, EPOCHS, SEED, DROPPED = 1 << 18, 8, 1, 0.25
LIST_SLOTS = 1 << 20
_FIRST_ALONE, _CAPITALS, _KEPT, _SMALL = 0.6, 0.1, 0.2, 0.1
COPIES, MADE = 3, 30
LEXICAL = np.isin(np.arange(FEATURES), (0, 5, 6, 13, 15))
"""Features that know the word itself."""


def rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield a file's objects."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def name_lists(places: Iterable[str], first: Iterable[str], family: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Return the table of lists of names, a bit a list (`pipeline.pii.names.Model`)."""
    classes, small = tables()
    table = np.zeros(LIST_SLOTS, np.uint8)
    for names, bit in ((places, 1), (first, 4), (family, 8)):
        for name in names:
            codes = code_points(name)
            slots = described(codes, tokens(codes, classes), classes, small)[:, 0] & np.uint32(LIST_SLOTS - 1)
            table[slots] |= np.uint8(2 if bit == 1 and len(slots) > 1 else bit)
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
    rows: Sequence[dict[str, Any]], places: Sequence[str], first: Sequence[str], family: Sequence[str], copies: int
) -> list[dict[str, Any]]:
    """Return copies of texts with other names in their places, some in small letters: what stands around a name is what is to be learnt."""
    drawn = random.Random(SEED)  # noqa: S311 - repeatable on purpose
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
def feature_rows(found: Integers, values: Hashes, bits: npt.NDArray[np.uint8], mask: np.uint32) -> Hashes:
    """Return the features of all tokens of a text."""
    rows = np.empty((len(found), 28), np.uint32)
    for i in range(len(found)):
        features(i, found, values, bits, mask, rows[i])
    return rows


@kernel
def epoch(  # noqa: C901 - one pass, compiled as a whole

    rows: Hashes, gold: npt.NDArray[np.int8], ends: Integers, order: Integers, dropped: npt.NDArray[np.bool_],
    weights: Weights, pairs: Weights, sums: npt.NDArray[np.float64], pair_sums: npt.NDArray[np.float64], step: int,
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
            for k in range(28):
                if dropped[begin + i] and LEXICAL[k]:
                    continue
                for y in range(labels):
                    score[y] += weights[rows[begin + i, k], y]
            before[:] = score
        y = int(np.argmax(before))
        for i in range(n - 1, -1, -1):
            right = gold[begin + i]
            previous = back[i, y]
            gold_previous = gold[begin + i - 1] if i else labels
            guessed_previous = previous if i else labels
            if y != right:
                wrong += 1
                for k in range(28):
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


def train(rows: Sequence[dict[str, Any]], table: npt.NDArray[np.uint8]) -> Model:
    """Return the model of some labelled texts and the table of lists of names."""
    classes, small = tables()
    parts, golds = [], []
    for row in rows:
        codes = code_points(row["text"])
        found = tokens(codes, classes)
        values = described(codes, found, classes, small)
        parts.append(feature_rows(found, values, listed(values, table), np.uint32(SIZE - 1)))
        golds.append(labelled(row, found))
    everything, gold = np.concatenate(parts), np.concatenate(golds)
    ends = np.cumsum([len(part) for part in parts]).astype(np.int64)
    drawn = np.random.default_rng(SEED)
    count = len(LABELS)
    weights, pairs = np.zeros((SIZE, count), np.float32), np.zeros((count + 1, count), np.float32)
    for label, name in enumerate(LABELS):
        for origin in range(count + 1):
            before = LABELS[origin] if origin < count else "O"
            if name[0] == "I" and before[2:] != name[2:]:
                pairs[origin, label] = -1e6  # a name goes on only behind its beginning
    sums, pair_sums = np.zeros(weights.shape), np.zeros(pairs.shape)
    step = 0
    for number in range(EPOCHS):
        order = drawn.permutation(len(ends)).astype(np.int64)
        step, wrong = epoch(
            everything, gold, ends, order, drawn.random(len(gold)) < DROPPED, weights, pairs, sums, pair_sums, step
        )
        print(f"epoch {number + 1}: {wrong:,} of {len(gold):,} tokens wrong")  # noqa: T201 - progress of a command
    return Model(
        (weights - sums / (step + 1)).astype(np.float32), (pairs - pair_sums / (step + 1)).astype(np.float32), table
    )


def main() -> None:
    """Train from files and write the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled", type=Path, nargs="+")
    for name in ("places", "first", "family"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="a list of names, one a line")
    parser.add_argument("--out", type=Path, default=MODEL_FILE)
    arguments = parser.parse_args()
    rows = [row for file in arguments.labelled for row in rows_of(file)]
    places, first, family = (
        file.read_text(encoding="utf-8").splitlines() for file in (arguments.places, arguments.first, arguments.family)
    )
    texts = [*rows, *augmented(rows, places, first, family, COPIES), *made_texts(places, first, family, MADE, SEED)]
    save(train(texts, name_lists(places, first, family)), arguments.out)


if __name__ == "__main__":
    main()
