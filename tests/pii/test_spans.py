"""Spans are exact, disjoint and on grapheme clusters' boundaries."""

from __future__ import annotations

from itertools import pairwise

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pii.spans import Hit, Span, replace, resolve
from pipeline.pii.tokens import token_of
from pipeline.settings import Pii


def hit(start: int, end: int, entity: str = "US_SSN", score: float = 1.0) -> Hit:
    return Hit(start, end, entity, "R", score)


def test_overlapping_hits_become_one_named_by_the_best() -> None:
    hits = [hit(0, 10, "PHONE_NUMBER", 0.4), hit(5, 15, "CREDIT_CARD"), hit(14, 18, "IP_ADDRESS", 0.6), hit(18, 20)]
    assert [(h.start, h.end, h.type) for h in resolve("x" * 30, hits)] == [(0, 18, "CREDIT_CARD"), (18, 20, "US_SSN")]


def test_the_longer_hit_names_where_scores_are_equal() -> None:
    hits = [hit(0, 4, "A"), hit(2, 9, "B"), hit(2, 9, "A2")]
    assert [h.type for h in resolve("x" * 9, hits)] == ["A2"]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 10), st.sampled_from("ABC"), st.sampled_from([0.4, 1.0])),
        max_size=8,
    ),
    st.randoms(),
)
@settings(deadline=None)
def test_resolved_hits_are_disjoint_cover_all_and_do_not_depend_on_order(drawn, random) -> None:
    text = "x" * 40
    hits = [hit(start, start + length, entity, score) for start, length, entity, score in drawn]
    resolved = resolve(text, hits)
    assert all(one.end <= other.start for one, other in pairwise(resolved))
    assert {i for h in hits for i in range(h.start, h.end)} == {i for h in resolved for i in range(h.start, h.end)}
    random.shuffle(hits)
    assert resolve(text, hits) == resolved


@given(st.text(st.sampled_from("a1\u0301\u200d\u0903\u0600\ufe0f \n<>\U0001f44d\U0001f3fd")), st.data())
@settings(max_examples=300, deadline=None)
def test_no_grapheme_cluster_is_split(text: str, data: st.DataObject) -> None:
    places = [i for i, character in enumerate(text) if character in "a1"]
    if not places:
        return
    start = data.draw(st.sampled_from(places))
    end = data.draw(st.sampled_from([i for i in places if i >= start])) + 1
    (resolved,) = resolve(text, [hit(start, end)])
    boundaries = {0} | {match.end() for match in regex.finditer(r"\X", text)}
    assert resolved.start in boundaries
    assert resolved.end in boundaries
    assert resolved.start <= start
    assert end <= resolved.end


def test_a_placeholder_is_never_widened_into() -> None:
    text = "<US_SSN>\u0301a"
    (resolved,) = resolve(text, [hit(8, 10)])
    assert text[resolved.start : resolved.end] == "\u0301a"


def test_placeholders_of_an_earlier_pass_move_along() -> None:
    text, spans = replace(
        "ab <US_SSN> cd",
        [hit(0, 2, "CRYPTO"), hit(12, 14, "CRYPTO")],
        token_of(Pii()),
        [Span("US_SSN", 3, 11, "R", 1.0, "<US_SSN>")],
    )
    assert text == "<CRYPTO> <US_SSN> <CRYPTO>"
    assert [(span.type, text[span.start : span.end]) for span in spans] == [
        ("CRYPTO", "<CRYPTO>"),
        ("US_SSN", "<US_SSN>"),
        ("CRYPTO", "<CRYPTO>"),
    ]
