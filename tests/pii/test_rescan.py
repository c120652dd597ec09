"""The re-scan finds what the redaction would have missed, and nothing else."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.pii import redact as redaction
from pipeline.pii import rescan as module
from pipeline.pii.rescan import rescan
from pipeline.settings import Pii

PII = Pii()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", 0),
        ("<EMAIL_ADDRESS> <PHONE_NUMBER> <CREDIT_CARD> <IBAN_CODE> <US_SSN> <IP_ADDRESS> <CRYPTO>", 0),
        ("a@example.com b@example.org", 2),
        ("https://e.org/off?to=a@b.com&x=1", 1),
        ("logo@2x.png user@host.invalidtld", 0),
        ("+1 650 253 0000 or 650-253-0000 or (650) 253-0000", 3),
        ("555-123-4567 2024-01-15 1-2-3", 0),
        ("4111 1111 1111 1111, 378282246310005", 2),
        ("4111 1111 1111 1112 1234567890123456", 0),
        ("GB82 WEST 1234 5698 7654 32; DE89370400440532013000", 2),
        ("DE89370400440532013001 GB82WEST", 0),
        ("219-09-9998", 1),
        ("000-12-3456 219-00-9998 123-45-6789 1219-09-99981", 0),
        ("192.0.2.1 2001:db8::1:2 (10.0.0.1)", 3),
        ("v1.2.3.4 1.2.3.4.5 300.1.1.1 10:30:45 a::b be::", 0),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", 2),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", 0),
        ("4.9.0.0 255.255.0.0 netmask='ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'", 0),
        ("ftp://ann:Gx8u2@files/ http://user:password@host/", 1),
        ("AKIAIOSFODNN7EXAMPLE and AKIAIOSFODNN7EXAMPLES", 1),
        ("AB 12 34 56 C, AAAPL1234C, 529.982.247-25", 3),
        ("GB 12 34 56 C, 529.982.247-26", 0),
        ("\x00" * 10, 0),
    ],
)
def test_counts(text: str, left: int) -> None:
    assert rescan(pa.array([text]), PII).to_pylist() == [left]


def test_null_and_configuration() -> None:
    texts = pa.array([None, "a@b.com 650-253-0000 219-09-9998"])
    assert rescan(texts, PII).to_pylist() == [None, 3]
    assert rescan(texts, Pii(entities=("EMAIL_ADDRESS",))).to_pylist() == [None, 1]
    assert rescan(texts, Pii(phone_regions=("DE",))).to_pylist() == [None, 2]
    assert rescan(texts, Pii(min_score=0.9)).to_pylist() == [None, 1]
    assert rescan(texts, Pii(thresholds={"EMAIL_ADDRESS": 1, "US_SSN": 0.9})).to_pylist() == [None, 2]
    assert rescan(pa.array(["AAAPL1234C"]), Pii(id_countries=("GB",))).to_pylist() == [0]


def test_a_redaction_that_forgets_an_entity_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = Pii(entities=("PHONE_NUMBER",))
    find = redaction.find
    monkeypatch.setattr(redaction, "find", lambda texts, _, languages: find(texts, forgetful, languages))
    done = redaction.redact(pa.array(["a@example.com, +1 650 253 0000"]), PII)
    assert rescan(done.texts, PII).to_pylist() == [1]


def test_a_sample_is_read_by_the_recognisers_unscreened(monkeypatch: pytest.MonkeyPatch) -> None:
    # No look of the re-scan's own knows this form.
    text = "call 668 5702 today"
    assert rescan(pa.array([text]), PII).to_pylist() == [0]
    monkeypatch.setattr(module, "SAMPLED", 1)
    assert rescan(pa.array([text, "", None]), PII).to_pylist() == [1, 0, None]


def test_the_sample_is_a_share_and_does_not_depend_on_the_rows() -> None:
    texts = pa.array([f"text {i}" for i in range(20_000)])
    rows = module.sampled(texts)
    assert 40 < len(rows) < 130
    assert module.sampled(texts.slice(rows[0], 1)) == [0]
