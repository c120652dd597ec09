from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.document import MEASURES
from pipeline.quality import toxicity as signal
from pipeline.quality.toxicity import FEATURES, features, languages_with_a_list, patterns, toxicity
from pipeline.stages.quality import QualityStage


def value(text: str, language: str = "en") -> float | None:
    return toxicity(pa.array([text]), [language], np.array([float(len(text.split()))]))[0].as_py()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("You are a complete idiot.", "en"),
        ("I hate gay people", "en"),
        ("Being old is disgusting", "en"),
        ("du bist ein Idiot", "de"),
        ("Ich hasse Schwule", "de"),
        ("Tu es un connard", "fr"),
        ("eres un idiota", "es"),
        ("odio a los gays", "es"),
    ],
)
def test_abuse_that_is_aimed_at_somebody_is_marked(text, language):
    assert value(text, language) >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "I am gay.",
        "My Muslim neighbours invited us to dinner.",
        "Black women were the first to organise.",
        "I hate Mondays.",
        "The old house was painted white.",
        "How do I kill a Python process?",
        "He is a retired judge of the criminal court.",
    ],
)
def test_a_group_a_verb_or_a_word_that_is_no_abuse_is_not(text):
    assert value(text) < 0.2


def test_it_is_null_where_there_is_no_list_and_never_part_of_quality():
    assert value("Ви ідіот", "uk") is None
    texts = ["You are an idiot. " * 12, "Ви ідіот. " * 12]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(texts), pa.array(["en", "uk"]), pa.array(["web", "web"])], ["text", "language", "source_kind"]
    )
    stage = QualityStage(threshold=0.0, hard_rules=())
    result = stage.apply(batch)
    assert [number is None for number in result.column("toxicity").to_pylist()] == [False, True]
    assert result.column("verdict").null_count == 2
    assert not {"toxicity"} & {*MEASURES, *stage.decides_by}
    assert set(stage.models) == {"quality", "toxicity"}


def test_the_screen_lets_everything_through_that_a_feature_can_match(monkeypatch):
    texts = pa.array(["you are stupid", "I hate gays", "shit", "moron", "asian vermin", "a calm day", ""])
    words = np.full(len(texts), 10.0)
    screened = features(texts, "en", words)
    everything = patterns("en")._replace(screen="")
    monkeypatch.setattr(signal, "patterns", lambda _: everything)
    np.testing.assert_array_equal(screened, features(texts, "en", words))
    assert (screened > 0).any(axis=1).tolist() == [True, True, True, True, True, False, False]


def test_more_words_around_it_make_it_less_and_the_rate_is_capped():
    assert value("You are an idiot. " + "It rained all day long. " * 60) < value("You are an idiot.")
    assert features(pa.array(["idiot " * 500]), "en", np.array([500.0])).max() == signal.CAP


@pytest.mark.parametrize("language", sorted(languages_with_a_list()))
@pytest.mark.parametrize("text", ["", "\x00", "fuck" * 100_000, "you " * 50_000, "\u202eidiot\ufeff"])
def test_hostile_text_is_survived(text, language):
    found = value(text, language)
    assert found is not None
    assert 0 <= found <= 1


def test_the_card_states_the_error_by_identity():
    model = json.loads(Path(signal.__file__).with_name("toxicity.json").read_text())
    assert set(model["weights"]) == set(FEATURES)
    assert all(weight >= 0 for weight in model["weights"].values())
    by_identity = model["card"]["figures"]["by_identity"]
    assert len(by_identity) >= 20
    for figure, largest in (("harmless_marked", 0.02), ("toxic_missed", 0.1)):
        shares = [entry[figure] for entry in by_identity.values()]
        assert max(shares) <= largest
        assert max(shares) - min(shares) <= largest
