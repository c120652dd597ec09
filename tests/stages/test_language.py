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
