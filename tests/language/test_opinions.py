"""The models alone: what they are asked, what they answer, and that no text stops them."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ModelError
from pipeline.language import cld2, lid176, ngrams, weigh
from pipeline.text.characters import CLASS, MARK, SPACE, SPACELESS, tables
from tests.language.test_detect import SENTENCES

HOSTILE = [
    "\x00" * 50,
    "a\x00b" * 9,
    "\ufffe\uffff",
    "\U0001fffe x",
    "\x1b[2J",
    "<script>" * 40,
    "\ud7ff",
    "\u202e" * 9,
]


@given(st.lists(st.text(), max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_text_stops_them(texts: list[str]) -> None:
    given_texts = [*texts, *HOSTILE]
    first, second = lid176.opinions(given_texts), cld2.opinions(given_texts)
    assert first.languages.shape == first.scores.shape == (len(given_texts), lid176.LABELS)
    assert second.shares.min() >= 0
    assert second.shares.sum(axis=1).max() <= 1.01
    said = weigh.Opinions(first, second, ngrams.scores(pa.array(given_texts)))
    for opinions in (said, said._replace(ngrams=None)):
        found = weigh.candidates(opinions)
        chances = weigh.probabilities(found)
        assert np.allclose(chances.sum(axis=1), 1)
        assert (chances[found.languages < 0] == 0).all()
        assert (found.languages[:, 0] == 0).all()
        for row in found.languages:
            named = row[row >= 0].tolist()
            assert len(named) == len(set(named)), "a candidate is listed once"


def test_control_characters_cost_cld2_nothing_else() -> None:
    clean, dirty = cld2.opinions([SENTENCES["de"]]), cld2.opinions([SENTENCES["de"].replace(" ", "\x00", 1) + "\uffff"])
    assert clean.languages[0, 0] == dirty.languages[0, 0] == "de"
    assert clean.reliable[0]


def test_markup_is_read_as_text() -> None:
    # Taken for HTML, all of it would be one tag, and skipped.
    assert cld2.opinions([f"<{SENTENCES['fr']}"]).languages[0, 0] == "fr"


def test_cld2_says_how_a_text_divides() -> None:
    found = cld2.opinions([(SENTENCES["en"] + " ") * 6 + (SENTENCES["de"] + " ") * 6])
    assert set(found.languages[0, :2]) == {"en", "de"}
    assert found.shares[0, :2].min() > 0.3


def reference(text: str) -> tuple[dict[str, float], int]:
    """Score a text as the docstring says, run by run."""
    model = ngrams.model()
    classes, lower = tables()
    is_letter = [(kind := classes[ord(c)] & CLASS) != SPACE and (kind <= SPACELESS or kind == MARK) for c in text]
    sums: dict[str, float] = dict.fromkeys(model.languages, 0.0)
    for start in range(len(text)):
        for size in range(1, ngrams.LONGEST + 1):
            if start + size > len(text) or not all(is_letter[start : start + size]):
                break
            run = np.array([[lower[ord(c)] for c in text[start : start + size]]], np.uint32)
            (key,) = ngrams.run_hashes(run)
            place = int(np.searchsorted(model.keys, key))
            if place < len(model.keys) and model.keys[place] == key:
                for posting in range(model.starts[place], model.starts[place + 1]):
                    weight = float(model.weights[posting]) * ngrams.UNIT * ngrams.WEIGHTS[size]
                    sums[model.languages[model.places[posting]]] += weight
    return sums, sum(is_letter)


@given(st.text(alphabet=st.sampled_from("abcdeßéñ Żжщъ 1.अनमस語は\u0301İΣ"), max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_kernel_equals_the_reference(text: str) -> None:
    found = ngrams.scores(pa.array(["xyz", text]))
    sums, letters = reference(text)
    total = (found.short + found.long)[1]
    assert found.letters[1] == letters
    assert np.allclose(total, [sums[name] for name in ngrams.model().languages], rtol=1e-4, atol=1e-3)


def test_single_words() -> None:
    words = {"geschwindigkeit": "de", "zwierzęta": "pl", "tietokone": "fi", "gyógyszer": "hu", "ผู้ใหญ่": "th"}
    found = ngrams.scores(pa.array(list(words)))
    best = (found.short + found.long).argmax(axis=1)
    assert [ngrams.model().languages[place] for place in best] == list(words.values())


def test_a_damaged_model_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrams, "_bytes", lambda: b"no model")
    with pytest.raises(ModelError, match="is damaged"):
        ngrams.model.__wrapped__()


def test_weights_made_for_other_features_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weigh, "FEATURES", ("und",))
    with pytest.raises(ModelError, match=re.escape("run `python -m pipeline.language.calibrate`")):
        weigh.stored.__wrapped__()
