"""The opinion for the indicator: independent, null where it has none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.language.audit import agrees, common_languages
from pipeline.language.codes import one_of_alike
from tests.language.test_detect import SENTENCES


def test_it_agrees_on_ordinary_sentences_and_disagrees_with_wrong_labels() -> None:
    texts, codes = pa.array(list(SENTENCES.values())), list(SENTENCES)
    assert agrees(texts, codes).to_pylist() == [True] * len(codes)
    wrong = codes[1:] + codes[:1]
    assert agrees(texts, wrong).to_pylist() == [False] * len(codes)


def test_no_opinion() -> None:
    assert agrees([None, "", "text", "text"], ["en", "en", "und", "gsw"]).to_pylist() == [None] * 4
    assert agrees([], []).type == pa.bool_()


def test_a_text_without_features_agrees_with_nothing() -> None:
    assert agrees(["\x00"], [next(iter(sorted(common_languages())))]).to_pylist() == [False]


def test_both_models_know_most_languages() -> None:
    assert len(common_languages()) >= 100
    assert {"en", "zh", "de", "no"} <= common_languages()


@pytest.mark.parametrize(("one", "other", "same"), [("nb", "no", True), ("hr", "sr-Latn", True), ("de", "nl", False)])
def test_members_of_a_macrolanguage_count_as_one(one: str, other: str, same: bool) -> None:
    assert (one_of_alike(one) == one_of_alike(other)) is same
