from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bias.counts import ALL, Counts, Documents, count, merge
from pipeline.bias.drift import drift, figures
from pipeline.bias.report import Limits, named, report
from pipeline.bias.screen import Screened, screen
from pipeline.bias.terms import group_names

LIMITS = Limits(0.8, 0.01, 0.5)
RULE = "quality.score@1"
WOMEN = "Some women were there and saw what it was about."
NOBODY = "Somebody was there and saw what the thing was about."


def documents(
    texts: list[str],
    lost: list[bool] | np.ndarray,
    *,
    sources: list[str] | None = None,
    languages: list[str | None] | None = None,
    regions: list[str | None] | None = None,
) -> Documents:
    length = len(texts)
    language = pa.array(languages or ["en"] * length, pa.string())
    gone = np.array(lost, bool)
    everybody = np.ones(length, bool)
    return Documents(
        pa.array(sources or ["web"] * length),
        language,
        pa.array(regions or [None] * length, pa.string()),
        np.array([len(text) for text in texts]),
        screen(pa.array(texts, pa.string()), language),
        {"read:*": everybody, "lost:*": gone, "read:quality": everybody, "lost:quality": gone, f"rule:{RULE}": gone},
    )


def early(length: int, regions: list[str | None] | None = None, lost: list[bool] | None = None) -> Counts:
    read, gone = np.ones(length, bool), np.array(lost or [False] * length, bool)
    nothing = Screened(
        np.zeros((length, len(group_names())), np.uint8), np.zeros(length, bool), np.zeros(length, np.int8)
    )
    found = Documents(
        pa.array(["web"] * length),
        pa.nulls(length, pa.string()),
        pa.array(regions or [None] * length, pa.string()),
        np.zeros(length, np.int64),
        nothing,
        {"read:ingest": read, "lost:ingest": gone, "read:dedup": read & ~gone, "lost:dedup": read & False},
    )
    return count(found, fine=False)


def report_of(given: Documents) -> dict:
    return report(count(given, fine=True), early(len(given.source)), LIMITS)


def row_of(found: dict, value: str) -> dict:
    return next(row for row in found["rows"] if row["value"] == value)


@given(st.lists(st.tuples(st.sampled_from([WOMEN, NOBODY, "", "Ein Kind"]), st.booleans(), st.sampled_from(["en", "de", "fi", None]), st.sampled_from(["de", "at", None])), min_size=1, max_size=40), st.integers(1, 39))  # fmt: skip
def test_the_shards_sum_up_to_the_batch_in_any_order(
    rows: list[tuple[str, bool, str | None, str | None]], cut: int
) -> None:
    def counts(part: list[tuple[str, bool, str | None, str | None]]) -> dict:
        texts, lost, languages, regions = (list(column) for column in zip(*part, strict=True))
        return count(documents(texts, lost, languages=languages, regions=regions), fine=True).to_json()

    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    whole, summed = merge([counts(rows)]), merge([counts(part) for part in reversed(parts)])
    assert whole.strata == summed.strata
    assert whole.values == summed.values
    assert np.array_equal(whole.numbers, summed.numbers)
    assert whole.total(ALL, "read:*") == len(rows)
    assert whole.total("gender:women", "lost:*") == sum(
        text == WOMEN and lost and lang == "en" for text, lost, lang, _ in rows
    )


def test_a_group_that_a_rule_takes_is_disparate_and_both_are_named() -> None:
    texts = [WOMEN] * 60 + [NOBODY] * 400
    lost = [i < 45 for i in range(60)] + [i % 20 == 0 for i in range(400)]
    found = report_of(documents(texts, lost))
    (flag,) = found["disparate"]
    assert (flag["value"], flag["responsible"], flag["read"], flag["lost"]) == ("gender:women", RULE, 60, 45)
    assert flag["ratio"] == pytest.approx(0.25 / 0.95)
    assert named(found["disparate"]).startswith("gender:women by quality.score@1 (kept 0.26 times")
    row = row_of(found, "gender:women")
    assert (row["kept"], row["stages"]) == (15, {"quality": 45})
    assert row["lower"] < row["retention"] < row["upper"]
    assert row["representation"] == pytest.approx(60 / 460)


def test_a_source_of_bad_quality_is_no_disparity() -> None:
    texts = [WOMEN] * 100 + [NOBODY] * 100 + [WOMEN] * 10 + [NOBODY] * 300
    sources = ["bad"] * 200 + ["good"] * 310
    lost = [i % 5 > 0 for i in range(200)] + [False] * 310
    found = report_of(documents(texts, lost, sources=sources))
    assert found["disparate"] == []
    assert row_of(found, "gender:women")["crude_ratio"] < 0.4
    assert row_of(found, "gender:women")["ratio"] == pytest.approx(1.0)


def test_short_texts_of_few_mentions_are_no_disparity() -> None:
    short = "Women!"
    texts = [short] * 60 + ["Nobody"] * 60 + [NOBODY * 9] * 400
    found = report_of(documents(texts, [True, True, False] * 40 + [False] * 400))
    assert found["disparate"] == []


HEALTH = "A doctor and a nurse of the hospital were there and saw what it was about."


