from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.document import MEASURES
from pipeline.errors import ModelError
from pipeline.quality.evaluate import measures_of
from pipeline.quality.reference import reference_scores
from pipeline.quality.rules import with_nulls
from pipeline.quality.score import Feature, Model, _file, contributions, digest, packaged, parse, penalties, score
from pipeline.text.measures_reference import measures, spaceless_share
from tests.quality import texts

GOOD = ("PROSE", "LICENCE", "DOCUMENTATION", "DESCRIPTION")
BAD = ("FILE_LIST", "MASH", "NAVIGATION", "REPEATED", "NOISE")


def score_of(text: str, language: str | None = "en") -> float:
    return float(score(measures_of([text], language))[0])


@pytest.mark.parametrize("name", GOOD)
def test_ordinary_text_reaches_the_default_threshold(name):
    assert score_of(getattr(texts, name)) >= 0.8


@pytest.mark.parametrize("name", BAD)
def test_junk_stays_under_one_half(name):
    assert score_of(getattr(texts, name)) < 0.5


@pytest.mark.parametrize("language", ["de", "und", None])
def test_another_language_is_not_punished_for_having_no_list(language):
    assert score_of(texts.GERMAN, language) >= 0.8
    assert score_of(texts.GERMAN, "en") < 0.8
    assert score_of(texts.GERMAN.replace(" ", " #=$ "), language) < 0.5


def test_a_script_without_spaces_is_not_punished():
    assert score_of(texts.CHINESE, "zh") >= 0.8


@pytest.mark.parametrize(
    "post", ["Ok.", "I love this so much!", "lol same", "Has anyone tried the new bakery on Mill Road?"]
)
def test_a_short_post_is_no_junk(post):
    assert score_of(post) >= 0.8


def test_a_short_advertisement_is():
    assert score_of("WIN FREE CASH NOW!!! Call 08001234567 to claim your 1000 prize. Txt WIN to 80086 NOW!") < 0.5


@pytest.mark.parametrize("text", ["", "a", "\x00", "x" * 5_000_000, "\n" * 1000, "\u202e\u200b", "\U0001f600" * 50])
def test_any_text_has_a_score(text):
    assert 0 <= score_of(text) <= 1


def test_contributions_add_up_to_the_log_odds():
    measures = measures_of([getattr(texts, name) for name in (*GOOD, *BAD, "GERMAN")], "en")
    parts = contributions(measures)
    assert next(iter(parts)) == "intercept"
    assert all((values <= 0).all() for name, values in parts.items() if name != "intercept")
    scores = score(measures)
    np.testing.assert_allclose(sum(parts.values()), np.log(scores / (1 - scores)), atol=1e-6)


def test_each_kind_has_its_own_odds_and_contributions_still_add_up():
    measures = measures_of([texts.NAVIGATION] * 4, "en")
    kinds = ["web", "social", "licensed", None]
    scores = score(measures, kinds=kinds)
    assert len(set(scores.round(6))) == 4
    parts = contributions(measures, kinds=kinds)
    np.testing.assert_allclose(sum(parts.values()), np.log(scores / (1 - scores)), atol=1e-6)
    assert scores[3] == score(measures)[0]


@given(st.lists(st.sampled_from(["web", "social", "licensed"]), min_size=1, max_size=5), st.data())
def test_contributions_add_up_for_any_measures(kinds, data):
    value = st.one_of(st.floats(0, 1), st.floats(0, 1e6), st.just(float("nan")))
    measures = np.array([[data.draw(value) for _ in MEASURES] for _ in kinds])
    total = sum(contributions(measures, kinds=kinds).values())
    np.testing.assert_allclose(1 / (1 + np.exp(-total)), score(measures, kinds=kinds), atol=1e-12)


