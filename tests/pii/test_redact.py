"""Redaction: exact spans, nothing twice, nothing lost, cost by size."""

from __future__ import annotations

import time
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings

from pipeline.document import SPAN
from pipeline.pii.redact import redact
from pipeline.pii.rescan import rescan
from pipeline.settings import Pii
from tests.pii.fragments import VALUES, hostile_texts

PII = Pii()


def one(text: str, settings: Pii = PII) -> str:
    return redact(pa.array([text]), settings).texts[0].as_py()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("", ""),
        ("a", "a"),
        ("\x00", "\x00"),
        ("nothing here", "nothing here"),
        ("a@b.com", "<EMAIL_ADDRESS>"),
        ("a@b.com,a@b.com;c@d.org", "<EMAIL_ADDRESS>,<EMAIL_ADDRESS>;<EMAIL_ADDRESS>"),
        ("\U0001f468\u200d\U0001f469 a@b.com \U0001f468", "\U0001f468\u200d\U0001f469 <EMAIL_ADDRESS> \U0001f468"),
        ("Call 650-253-0000\u0301!", "Call <PHONE_NUMBER>!"),
        ("<EMAIL_ADDRESS> and <US_SSN>", "<EMAIL_ADDRESS> and <US_SSN>"),
        ("mail <EMAIL_ADDRESS>@b.com", "mail <EMAIL_ADDRESS>@b.com"),
        ("http://192.0.2.1:8080/x?m=a@b.com", "http://<IP_ADDRESS>:8080/x?m=<EMAIL_ADDRESS>"),
        ("a@example.com\u0301!", "<EMAIL_ADDRESS>!"),
        ("650.253.0000 ext. 12 650.253.0000 ext. 34", "<PHONE_NUMBER> <PHONE_NUMBER>"),
        ("+1 650 253 0000)650.253.0000 ext. 12", "<PHONE_NUMBER>)<PHONE_NUMBER>"),
        ("(650) 253-0000)0", "<PHONE_NUMBER>)0"),
        ("reach us at (650) 253-0000 24/7", "reach us at <PHONE_NUMBER> 24/7"),
        ("call 668 5702 (24/7)", "call <PHONE_NUMBER> (24/7)"),
        ("GB82 WEST 1234 5698 7654 32", "<IBAN_CODE>"),
        ("ssn 650 253 0000 a b 219099998", "ssn <PHONE_NUMBER> a b <US_SSN>"),  # the second is found in the second pass
    ],
)
def test_texts(text: str, redacted: str) -> None:
    assert one(text) == redacted


@given(text=hostile_texts)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_laws(text: str) -> None:
    done = redact(pa.array([text]), PII)
    (new,), (spans,), (count,) = done.texts.to_pylist(), done.spans.to_pylist(), done.counts.to_pylist()
    # A second pass finds nothing.
    assert redact(done.texts, PII).counts.to_pylist() == [0]
    assert redact(done.texts, PII).texts.to_pylist() == [new]
    # Spans are the placeholders' places, in order and disjoint.
    assert count == len(spans)
    assert all(new[span["start"] : span["end"]] == span["token"] == f"<{span['type']}>" for span in spans)
    assert all(a["end"] <= b["start"] for a, b in pairwise(spans))
    # What is not replaced stays as it was.
    place = 0
    rest = [
        new[a:b] for a, b in zip([0] + [s["end"] for s in spans], [s["start"] for s in spans] + [len(new)], strict=True)
    ]
    for piece in rest:
        place = text.index(piece, place) + len(piece)
    # An independent look finds nothing left: no theorem, so the examples are the same in every run.
    assert rescan(done.texts, PII).to_pylist() == [0]


@given(text=hostile_texts)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_row_does_not_depend_on_its_neighbours(text: str) -> None:
    alone = redact(pa.array([text]), PII)
    among = redact(pa.array([VALUES[0], None, text, ""]), PII)
    assert among.texts[2] == alone.texts[0]
    assert among.spans[2] == alone.spans[0]


def test_types_nulls_and_chunks() -> None:
    for texts in (
        pa.array(["a@b.com", None, ""]),
        pa.array(["a@b.com", None, ""], pa.large_string()),
        pa.chunked_array([["a@b.com"], [None, ""]], pa.string()),
        pa.array(["-", "a@b.com", None, ""])[1:],
    ):
        done = redact(texts, PII)
        assert done.texts.to_pylist() == ["<EMAIL_ADDRESS>", None, ""]
        assert done.spans.type == pa.list_(pa.field("item", SPAN, nullable=False))
        assert [None if spans is None else len(spans) for spans in done.spans.to_pylist()] == [1, None, 0]
        assert done.counts.to_pylist() == [1, None, 0]
    empty = redact(pa.chunked_array([], pa.string()), PII)
    assert [len(column) for column in empty] == [0, 0, 0]


def test_only_the_configured_entities_are_replaced() -> None:
    assert one("a@b.com 192.0.2.1", Pii(entities=("IP_ADDRESS",))) == "a@b.com <IP_ADDRESS>"


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "@",
        "a@",
        "a.",
        "x@a-",
        "1",
        "1 ",
        "123 456 ",
        "1.",
        " a::",
        "AB12 ",
        "(1",
        "a\u0301",
        "user@example.com, ",
        "650 253 0000, ",
        "1Ab3",
    ],
)
def test_the_cost_of_a_single_line_follows_its_length(piece: str) -> None:
    def cost(characters: int) -> float:
        text = pa.array([piece * (characters // len(piece))])
        start = time.process_time()
        redact(text, PII)
        return time.process_time() - start

    cost(1_000)
    # Four times as long: sixteen times as dear if it were quadratic. A busy machine makes a run dearer, never cheaper: it may try again.
    assert any(cost(40_000) < 9 * cost(10_000) + 0.1 for _ in range(3))


def test_five_megabytes_on_one_line() -> None:
    words = "the quick brown fox jumps over 13 lazy dogs in 2024 and pays 19.99 for it "
    text = words * (5_000_000 // len(words)) + "a@b.com"
    start = time.process_time()
    done = redact(pa.array([text]), PII)
    assert done.counts.to_pylist() == [1]
    assert time.process_time() - start < 10
