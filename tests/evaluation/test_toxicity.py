"""The toxicity signal on text that it was not made from. Limits stand a little beyond what was measured (in brackets)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.quality.toxicity import toxicity
from pipeline.quality.train_toxicity import ORDINARY, sentences, train


def rows(file: Path) -> list[dict[str, str]]:
    with gzip.open(file / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def marked(texts: list[str]) -> float:
    words = np.array([len(text.split()) for text in texts], np.float64)
    values = toxicity(pa.array(texts), ["en"] * len(texts), words).to_numpy()
    return float((values >= 0.5).mean())


@pytest.mark.parametrize(
    ("place", "most"),
    [
        ("quality/18f_posts", 0.005),  # [0]
        ("quality/digitalgov", 0.005),  # [0]
        ("quality/se_sherlock", 0.005),  # [0]
        ("quality/spamassassin_ham2", 0.005),  # [0.001]
        ("benchmarks/xstest", 0.02),  # [0.004]: prompts that only look unsafe among them
    ],
)
def test_ordinary_text_is_not_marked(shared, place, most):
    assert marked([row["text"] for row in rows(shared / "data" / place)]) <= most


def test_stereotypes_without_abuse_escape_it(shared):
    # A known limit, recorded so that a change of it is noticed: these sentences demean a group mostly without a bad word.
    pairs = rows(shared / "data/bias/crows_pairs")
    more, less = (marked([row[name] for row in pairs]) for name in ("sent_more", "sent_less"))
    assert 0.01 <= less <= more <= 0.10  # [0.045, 0.032]


def test_the_packaged_signal_is_what_the_recipe_makes(shared):
    ordinary = [row["text"] for row in rows(shared / "data/social/goemotions_reddit")][:ORDINARY]
    made = train(sentences(shared / "data/bias/madlibs_identity_terms"), ordinary)
    from pipeline.quality import toxicity as signal

    kept = json.loads(Path(signal.__file__).with_name("toxicity.json").read_text())
    assert made["weights"] == pytest.approx(kept["weights"], abs=0.01)
    assert made["card"]["figures"] == kept["card"]["figures"]
