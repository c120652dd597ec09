from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.document import MEASURES, QUALITY
from pipeline.quality.score import digest
from pipeline.stage import Stage
from pipeline.stages.quality import QualityStage
from pipeline.text import measures_reference
from pipeline.verdict import reasons
from tests.quality import texts

STAGE = QualityStage(threshold=0.8, hard_rules=("gopher",))
SHORT = "I love the new bakery on Mill Road!"


def batch(*rows: tuple[str | None, str | None, str]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.RecordBatch.from_arrays(
        [pa.array(c, pa.string()) for c in columns], names=["text", "language", "source_kind"]
    )


def reason_of(text: str, language: str | None = "en", kind: str = "web", stage: QualityStage = STAGE) -> str | None:
    return reasons(stage.apply(batch((text, language, kind))).column("verdict"))[0].as_py()


@pytest.mark.parametrize(
    ("text", "language", "kind", "reason"),
    [
        (texts.PROSE, "en", "web", None),
        (texts.LICENCE, "en", "licensed", None),
        (texts.DOCUMENTATION, "en", "web", None),
        (texts.GERMAN, "de", "web", None),
        (texts.CHINESE, "zh", "web", None),
        (SHORT, "en", "social", None),
        (SHORT, "en", "web", "quality.gopher.word_count_min@1"),
        (texts.MASH, "en", "web", "quality.gopher.stop_words@1"),
        (texts.MASH.replace("asdf", "the").replace("jkl", "of"), "en", "web", "quality.gopher.top_4_gram@1"),
        (texts.FILE_LIST, "und", "web", "quality.gopher.word_count_min@1"),
        (texts.REPEATED, "en", "web", "quality.gopher.duplicate_lines@1"),
        ("WIN CASH!!! Call 08001234567 NOW, txt WIN 80086!", "en", "social", "quality.score@1"),
    ],
)
def test_what_is_rejected_and_why(text, language, kind, reason):
    assert reason_of(text, language, kind) == reason


def test_hard_rules_come_first_and_the_score_is_named_too():
    verdict = STAGE.apply(batch((texts.REPEATED, "en", "web"))).column("verdict")[0].as_py()
    assert [finding["reason"] for finding in verdict][-1] == "quality.score@1"
    assert all(finding["value"] is not None and finding["limit"] is not None for finding in verdict)
    assert all(finding["evidence"] is None for finding in verdict)


def test_without_hard_rules_the_score_alone_decides():
    lenient = QualityStage(threshold=0.8, hard_rules=())
    assert reason_of(SHORT, stage=lenient) is None
    assert reason_of(texts.MASH, stage=lenient) == "quality.score@1"
    assert reason_of(texts.MASH, stage=QualityStage(threshold=0.0, hard_rules=())) is None


def test_every_measure_is_recorded_whatever_is_decided():
    result = STAGE.apply(batch((texts.REPEATED, "en", "web"), (texts.PROSE, "en", "web")))
    assert result.schema == QUALITY
    for row, text in enumerate((texts.REPEATED, texts.PROSE)):
        expected = measures_reference.measures(text)
        for name in MEASURES:
            assert result.column(name)[row].as_py() == pytest.approx(expected[name], rel=1e-6, abs=1e-7)


def test_a_measure_that_does_not_apply_is_null():
    result = STAGE.apply(batch((texts.CHINESE, "zh", "web"), (texts.GERMAN, "de", "web"), (texts.PROSE, "en", "web")))
    assert result.column("word_count").is_null().to_pylist() == [True, False, False]
    assert result.column("stop_words").is_null().to_pylist() == [True, True, False]
    assert result.column("symbol_share").null_count == 0


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 0.8, 0.95])
def test_the_recorded_score_agrees_with_the_verdict(threshold):
    every = [(getattr(texts, name), "en", "web") for name in dir(texts) if name.isupper()]
    result = QualityStage(threshold=threshold, hard_rules=()).apply(batch(*every))
    kept = result.column("verdict").is_null().to_pylist()
    assert kept == [score.as_py() >= threshold for score in result.column("quality_score")]


def test_contract():
    assert isinstance(STAGE, Stage)
    assert STAGE.models["quality"] == digest()
    assert STAGE.apply(batch()).num_rows == 0
    assert STAGE.apply(batch()).schema == QUALITY


@pytest.mark.parametrize("text", ["", "\x00", "a", "\u202e\ufeff", "x" * 5_000_000, "\n" * 100_000, None])
def test_hostile_text_is_survived(text):
    result = STAGE.apply(batch((text, None, "web")))
    assert 0 <= result.column("quality_score")[0].as_py() <= 1