@pytest.mark.parametrize(("lost", "flagged"), [(20, []), (40, ["topic:health"])])
def test_a_topic_is_disparate_only_where_most_of_it_is_lost(lost: int, flagged: list[str]) -> None:
    texts = [HEALTH] * 60 + [NOBODY * 2] * 400
    found = report_of(documents(texts, [i < lost for i in range(60)] + [False] * 400))
    assert [flag["value"] for flag in found["disparate"]] == flagged
    row = row_of(found, "topic:health")
    assert (row["read"], row["kept"], row["representation"]) == (60, 60 - lost, pytest.approx(60 / 460))
    assert row["ratio"] == pytest.approx(1 - lost / 60)


def test_texts_about_nothing_are_described_and_never_compared() -> None:
    texts = [HEALTH] * 300 + [NOBODY * 2] * 300
    found = report_of(documents(texts, [False] * 300 + [True] * 300))
    row = row_of(found, "topic:none")
    assert (row["read"], row["kept"], row["ratio"]) == (300, 0, None)
    assert found["disparate"] == []


def test_topics_drift_like_groups() -> None:
    now = figures(count(documents([HEALTH] * 200 + [NOBODY] * 800, [False] * 1000), fine=True))
    name = "bias_share/web/en/topic:health"
    assert now[name] == now["bias_share/topic:health"] == 0.2
    (row,) = drift(now, {name: [0.1], "bias_assessed/web/en": [1000.0]}, LIMITS) or []
    assert (row["value"], row["drifted"]) == ("topic:health", True)


def test_few_documents_say_nothing() -> None:
    found = report_of(documents([WOMEN] * 29 + [NOBODY] * 300, [True] * 29 + [False] * 300))
    assert found["disparate"] == []
    assert row_of(found, "gender:women")["ratio"] is None


def test_languages_are_compared_within_source_and_length_and_regions_within_language() -> None:
    texts = [NOBODY] * 400
    languages = ["fi"] * 50 + ["en"] * 350
    found = report_of(documents(texts, [i < 40 for i in range(400)], languages=languages))
    assert [flag["value"] for flag in found["disparate"]] == ["language:fi"]
    regions = ["at"] * 60 + ["de"] * 60 + [None] * 280
    found = report_of(documents(texts, [i < 50 for i in range(400)], regions=regions))
    assert [flag["value"] for flag in found["disparate"]] == ["region:at"]


def test_a_region_that_ingest_refuses_is_seen() -> None:
    regions = ["at"] * 60 + ["de"] * 300
    counts = count(documents([NOBODY] * 10, [False] * 10), fine=True)
    found = report(counts, early(360, regions, [i < 40 for i in range(360)]), LIMITS)
    assert [(flag["value"], flag["responsible"]) for flag in found["disparate"]] == [("region:at", "ingest")]


def test_what_could_not_be_assessed_is_said() -> None:
    found = report_of(documents([WOMEN, NOBODY, "kaksi", "?"], [False] * 4, languages=["en", "en", "fi", None]))
    rows = {(row["axis"], row["language"]): row["assessed"] for row in found["coverage"]}
    assert rows["gender", "en"] == 2
    assert rows["gender", "fi"] == 0
    assert rows["language", None] == 0
    said = " ".join(found["not_assessed"])
    assert "groups and topic of 1 of 4 documents: no list of terms for the language (fi 1)" in said
    assert "1 of 4 documents: no language is known" in said
    assert (rows["topic", "en"], rows["topic", "fi"]) == (2, 0)


def test_contexts_are_compared_with_those_of_all_groups() -> None:
    bad, good = "Women and crime.", "Women and trees."
    men_bad, men_good = "Men and crime.", "Men and trees."
    texts = [bad] * 30 + [good] * 10 + [men_bad] * 10 + [men_good] * 70
    rows = {(row["value"], row["context"]): row for row in report_of(documents(texts, [False] * 120))["association"]}
    row = rows["gender:women", "negative"]
    assert (row["beside"], row["documents"], row["expected"]) == (30, 40, pytest.approx(40 / 120))
    assert row["ratio"] == pytest.approx(2.25)
    assert rows["gender:men", "negative"]["ratio"] == pytest.approx(0.375)
    assert rows["gender:women", "toxic"]["beside"] == 0


def test_drift_is_told_from_chance() -> None:
    now = figures(count(documents([WOMEN] * 200 + [NOBODY] * 800, [False] * 1000), fine=True))
    name = "bias_share/web/en/gender:women"
    assert now[name] == 0.2
    assert now["bias_assessed/web/en"] == 1000
    assert drift(now, {}, LIMITS) is None
    assert drift(now, {"bias_share/web/de/gender:women": [0.2]}, LIMITS) == []
    for before, drifted in ((0.19, False), (0.1, True), (0.35, True)):
        (row,) = drift(now, {name: [0.5, before], "bias_assessed/web/en": [1000.0]}, LIMITS) or []
        assert (row["value"], row["before"], row["drifted"]) == ("gender:women", before, drifted)
    (row,) = drift(now, {name: [0.1], "bias_assessed/web/en": [40.0]}, LIMITS) or []
    assert not row["drifted"]


def test_an_empty_batch_has_a_report() -> None:
    found = report_of(documents([], []))
    assert (found["disparate"], found["rows"], found["documents"]["compared"]) == ([], [], 0)