@given(st.data())
def test_more_of_something_bad_never_raises_the_score(data):
    shares = st.floats(0, 1)
    row = np.array([data.draw(shares) for _ in MEASURES])
    row[MEASURES.index("word_count")] = data.draw(st.integers(1, 2000))
    row[MEASURES.index("mean_word_length")] = data.draw(st.floats(1, 30))
    feature = data.draw(st.sampled_from([f for f in packaged().features if f.measure != "word_count"]))
    worse = row.copy()
    change = data.draw(st.floats(0, 5))
    worse[MEASURES.index(feature.measure)] += change if feature.side == "above" else -change
    one_sided = {other.side for other in packaged().features if other.measure == feature.measure} == {feature.side}
    assert one_sided
    before, after = score(np.array([row, worse]))
    assert after <= before


def test_a_null_measure_costs_nothing():
    measures = measures_of([texts.MASH], "en")
    measures[:] = np.nan
    assert score(measures)[0] == pytest.approx(1 / (1 + math.exp(-packaged().intercept)))


def test_a_penalty_is_the_capped_distance_from_the_knot():
    feature = Feature("digits", "digit_share", "above", knot=0.1, scale=0.1, cap=2)
    measures = np.zeros((4, len(MEASURES)))
    measures[:, MEASURES.index("digit_share")] = [0.05, 0.2, 0.9, np.nan]
    assert penalties(measures, (feature,))[:, 0].tolist() == pytest.approx([0, 1, 2, 0])


def test_a_short_text_is_drawn_to_the_prior():
    feature = Feature("digits", "digit_share", "above", knot=0.0, scale=1, cap=2, prior=0.0, prior_words=10)
    measures = np.zeros((2, len(MEASURES)))
    measures[:, MEASURES.index("digit_share")] = 1.0
    measures[:, MEASURES.index("word_count")] = [10, 1e9]
    assert penalties(measures, (feature,))[:, 0].tolist() == pytest.approx([0.5, 1])


def test_plain_python_and_kernel_give_one_score():
    every = [getattr(texts, name) for name in (*GOOD, *BAD, "GERMAN", "CHINESE")]
    for language in ("en", "zh", None):
        plain = reference_scores(every, [language] * len(every))
        np.testing.assert_allclose(plain, score(measures_of(every, language)), rtol=1e-5)


def test_the_packaged_model_has_a_card_and_a_digest():
    card = json.loads(_file())["card"]
    assert card["figures"]["auc_left_out_mean"] > 0.9
    assert all(entry["license"] for entry in card["sets"].values())
    assert len(digest()) == 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("not json", "not readable"),
        ("{}", "not readable"),
        (json.dumps({"format": 99}), "format 99"),
        ({"measure": "beauty"}, "unknown measure 'beauty'"),
        ({"weight": -1}, "negative weight"),
        ({"nose": 1}, "not readable"),
        ("calibration", "turns the order round"),
    ],
)
def test_a_damaged_model_is_refused(change, message):
    feature = Feature("digits", "digit_share", "above", 0.1, 0.1, 2)._asdict() | {"weight": 1.0}
    data = {
        "format": 2,
        "intercept": 0.0,
        "calibration": {},
        "features": [feature | change if isinstance(change, dict) else feature],
    }
    if change == "calibration":
        change = json.dumps(data | {"calibration": {"web": [0, -1]}})
    with pytest.raises(ModelError, match=message):
        parse(change if isinstance(change, str) else json.dumps(data))


def test_another_model_can_be_given():
    assert score(measures_of(["any"], "en"), Model(0.0, (), ()))[0] == 0.5


def test_a_reference_score_needs_only_what_the_model_looks_at():
    listed = ["The cat sat on the mat, and that was all. " * 5, "# 1 2 3 buy now " * 40, "Kurz und gut. " * 30]
    codes, kinds = ["en", "en", "de"], ["web", "social", "licensed"]
    every = np.array(
        [[measures(text, code)[name] for name in MEASURES] for text, code in zip(listed, codes, strict=True)]
    )
    shares = np.array([spaceless_share(text) for text in listed])
    whole = score(with_nulls(every, shares, pa.array(codes)).astype(np.float64), packaged(), kinds)
    np.testing.assert_array_equal(reference_scores(listed, codes, kinds), whole)
    few = measures(listed[0], "en", frozenset({"spam_ratio"}))
    assert "c4_lines" not in few
    assert "token_count" not in few
