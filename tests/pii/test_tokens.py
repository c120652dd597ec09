"""Tokens: the same value and key give the same one on any partitioning, another key an unlinkable one, and no value is in any."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.pii.redact import redact
from pipeline.pii.rescan import rescan
from pipeline.pii.spans import PLACEHOLDER
from pipeline.pii.tokens import key_id, pseudonyms, token_of
from pipeline.settings import Pii
from tests.pii.fragments import VALUES, hostile_texts

KEYED = Pii(replacement="pseudonym", key_epoch=3)
TEXTS = [f"{value} and {other}" for value in VALUES for other in VALUES[:6]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_PII_KEY_3", "a" * 32)


def tokens(texts: list[str], settings: Pii = KEYED) -> list[list[str]]:
    return [[span["token"] for span in spans] for spans in redact(pa.array(texts), settings).spans.to_pylist()]


@given(st.permutations(range(len(TEXTS))), st.integers(1, len(TEXTS)))
@settings(max_examples=5, deadline=None)
def test_any_partitioning_gives_the_same_tokens(order: list[int], size: int) -> None:
    whole = tokens(TEXTS)
    shuffled = [TEXTS[i] for i in order]
    parts = [found for start in range(0, len(order), size) for found in tokens(shuffled[start : start + size])]
    assert parts == [whole[i] for i in order]


def test_another_key_shares_no_token_and_neither_does_another_value(monkeypatch: pytest.MonkeyPatch) -> None:
    one = tokens(TEXTS)
    monkeypatch.setenv("SLUICE_PII_KEY_3", "b" * 32)
    other = tokens(TEXTS)
    digests = [{re.sub(r".*-|>", "", token) for row in found for token in row} for found in (one, other)]
    assert digests[0].isdisjoint(digests[1])
    assert [len(row) for row in one] == [len(row) for row in other]
    assert len(digests[0]) >= 0.8 * len({value for value in VALUES if tokens([value])[0]})


def test_spellings_of_one_value_share_a_token() -> None:
    [[card], [other], [mail], [same]] = tokens(
        ["4111 1111 1111 1111", "4111-1111-1111-1111", "A.B@Example.org", "a.b@example.org"]
    )
    assert card == other
    assert mail == same


def test_a_token_says_type_and_key_and_nothing_of_the_value() -> None:
    [[token]] = tokens(["a.b@example.org"])
    assert re.fullmatch(rf"<EMAIL_ADDRESS:{key_id(b'a' * 32)}-[ghjkmnpqrstvwxyz]{{20}}>", token)
    assert re.fullmatch(PLACEHOLDER, token)
    assert "a" * 32 not in str(redact(pa.array(["a.b@example.org"]), KEYED))


@pytest.mark.parametrize("replacement", ["placeholder", "pseudonym", "cut"])
@given(text=hostile_texts)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_laws_of_every_replacement(replacement: str, text: str) -> None:
    own = Pii(replacement=replacement, key_epoch=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_PII_KEY_3", "a" * 32)
        done = redact(pa.array([text]), own)
        again = redact(done.texts, own)
    [new], [spans] = done.texts.to_pylist(), done.spans.to_pylist()
    assert again.texts.to_pylist() == [new]
    assert rescan(done.texts, own).to_pylist() == [0]
    last = 0
    for span in spans:
        assert last <= span["start"] <= span["end"] <= len(new)
        assert new[span["start"] : span["end"]] == span["token"]
        last = span["end"]
    # What stands between the tokens stood in the text, in this order.
    place = 0
    for piece in _between(new, spans):
        place = text.index(piece, place) + len(piece)


def _between(new: str, spans: list[dict]) -> list[str]:
    edges = [0, *(edge for span in spans for edge in (span["start"], span["end"])), len(new)]
    return [new[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_a_key_from_a_mounted_folder(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "4").write_text("c" * 40 + "\n")
    monkeypatch.setenv("SLUICE_PII_KEYS", str(tmp_path))
    assert token_of(Pii(replacement="pseudonym", key_epoch=4))("SECRET", "x") == pseudonyms(b"c" * 40)("SECRET", "x")


@pytest.mark.parametrize(
    ("stored", "sentence"), [(None, "there is no key of epoch 3"), ("q7v-q", "has 5 bytes and needs 32")]
)
def test_a_missing_or_short_key_is_named(stored: str | None, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_PII_KEY_3")
    if stored:
        monkeypatch.setenv("SLUICE_PII_KEY_3", stored)
    with pytest.raises(ConfigError, match=sentence) as caught:
        redact(pa.array(["a"]), KEYED)
    assert stored is None or stored not in str(caught.value)
