"""Stage `language`: a table of (text, reason or kept), the contract, and its columns."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from pipeline import document
from pipeline.errors import ConfigError
from pipeline.stage import Stage
from pipeline.stages.language import LanguageStage
from pipeline.verdict import reasons

ENGLISH = "This is a short paragraph about nothing in particular, written in plain English."
GERMAN = "Das ist ein kurzer Absatz über nichts Besonderes, geschrieben in einfachem Deutsch."


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"text": pa.array(texts, pa.string()), "source_kind": pa.array(["web"] * len(texts), pa.string())}
    )


@pytest.mark.parametrize(
    ("stage", "text", "reason"),
    [
        (LanguageStage(), ENGLISH, None),
        (LanguageStage(), GERMAN, None),
        (LanguageStage(wanted=("de",)), ENGLISH, "language.not_wanted@1"),
        (LanguageStage(wanted=("de", "en")), ENGLISH, None),
        (LanguageStage(), "", "language.unsure@1"),
        (LanguageStage(), "12345 67890 --- !!!", "language.unsure@1"),
        (LanguageStage(), "\x00\x01", "language.unsure@1"),
        (LanguageStage(wanted=("de",)), "x", "language.unsure@1"),
        (LanguageStage(min_score=1.0), ENGLISH, "language.unsure@1"),
    ],
)
def test_verdicts(stage: LanguageStage, text: str, reason: str | None) -> None:
    assert reasons(stage.apply(batch(text)).column("verdict")).to_pylist() == [reason]


MIXED = "\n".join([ENGLISH] * 14 + [GERMAN] * 6)


def social(*texts: str) -> pa.RecordBatch:
    return batch(*texts).set_column(1, "source_kind", pa.array(["social"] * len(texts)))


@pytest.mark.parametrize(
    ("min_scores", "web", "social_limit"),
    [
        ({}, 0.5, 0.5),
        ({"social": {"*": 0.3}}, 0.5, 0.3),
        ({"*": {"en": 0.9}}, 0.9, 0.9),
        ({"*": {"*": 0.7, "en": 0.6}, "social": {"*": 0.4}}, 0.6, 0.6),
        ({"*": {"en": 0.9}, "social": {"en": 0.2, "*": 0.4}, "web": {"de": 1.0}}, 0.9, 0.2),
    ],
)
def test_the_nearest_threshold_counts(min_scores: dict, web: float, social_limit: float) -> None:
    stage = LanguageStage(min_scores=min_scores)
    assert (stage.limit("web", "en"), stage.limit("social", "en")) == (web, social_limit)


def test_thresholds_by_kind_and_language_decide_and_are_told() -> None:
    stage = LanguageStage(min_scores={"web": {"en": 1.0}, "social": {"de": 1.0}})
    web, posts = stage.apply(batch(ENGLISH, GERMAN)), stage.apply(social(ENGLISH, GERMAN))
    assert web.column("language").to_pylist() == ["und", "de"]
    assert posts.column("language").to_pylist() == ["en", "und"]
    assert [finding["limit"] for finding in web.column("verdict")[0].as_py()] == [1.0]
    # What the stage stored gives the same verdict again, document by document.
    kinds = pa.array(["web", "web"])
    stored = [kinds if name == "source_kind" else web.column(name) for name in stage.decides_by]
    (unsure,) = [
        rule
        for rule in stage.rules(pa.RecordBatch.from_arrays([part[:1] for part in stored], names=list(stage.decides_by)))
        if rule.reason == "language.unsure@1"
    ]
    assert (unsure.limit, unsure.applies.tolist()) == (1.0, [True])


ODD = "Omg ur like soooo quirky!"


def test_what_is_expected_of_a_kind_counts_there_only() -> None:
    even, expecting = LanguageStage(), LanguageStage(expected={"social": {"en": 0.1}})
    english = [
        stage.apply(kind(ODD)).column("language_score").to_pylist()
        for stage, kind in ((even, social), (expecting, batch))
    ]
    assert english[0] == english[1]
    found = expecting.apply(social(ODD, GERMAN))
    assert found.column("language").to_pylist() == ["en", "de"]
    assert found.column("language_score").to_pylist()[0] > english[0][0]


@pytest.mark.parametrize(
    ("policy", "min_share", "reason"),
    [("keep", 0.9, None), ("flag", 0.9, None), ("reject", 0.9, "language.mixed@1"), ("reject", 0.5, None)],
)
def test_mixed_documents(policy: str, min_share: float, reason: str | None) -> None:
    found = LanguageStage(mixed_policy=policy, min_share=min_share).apply(batch(MIXED, ENGLISH * 12))
    assert reasons(found.column("verdict")).to_pylist() == [reason, None]
    shares = found.column("language_shares").to_pylist()
    assert [entry["language"] for entry in shares[0]] == ["en", "de"]
    assert shares[1] is None
    assert found.column("language_share").to_pylist()[0] == pytest.approx(0.7, abs=0.1)
    assert sum(entry["share"] for entry in shares[0]) == pytest.approx(1)


def test_the_second_opinion_is_recorded() -> None:
    found = LanguageStage().apply(batch(ENGLISH, "", None))
    assert found.column("language_second").to_pylist() == ["en", None, None]
    assert found.column("language_agrees").to_pylist() == [True, None, None]


def test_columns_and_findings() -> None:
    result = LanguageStage(wanted=("en",), min_score=0.6).apply(batch(ENGLISH, GERMAN, "", None))
    assert result.schema == document.LANGUAGE
    assert result.column("language").to_pylist() == ["en", "de", "und", None]
    scores = result.column("language_score").to_pylist()
    assert scores[0] > 0.9
    assert scores[2:] == [0.0, None]
    verdicts = result.column("verdict").to_pylist()
    assert verdicts[0] is None
    assert verdicts[1] == [
        {"reason": "language.not_wanted@1", "value": pytest.approx(scores[1]), "limit": None, "evidence": "de"}
    ]
    assert verdicts[2] == [{"reason": "language.unsure@1", "value": 0.0, "limit": 0.6, "evidence": None}]


def test_contract() -> None:
    stage = LanguageStage(wanted=("en",))
    assert isinstance(stage, Stage)
    assert stage.apply(batch()).schema == document.LANGUAGE
    assert pickle.loads(pickle.dumps(stage)) == stage  # noqa: S301 - our own bytes
    assert all(len(digest) == 64 for digest in stage.models.values())


def test_a_language_that_the_model_cannot_tell_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="did you mean 'en'"):
        LanguageStage(wanted=("en-US",)).apply(batch(ENGLISH))
