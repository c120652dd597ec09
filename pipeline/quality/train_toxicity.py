"""The recipe of the toxicity signal: ``python -m pipeline.quality.train_toxicity FOLDER`` writes `toxicity.json`.

Toxic and harmless sentences come from the templates of Dixon et al. (2018, "Measuring and Mitigating Unintended Bias in Text
Classification"; CC-BY-4.0), every identity term in each of them alike, so that no term can become a sign of abuse; ordinary posts and pages
are harmless examples besides. Half of the words of abuse and half of the identity terms are left out, and the card's figures are on
those. Weights are bounded below by zero.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.quality.evaluate import area_under_curve
from pipeline.quality.toxicity import FEATURES, features

if TYPE_CHECKING:
    from pipeline.text.characters import Values

RIDGE = 0.002
ORDINARY = 3000
TOXIC_SHARE = 0.2
"""Share of toxic texts that the signal's scale assumes."""
LIMIT = 0.5


class Sentence(NamedTuple):
    """One sentence of the templates."""

    text: str
    toxic: bool
    identity: str
    word: str
    """The adjective or verb that makes it toxic or not."""


def sentences(folder: Path) -> list[Sentence]:
    """Return every sentence of the templates that names an identity, with a neutral identity term."""
    with (folder / "words.csv").open(encoding="utf-8") as file:
        words = list(csv.DictReader(file))
    with (folder / "sentence_templates.csv").open(encoding="utf-8") as file:
        templates = [row for row in csv.DictReader(file) if "{type|identity" in row["phrase"]]
    found = []
    for template in templates:
        slots = re.findall(r"\{[^}]*\}", template["phrase"])
        choices = [_words(words, slot) for slot in slots]
        for picked in product(*choices):
            text = str(template["phrase"])
            for slot, word in zip(slots, picked, strict=True):
                text = text.replace(slot, word, 1)
            kinds = dict(zip((slot.split("|")[1].split("_")[0] for slot in slots), picked, strict=True))
            loaded = str(kinds.get("adjective", kinds.get("verb", "")))
            found.append(Sentence(text, template["toxicity"] == "toxic", kinds["identity"], loaded))
    return found


def _words(words: list[dict[str, str]], slot: str) -> list[str]:
    """Return the words for a slot such as ``{type|verb_connotation|toxic}``; of names three are enough."""
    _, kind, connotation = slot.strip("{}").split("|")
    wanted = kind.split("_")[0]
    found = [row["word"] for row in words if row["type"] == wanted and row["connotation"] == connotation]
    return found[:3] if wanted == "name" else found


def rates(texts: list[str]) -> Values:
    """Return the features of English texts."""
    return features(pa.array(texts, pa.string()), "en", np.array([len(text.split()) for text in texts], np.float64))


def fit(values: Values, toxic: Values, weights: Values) -> tuple[float, Values]:
    """Return intercept and weights >= 0."""
    from scipy.optimize import minimize

    def loss(parameters: Values) -> tuple[float, Values]:
        logit = parameters[0] + values @ parameters[1:]
        slope = weights * (1 / (1 + np.exp(-logit)) - toxic)
        value = (weights * np.logaddexp(0, np.where(toxic > 0, -logit, logit))).sum() + RIDGE * (
            parameters[1:] ** 2
        ).sum()
        return float(value), np.concatenate([[slope.sum()], values.T @ slope + 2 * RIDGE * parameters[1:]])

    start = np.array([-2.0] + [0.5] * values.shape[1])
    bounds = [(None, None)] + [(0, None)] * values.shape[1]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x.round(3)
    return float(found[0]), found[1:]


def train(made: list[Sentence], ordinary: list[str]) -> dict[str, Any]:
    """Return the signal's model as JSON data, with its card."""
    identities = sorted({row.identity for row in made})
    words = sorted({row.word for row in made})
    seen = set(identities[::2]) | set(words[::2])
    learnt = [row for row in made if row.identity in seen and (row.word in seen or not row.word)]
    left_out = [row for row in made if row.identity not in seen and row.word not in seen]
    values = np.vstack([rates([row.text for row in learnt]), rates(ordinary)])
    toxic = np.array([row.toxic for row in learnt] + [False] * len(ordinary), np.float64)
    groups = [toxic > 0, np.arange(len(toxic)) >= len(learnt)]
    groups.append(~groups[0] & ~groups[1])
    parts = (TOXIC_SHARE, (1 - TOXIC_SHARE) / 2, (1 - TOXIC_SHARE) / 2)
    weights = sum(part * group / max(group.sum(), 1) for part, group in zip(parts, groups, strict=True))
    intercept, found = fit(values, toxic, np.asarray(weights))
    return {
        "format": 1,
        "intercept": intercept,
        "weights": dict(zip(FEATURES, found.tolist(), strict=True)),
        "card": {
            "task": "abuse that is aimed at a person or a group, in single sentences and short texts; a signal, not a probability",
            "sets": {
                "madlibs_identity_terms": "CC-BY-4.0",
                "goemotions_reddit": "CC-BY-4.0 upstream",
            },
            "figures": figures(left_out, intercept, found),
            "limits": "trained on English templates; other languages use the same weights on lists of their own, unmeasured. Templates "
            "are easier than what people write. Quotation and irony are not seen",
        },
    }


def figures(rows: list[Sentence], intercept: float, weights: Values) -> dict[str, Any]:
    """Return the error on sentences, in all and by identity term: how often harmless ones are marked, toxic ones missed."""
    values = 1 / (1 + np.exp(-(intercept + rates([row.text for row in rows]) @ weights)))
    toxic = np.array([row.toxic for row in rows], bool)
    marked = values >= LIMIT
    names = np.array([row.identity for row in rows], dtype=object)
    by_identity = {
        name: {
            "harmless_marked": round(float(marked[(names == name) & ~toxic].mean()), 3),
            "toxic_missed": round(float((~marked[(names == name) & toxic]).mean()), 3),
        }
        for name in sorted(set(names))
    }
    return {
        "sentences": len(rows),
        "auc": round(area_under_curve(values[toxic], values[~toxic]), 3),
        "harmless_marked": round(float(marked[~toxic].mean()), 3),
        "toxic_missed": round(float((~marked[toxic]).mean()), 3),
        "by_identity": by_identity,
    }


def main(folder: str) -> None:
    """Train on the data sets below a folder and replace the packaged signal."""
    place = Path(folder)
    with gzip.open(place / "social" / "goemotions_reddit" / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        ordinary = [json.loads(line)["text"] for line in lines][:ORDINARY]
    model = train(sentences(place / "bias" / "madlibs_identity_terms"), ordinary)
    Path(__file__).with_name("toxicity.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
