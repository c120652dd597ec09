from __future__ import annotations

import shutil

import pytest

from pipeline import fingerprint
from pipeline.fingerprint import code_digest
from pipeline.quality.language_tables import choose, counted, surprise
from pipeline.text import letters
from pipeline.text.function_words import lists
from tests.quality import texts


def test_a_list_is_as_long_as_it_takes_and_none_is_made_where_it_takes_too_much():
    words = ["und"] * 30 + ["der"] * 12 + ["haus"] * 58
    assert choose(words, {"und", "der", "haus"}) == ["haus"]
    assert choose(words, {"und", "der"}) == ["der", "und"]
    assert choose(words, {"der"}) == []
    assert choose(words, {"und"}) == ["und"]


def test_letters_that_were_seen_surprise_less():
    table = counted(["the cat sat on the mat"] * 20, 1.0)
    assert letters.cost("the mat sat", table) < 2 < letters.cost("xqz jvk", table)


def test_ordinary_text_costs_the_same_whatever_the_language_is_like():
    varied = [texts.PROSE[i : i + 200] for i in range(0, len(texts.PROSE) - 200, 20)]
    plain = ["ba ba ab ab ba"] * 20
    for own in (varied, plain):
        table = surprise(own)
        assert letters.cost(own[0], table) == pytest.approx(letters.ORDINARY, rel=0.35)


def test_every_language_with_a_table_or_a_list_is_said_to_have_one():
    assert set(letters.tables()) == letters.LANGUAGES
    assert {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru"} <= set(lists())
    assert all(word == word.lower() for words in lists().values() for word in words)


def test_a_changed_table_of_letters_changes_the_code_that_decides(tmp_path, monkeypatch):
    shutil.copytree(fingerprint.PACKAGE / "text", tmp_path / "text", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    before = code_digest.__wrapped__(("text",))
    (tmp_path / "text" / "letters.npz").write_bytes(b"another")
    assert code_digest.__wrapped__(("text",)) != before
