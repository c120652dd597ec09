from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipeline.document import MEASURES
from pipeline.errors import ConfigError
from pipeline.quality.rules import LIMITS, PRESETS, chosen, evaluate, primary_subtags, with_nulls
from pipeline.reasons import REASONS
from pipeline.text.measures import measure
from tests.quality.texts import CHINESE, PROSE

EVERY = tuple(PRESETS)
ORDINARY = dict.fromkeys(MEASURES, 0.0) | {
    "word_count": 200.0,
    "mean_word_length": 5.0,
    "alphabetic_words": 1.0,
    "stop_words": 5.0,
    "line_punctuation": 0.9,
    "alphabetic_tokens": 0.9,
    "c4_sentences": 9.0,
}


def reasons(values: dict[str, float], kind: str = "web", sets: tuple[str, ...] = EVERY) -> list[str]:
    measures = np.array([[values[name] for name in MEASURES]], np.float32)
    return [rule.reason for rule in evaluate(measures, pa.array([kind]), chosen(sets)) if rule.applies[0]]


def measured(text: str, language: str | None) -> dict[str, float]:
    languages = pa.array([language], pa.string())
    values = measure(pa.array([text]), primary_subtags(languages))
    row = with_nulls(values[:, :-1], values[:, -1], languages)[0]
    return dict(zip(MEASURES, row.tolist(), strict=True))


def test_every_published_rule_is_there_once_and_only_those():
    former = {"quality.fineweb.newline_ratio@1"}
    published = {name for name in REASONS if name.startswith(("quality.gopher.", "quality.fineweb.", "quality.c4."))}
    assert sorted(limit.reason for limit in LIMITS) == sorted(published - former)
    assert {name for names in PRESETS.values() for name in names} == published - former


def test_a_rule_comes_alone_and_with_another_limit():
    (entry,) = chosen(["quality.gopher.word_count_min@1"], {"quality.gopher.word_count_min@1": 20})
    assert (entry.measure, entry.limit) == ("word_count", 20)
    assert chosen(["c4", "quality.c4.sentences@1"]) == chosen(["c4"])
    with pytest.raises(ConfigError, match="'gofer' is no preset"):
        chosen(["gofer"])
    with pytest.raises(ConfigError, match=r"'quality\.beauty@1', which is no rule"):
        chosen(["c4"], {"quality.beauty@1": 1})


def test_ordinary_measures_pass_every_rule():
    assert reasons(ORDINARY) == []


@pytest.mark.parametrize("entry", LIMITS, ids=lambda entry: entry.reason)
def test_a_rule_speaks_beyond_its_limit_and_not_at_it(entry):
    step = 1.0 if entry.limit >= 1 else 0.001
    beyond = entry.limit + (step if entry.side == "above" else -step)
    assert entry.reason in reasons(ORDINARY | {entry.measure: beyond})
    assert entry.reason not in reasons(ORDINARY | {entry.measure: entry.limit})
    assert entry.reason not in reasons(ORDINARY | {entry.measure: float("nan")})


@pytest.mark.parametrize("entry", LIMITS, ids=lambda entry: entry.reason)
def test_only_the_chosen_sets_reject(entry):
    beyond = ORDINARY | {entry.measure: entry.limit + (1 if entry.side == "above" else -1)}
    other = "fineweb" if entry.rules != "fineweb" else "gopher"
    assert entry.reason in reasons(beyond, sets=(entry.reason,))
    assert entry.reason not in reasons(beyond, sets=(other,))
    assert reasons(beyond, sets=()) == []


@pytest.mark.parametrize("entry", LIMITS, ids=lambda entry: entry.reason)
def test_a_social_post_is_spared_the_rules_of_pages(entry):
    beyond = ORDINARY | {entry.measure: entry.limit + (1 if entry.side == "above" else -1)}
    assert (entry.reason in reasons(beyond, kind="social")) == entry.social


def test_a_short_post_is_judged_by_no_rule():
    awful = dict.fromkeys(MEASURES, 1.0) | {"word_count": 49.0, "mean_word_length": 50.0}
    assert reasons(awful, kind="social") == []
    assert len(reasons(awful, kind="web")) > 15
    assert reasons(awful | {"word_count": 50.0}, kind="social")


def test_a_post_whose_words_are_not_counted_is_short():
    assert reasons(ORDINARY | {"word_count": float("nan"), "duplicate_lines": 1.0}, kind="social") == []


@pytest.mark.parametrize(
    ("text", "language", "null", "present"),
    [
        (PROSE, "en", (), MEASURES),
        (PROSE, "en-GB", (), MEASURES),
        (
            PROSE,
            "de",
            ("stop_words", "spam_ratio", "boilerplate_ratio"),
            ("stop_word_share", "letter_surprise", "top_2_gram"),
        ),
        (PROSE, "ja-Latn", ("word_count", "stop_word_share"), ("duplicate_lines",)),
        (PROSE, "ru", ("letter_surprise", "spam_ratio"), ("stop_word_share", "c4_sentences")),
        (PROSE, "fi", ("stop_words", "stop_word_share"), ("letter_surprise", "line_punctuation")),
        (PROSE, None, ("stop_words", "stop_word_share", "letter_surprise"), ("word_count", "short_lines")),
        (
            CHINESE,
            "zh",
            ("word_count", "mean_word_length", "duplicate_5_grams", "short_lines", "c4_lines", "token_count"),
            ("line_punctuation", "digit_share"),
        ),
        (CHINESE, "zh-Hant", ("word_count",), ("duplicate_lines",)),
        (CHINESE, "und", ("word_count", "newline_ratio"), ("duplicate_lines",)),
        (CHINESE, None, ("word_count",), ("symbol_share",)),
        (CHINESE, "en", (), ("word_count",)),
        ("ภาษาไทย", "th", ("line_punctuation", "word_count"), ("symbol_share",)),
    ],
)
def test_a_measure_is_null_where_it_does_not_apply(text, language, null, present):
    values = measured(text, language)
    assert {name for name in null if not np.isnan(values[name])} == set()
    assert {name for name in present if np.isnan(values[name])} == set()


def test_chinese_prose_passes_gopher_because_words_are_not_counted():
    assert reasons(measured(CHINESE, "zh"), sets=("gopher",)) == []
    assert "quality.gopher.mean_word_length_max@1" in reasons(measured(CHINESE, "en"), sets=("gopher",))
