"""Personal data on labelled and on real text. Limits lie a little under what was measured; the measured figures stand beside them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config import Pii
from pipeline.pii.evaluate import TypeScore, evaluate
from pipeline.pii.redact import redact
from pipeline.pii.rescan import rescan
from tests.pii.test_screens import uncovered

PII = Pii()
SETS = (
    "quality/18f_posts",
    "quality/digitalgov",
    "quality/peps",
    "quality/machine_junk",
    "quality/spamassassin_ham2",
    "quality/spamassassin_spam2",
    "quality/sms_spam",
    "pii/wnut17",
    "pii/presidio_synth_v2",
)


def texts_of(shared: Path, name: str) -> list[str]:
    with gzip.open(shared / "data" / name / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


@pytest.fixture(scope="module")
def figures(shared: Path) -> dict[str, TypeScore]:
    with gzip.open(shared / "data/pii/presidio_synth_v2/data.jsonl.gz", "rt", encoding="utf-8") as lines:
        return evaluate([json.loads(line) for line in lines], PII)


@pytest.mark.parametrize(
    ("entity", "precision", "recall"),
    [
        ("EMAIL_ADDRESS", 0.98, 0.98),  # 1.00, 1.00 of 49 (Presidio: 1.00)
        ("PHONE_NUMBER", 0.93, 0.80),  # .975, .848 of 92 (Presidio: .73, .59)
        ("CREDIT_CARD", 0.98, 0.90),  # 1.00, .926 of 136 (Presidio: .77); the rest have 12 digits
        ("IBAN_CODE", 0.98, 0.90),  # 1.00, .952 of 21; the rest is in lower case
        ("US_SSN", 0.98, 0.98),  # 1.00, 1.00 of 16
        ("IP_ADDRESS", 0.98, 0.98),  # 1.00, 1.00 of 14
    ],
)
def test_precision_and_recall(figures: dict[str, TypeScore], entity: str, precision: float, recall: float) -> None:
    assert figures[entity].precision.share >= precision
    assert figures[entity].recall.share >= recall


@pytest.mark.parametrize("name", SETS)
def test_nothing_structured_is_left_and_a_second_pass_finds_nothing(shared: Path, name: str) -> None:
    texts = pa.array(texts_of(shared, name))
    done = redact(texts, PII)
    assert sum(rescan(done.texts, PII).to_pylist()) == 0
    assert sum(redact(done.texts, PII).counts.to_pylist()) == 0


def test_the_rescan_is_not_blind(shared: Path) -> None:
    texts = pa.array(texts_of(shared, "quality/spamassassin_ham2"))
    assert sum(rescan(texts, PII).to_pylist()) > 2_000  # 2,770


def test_clean_prose_is_left_alone(shared: Path) -> None:
    for name in ("quality/plos_chunks_train", "quality/onestopenglish"):
        assert sum(redact(pa.array(texts_of(shared, name)), PII).counts.to_pylist()) == 0


@pytest.mark.parametrize("name", SETS)
def test_screens_and_windows_lose_nothing_that_the_recognisers_find(shared: Path, name: str) -> None:
    texts = texts_of(shared, name)
    for text in texts[:: max(1, len(texts) // 60)]:
        for entity in PII.entities:
            assert uncovered(text, entity) == []
