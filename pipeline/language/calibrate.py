"""Finds the weights of `pipeline/language/weigh.py` on labelled texts, of the tuning half only.

``python -m pipeline.language.calibrate LABELLED.jsonl``, with one ``{"text": ..., "language": ..., "set": ...}`` a line, BCP 47 codes,
`und` for a language that no model knows. Sets weigh alike whatever their size. Five sentences of a language (set `sentences`) joined
make a document, so that longer text is there too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.language.codes import UNDETERMINED
from pipeline.language.detect import SHORT_CHARACTERS
from pipeline.language.split import half
from pipeline.language.weigh import (
    FEATURES,
    FILE,
    LETTERS,
    WITHOUT_NGRAMS,
    Candidates,
    Weights,
    candidates,
    names,
    opinions,
    row_names,
)

SMOOTH, OFFSET, SMALL = 5.0, 2.0, 0.1
"""Penalties: on differences between neighbouring rows of weights, on the languages' offsets, on the weights."""
SET_WEIGHT = 5_000.0
"""What all texts of a set weigh together, in texts."""


class Examples(NamedTuple):
    """Texts with their candidates and the right one."""

    found: Candidates
    right: npt.NDArray[np.int64]
    """Place of the right candidate among the text's; texts that have none are left out."""
    weights: npt.NDArray[np.float64]


def calibrate(rows: Sequence[Mapping[str, Any]]) -> Weights:
    """Return the weights that make the right languages most probable."""
    tuning = [row for row in rows if half(row["text"]) == "tuning"]
    tuning += _documents(tuning)
    whole = _examples(tuning, with_ngrams=True)
    long = _examples([row for row in tuning if len(row["text"]) > SHORT_CHARACTERS], with_ngrams=False)
    return fit([whole, long])


def fit(parts: Sequence[Examples]) -> Weights:
    """Fit the conditional logit by L-BFGS."""
    from scipy.optimize import minimize

    shape = (len(LETTERS) + 2, len(FEATURES))
    size = shape[0] * shape[1]

    def loss(point: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        rows, offsets = point[:size].reshape(shape), point[size:]
        steps = np.diff(rows[:WITHOUT_NGRAMS], axis=0)
        value = SMOOTH * (steps**2).sum() + OFFSET * (offsets**2).sum() + SMALL * (rows**2).sum()
        by_row, by_language = 2 * SMALL * rows, 2 * OFFSET * offsets
        by_row[1:WITHOUT_NGRAMS] += 2 * SMOOTH * steps
        by_row[: WITHOUT_NGRAMS - 1] -= 2 * SMOOTH * steps
        for part in parts:
            found = part.found
            sums = np.einsum("tcf,tf->tc", found.features, rows[found.rows]) + offsets[found.languages]
            sums[found.languages < 0] = -np.inf
            sums -= sums.max(axis=1, keepdims=True)
            odds = np.exp(sums)
            wrong = odds / odds.sum(axis=1, keepdims=True)
            each = np.arange(len(part.right))
            value -= (part.weights * np.log(np.maximum(wrong[each, part.right], 1e-300))).sum()
            wrong[each, part.right] -= 1
            wrong *= part.weights[:, None]
            np.add.at(by_row, found.rows, np.einsum("tc,tcf->tf", wrong, found.features))
            there = found.languages >= 0
            by_language += np.bincount(found.languages[there], wrong[there], len(offsets))
        return float(value), np.concatenate([by_row.ravel(), by_language])

    found = minimize(loss, np.zeros(size + len(names())), jac=True, method="L-BFGS-B", options={"maxiter": 400})
    return Weights(found.x[:size].reshape(shape), found.x[size:])


def write(weights: Weights, sets: Mapping[str, int], target: Path = FILE) -> None:
    """Write the weights with what they were found on."""
    data = {
        "made by": "python -m pipeline.language.calibrate",
        "tuning texts": dict(sets),
        "features": FEATURES,
        "rows": {name: [round(float(x), 4) for x in row] for name, row in zip(row_names(), weights.rows, strict=True)},
        "offsets": {
            name: round(float(x), 4) for name, x in zip(names(), weights.offsets, strict=True) if abs(x) > 5e-5
        },
    }
    target.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _examples(rows: Sequence[Mapping[str, Any]], *, with_ngrams: bool) -> Examples:
    texts = [row["text"] for row in rows]
    found = candidates(opinions(texts, pa.array(texts) if with_ngrams else None))
    place = {name: number for number, name in enumerate(names())}
    labels = np.array([place.get(row["language"], -2) for row in rows])
    is_right = found.languages == labels[:, None]
    kept = is_right.any(axis=1)
    sets = np.array([row.get("set", "") for row in rows])
    _, which, sizes = np.unique(sets, return_inverse=True, return_counts=True)
    weights = np.minimum(1.0, SET_WEIGHT / sizes)[which]
    return Examples(Candidates(*(part[kept] for part in found)), is_right[kept].argmax(axis=1), weights[kept])


def _documents(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_language: dict[str, list[str]] = {}
    for row in rows:
        if row.get("set") == "sentences" and row["language"] != UNDETERMINED:
            by_language.setdefault(row["language"], []).append(row["text"])
    return [
        {"text": "\n".join(texts[i : i + 5]), "language": language, "set": "documents"}
        for language, texts in by_language.items()
        for i in range(0, len(texts) - 4, 5)
    ]


def main(files: Sequence[str]) -> None:
    """Calibrate on some files and write the packed weights."""
    rows = [json.loads(line) for file in files for line in Path(file).read_text("utf-8").split("\n") if line]
    sets: dict[str, int] = {}
    for row in rows:
        if half(row["text"]) == "tuning":
            sets[row.get("set", "")] = sets.get(row.get("set", ""), 0) + 1
    write(calibrate(rows), sets)


if __name__ == "__main__":
    main(sys.argv[1:])
