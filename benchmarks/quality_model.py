"""The quality score beside simpler ones on origins that none of them has seen: stop words alone, a naive fastText model, each preset.

    uv run python -m benchmarks quality_model FOLDER [--texts 400]

FOLDER holds the packaged model's data sets (`pipeline/quality/train.py`). For each pair of a good and a bad data set both are left out:
the score and fastText are trained on the others, and the pair's area under the curve is what they say of it; a preset's is half of the
share of good texts it keeps plus half of the share of bad ones it rejects. Whole texts are compared, then texts cut to 300 characters at
a random place, which takes the length away that leaks the label.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fasttext
import numpy as np
import pyarrow as pa

from pipeline.document import MEASURES
from pipeline.quality.calibrate import logits, without
from pipeline.quality.evaluate import area_under_curve, measures_of
from pipeline.quality.features import FEATURES
from pipeline.quality.rules import PRESETS, chosen, evaluate
from pipeline.quality.score import penalties
from pipeline.quality.train import Labelled, fit, prepare, read_origins

if TYPE_CHECKING:
    from pipeline.text.characters import Values

CUT = 300
TRIES = 3


def line(text: str) -> str:
    """Return a text as fastText is usually given it: words and marks in lower case, on one line."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))[:3000]


def naive(rows: list[Labelled]) -> Any:
    """Train fastText's own defaults with bigrams. The build at hand ends in NaN now and then: it is tried again, and None if it goes on."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{row.label} {line(row.text)}\n" for row in rows if line(row.text))
        file.flush()
        for attempt in range(TRIES):
            try:
                return fasttext.train_supervised(
                    file.name, wordNgrams=2, bucket=100_000, dim=16, thread=1, seed=1 + attempt, loss="hs", verbose=0
                )
            except RuntimeError:
                continue
    return None


def goodness(model: Any, texts: list[str]) -> Values:
    """Return fastText's share for "good"; NaN without a model."""
    if model is None:
        return np.full(len(texts), np.nan)
    labels, shares = model.predict([line(text) for text in texts], k=2)
    found = [dict(zip(own, parts, strict=True)) for own, parts in zip(labels, shares, strict=True)]
    return np.array([parts.get("__label__good", 0.0) for parts in found], np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=400)
    arguments = parser.parse_args()
    rows = read_origins(arguments.folder)
    table = prepare(rows, seed=1)
    whole = fit(table)
    generator = np.random.default_rng(2)
    by_origin: dict[str, list[Labelled]] = {}
    for i in generator.permutation(len(rows)):
        row = rows[int(i)]
        if row.label in {"good", "bad"} and len(by_origin.setdefault(row.origin, [])) < arguments.texts:
            by_origin[row.origin].append(row)
    good, bad = ([name for name, own in sorted(by_origin.items()) if own[0].label == side] for side in ("good", "bad"))
    for title, cut in (("whole texts", False), (f"{CUT} characters", True)):
        texts = {
            name: [_cut(row.text, generator) if cut else row.text for row in rows] for name, rows in by_origin.items()
        }
        print(f"{title}: mean area under the curve over {len(good)} good sets, all left out in turn")
        print(f"{'':22s}" + "".join(f"{name:>20s}" for name in (*bad, "mean", "worst pair")))
        for name, areas in _areas(table, whole, by_origin, texts, (good, bad), generator).items():
            means = [float(np.nanmean(areas[other])) for other in bad]
            every = np.concatenate([areas[other] for other in bad])
            least = float(np.nanmin(every))
            print(f"{name:22s}" + "".join(f"{value:20.3f}" for value in (*means, float(np.mean(means)), least)))
            if np.isnan(every).any():
                print(
                    f"{'':22s}without {int(np.isnan(every).sum())} of {len(every)} pairs, for which it could not be trained"
                )


def _cut(text: str, generator: np.random.Generator) -> str:
    begin = int(generator.integers(0, max(len(text) - CUT, 1)))
    return text[begin : begin + CUT]


def _areas(
    table: Any,
    whole: Any,
    rows: dict[str, list[Labelled]],
    texts: dict[str, list[str]],
    sides: tuple[list[str], list[str]],
    generator: np.random.Generator,
) -> dict[str, dict[str, list[float]]]:
    """Return each method's areas by bad set."""
    measures = {name: measures_of(own, "en") for name, own in texts.items()}
    kept = {
        (preset, name): _kept(measures[name], preset, rows[name][0].kind) for preset in PRESETS for name in measures
    }
    found: dict[str, dict[str, list[float]]] = {}
    for right in sides[1]:
        for left in sides[0]:
            model = fit(without(table, left, right), near=whole)
            others = [row for name, own in rows.items() if name not in {left, right} for row in own]
            shuffled = [others[int(i)] for i in generator.permutation(len(others))]
            words = naive(shuffled)
            origin = table[left]
            pair = {
                "score": [
                    logits(origin._replace(features=penalties(measures[name], FEATURES)), model)
                    for name in (left, right)
                ],
                "stop-word share": [measures[name][:, MEASURES.index("stop_word_share")] for name in (left, right)],
                "fastText, naive": [goodness(words, texts[name]) for name in (left, right)],
            } | {preset: [kept[preset, name] for name in (left, right)] for preset in PRESETS}
            for name, (a, b) in pair.items():
                found.setdefault(name, {}).setdefault(right, []).append(
                    float("nan") if np.isnan(a).all() else area_under_curve(a, b)
                )
    return found


def _kept(measures: Values, preset: str, kind: str) -> Values:
    rules = evaluate(measures.astype(np.float32), pa.array([kind] * len(measures)), chosen((preset,)))
    return np.asarray(~np.logical_or.reduce([rule.applies for rule in rules]), np.float64)


if __name__ == "__main__":
    main()
