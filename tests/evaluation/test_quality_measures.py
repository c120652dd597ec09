"""The measures' kernel against its specification on real documents of many languages and forms."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.text import measures_reference as reference
from pipeline.text.measures import NAMES, measure

ENGLISH = (
    "18f_posts",
    "digitalgov",
    "machine_junk",
    "onestopenglish",
    "peps",
    "plos_chunks_train",
    "se_sherlock",
    "sms_spam",
    "spamassassin_ham2",
    "spamassassin_spam2",
)
SENTENCES = 4
"""Sentences of a language that make a document."""


def rows(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def documents(shared: Path) -> list[tuple[str, str]]:
    """Return texts and languages: all labelled text, the sentences of 75 languages four at a time, the Declaration in 388 editions."""
    found = [(row["text"], "en") for name in ENGLISH for row in rows(shared / "data/quality" / name / "data.jsonl.gz")]
    sentences: dict[str, list[str]] = {}
    for row in rows(shared / "data/language/lingua_testdata/data.jsonl.gz"):
        if row["kind"] == "sentences":
            sentences.setdefault(row["lang"], []).append(row["text"])
    for language, own in sentences.items():
        found += [("\n".join(own[i : i + SENTENCES]), language) for i in range(0, len(own), SENTENCES)]
    found += [(row["text"], "und") for row in rows(shared / "data/language/udhr2/data.jsonl.gz")]
    return found


@pytest.mark.parametrize("step", [401, pytest.param(1, marks=pytest.mark.slow)])
def test_kernel_equals_reference_on_every_measure(shared, step):
    found = documents(shared)
    assert len(found) >= 20_000
    chosen = found[::step]
    assert len({language for _, language in chosen}) >= 10
    texts, languages = zip(*chosen, strict=True)
    got = measure(pa.array(texts), languages)
    expected = [
        {**reference.measures(text, language), "spaceless_share": reference.spaceless_share(text)}
        for text, language in chosen
    ]
    wanted = np.array([[row[name] for name in NAMES] for row in expected])
    wrong = np.abs(got - wanted) > 1e-9 * np.maximum(1, np.abs(wanted))
    assert [name for name, any_wrong in zip(NAMES, wrong.any(axis=0), strict=True) if any_wrong] == []
