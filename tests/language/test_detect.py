"""Detection: what the model is given, what it answers, and codes."""

from __future__ import annotations

import re
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.language import detect as module
from pipeline.language import lid176, ngrams
from pipeline.language.codes import check_known, known_languages
from pipeline.language.detect import detect

SENTENCES = {
    "en": "The committee will publish its findings before the end of the year.",
    "de": "Der Ausschuss wird seine Ergebnisse noch vor Ende des Jahres veröffentlichen.",
    "fr": "Le comité publiera ses conclusions avant la fin de l'année prochaine.",
    "ja": "委員会は年末までに調査結果を公表する予定です。",
    "zh": "委员会将在年底之前公布其调查结果。",
    "ru": "Комитет опубликует свои выводы до конца года.",
    "ar": "ستنشر اللجنة نتائجها قبل نهاية العام.",
    "hi": "समिति वर्ष के अंत से पहले अपने निष्कर्ष प्रकाशित करेगी।",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
@pytest.mark.parametrize(
    "form", [str, str.upper, lambda text: text.replace(" ", "\n"), lambda text: (text + "\r\n") * 400]
)
def test_ordinary_sentences_whatever_their_case_and_lines(code: str, text: str, form) -> None:
    assert detect([form(text)]).languages.to_pylist() == [code]


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_gets_a_known_code_and_a_score(text: str) -> None:
    found = detect([text, None], min_score=0.3)
    (language, nothing), (score, _) = found.languages.to_pylist(), found.scores.to_pylist()
    assert nothing is None
    assert 0 <= score <= 1
    assert language == "und" or (language in known_languages() and score >= 0.3)
    runner_up = found.runners_up[0].as_py()
    assert (runner_up is None) == (found.runner_up_scores[0].as_py() is None)
    assert runner_up != language


def test_no_letter_no_language() -> None:
    found = detect(["", " \n", "123 \u0661\u0662 !?", "\x00", "\U0001f600"])
    assert found.languages.to_pylist() == ["und"] * 5
    assert found.scores.to_pylist() == [0.0] * 5
    assert found.runners_up.to_pylist() == [None] * 5


def test_under_the_score_the_best_guess_becomes_the_runner_up() -> None:
    sure, unsure = detect([SENTENCES["en"]]), detect([SENTENCES["en"]], min_score=1.0)
    assert unsure.languages.to_pylist() == ["und"]
    assert unsure.runners_up.to_pylist() == sure.languages.to_pylist()
    assert unsure.scores.to_pylist() == unsure.runner_up_scores.to_pylist() == sure.scores.to_pylist()


def test_an_unsure_window_is_read_again_on_the_whole_text() -> None:
    noise = "xqzt wvrk 0x3f " * 20
    text = SENTENCES["fr"] * 20 + noise + SENTENCES["fr"] * 20
    window = detect([text[len(text) // 2 - 50 : len(text) // 2 + 50]])
    assert window.scores[0].as_py() < module.SURE_SCORE
    whole = detect([text], window_characters=100)
    assert whole.languages.to_pylist() == ["fr"]
    assert whole.scores[0].as_py() > module.SURE_SCORE


def test_what_counts_as_agreement() -> None:
    first = np.array(["de", "de", "sr-Latn", "no", "gsw", "de", None], object)
    second = np.array(["de", "fr", "hr", "nn", "de", None, "de"], object)
    # CLD2 does not know Alemannic: that it says German is no disagreement.
    assert module._agree(first, second).tolist() == [True, False, True, True, None, None, None]


@pytest.mark.parametrize(
    ("text", "language"), [("x", "und"), ("a 1 b", "und"), ("你好", "zh"), ("สวัสดี", "th"), ("12 \u0301 --", "und")]
)
def test_one_or_two_letters_are_a_language_in_some_scripts_only(text: str, language: str) -> None:
    assert detect([text], min_score=0.3).languages.to_pylist() == [language]


def test_the_middle_decides() -> None:
    text = SENTENCES["en"] * 2 + SENTENCES["de"] * 60 + SENTENCES["en"] * 2
    assert detect([text]).languages.to_pylist() == ["de"]


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    texts = [*SENTENCES.values(), "", "x"]
    together = detect(pa.array(texts))
    for row, text in enumerate(texts):
        alone = detect(pa.array([text]))
        assert [column[0].as_py() for column in alone] == [column[row].as_py() for column in together]


def test_input_forms_and_empty() -> None:
    chunked = pa.chunked_array([[SENTENCES["en"]], [SENTENCES["de"]]])
    assert detect(chunked).languages.to_pylist() == ["en", "de"]
    assert [len(column) for column in detect(pa.chunked_array([], pa.string()))] == [0] * 6
    assert detect([]).languages.type == pa.string()


def test_a_long_line_costs_no_more_than_a_window() -> None:
    detect(["warm up"])
    start = time.process_time()
    detect(["ab" * 2_500_000, SENTENCES["en"] * 70_000])
    assert time.process_time() - start < 2


def test_codes_are_bcp_47() -> None:
    known = known_languages()
    assert len(known) == len(set(known)) > 220
    assert {"en", "zh", "gsw", "sr-Latn", "bho", "egl", "he", "jv", "nso"} <= set(known)
    assert {"als", "sh", "bh", "eml", "iw", "jw", "zh-Hant", "nb", "un", "und", "xxx"}.isdisjoint(known)
    assert all(re.fullmatch("[a-z]{2,3}(-[A-Z][a-z]{3})?", code) for code in known)


def test_the_n_grams_know_no_language_that_the_others_do_not() -> None:
    assert ngrams.languages() <= set(known_languages())
    assert len(ngrams.languages()) == 75


@pytest.mark.parametrize(
    ("code", "nearest"),
    [("en-US", "en"), ("EN", "en"), ("nb", "no"), ("iw", "he"), ("als", "gsw"), ("sh", "sr-Latn"), ("fil", "tl")],
)
def test_a_code_that_the_model_cannot_give_is_named_with_the_nearest(code: str, nearest: str) -> None:
    with pytest.raises(
        ConfigError, match=f"language.wanted: no model can tell the language '{code}', did you mean '{nearest}'"
    ):
        check_known(["de", code], "language.wanted")


def test_wanted_codes_that_are_known_pass() -> None:
    check_known(known_languages(), "language.wanted")
    check_known([], "language.wanted")


def test_loading_the_model_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    lid176._model.cache_clear()
    detect(["a sentence"])
    assert capfd.readouterr() == ("", "")
