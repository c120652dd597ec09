"""The recipes: weights from labelled texts, and the model of runs from what lingua counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.language import calibrate, ngrams, train, weigh
from pipeline.language.split import half
from tests.language.test_detect import SENTENCES


def rows() -> list[dict[str, str]]:
    found = []
    for code, sentence in SENTENCES.items():
        found += [{"text": f"{sentence} {number}", "language": code, "set": "sentences"} for number in range(24)]
    return found


def test_only_the_tuning_half_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    honest = calibrate.opinions
    monkeypatch.setattr(calibrate, "opinions", lambda texts, arrow: seen.extend(texts) or honest(texts, arrow))
    calibrate.calibrate(rows())
    test_half = {row["text"] for row in rows() if half(row["text"]) == "test"}
    assert test_half
    assert not [text for text in seen if any(line in test_half for line in text.split("\n"))]


def test_weights_learn_what_the_labels_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Every German text is labelled as Dutch: the offsets must follow the labels, or nothing was learned from them.
    wrong = [row | {"language": "nl" if row["language"] == "de" else row["language"]} for row in rows()]
    own = calibrate.calibrate(wrong)
    place = weigh.names().index
    assert own.offsets[place("nl")] > own.offsets[place("de")]
    calibrate.write(own, {"sentences": 1}, tmp_path / "weights.json")
    monkeypatch.setattr(weigh, "FILE", tmp_path / "weights.json")
    back = weigh.stored.__wrapped__()
    assert np.allclose(back.rows, own.rows, atol=1e-4)
    assert np.allclose(back.offsets, own.offsets, atol=1e-4)


def test_the_packed_weights_say_how_they_were_made() -> None:
    data = json.loads(weigh.FILE.read_text())
    assert data["made by"] == "python -m pipeline.language.calibrate"
    assert set(data["tuning texts"]) >= {"sentences", "word-pairs", "single-words", "udhr", "social"}


def test_packing_keeps_the_runs_that_tell_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def keys(*words: str) -> np.ndarray:
        hashed = [ngrams.run_hashes(np.array([[ord(c) for c in word]], np.uint32))[0] for word in words]
        return np.array([(int(key) << 3) | len(word) for key, word in zip(hashed, words, strict=True)], np.uint64)

    # "xx" is one language's own, "yy" says the same of both, "z" is a letter and stays whatever it tells.
    runs = keys("xx", "yy", "yy", "z", "z")
    logs = np.array([-3.0, -3.0, -3.0, -9.0, -9.0], np.float32)
    packed = train.pack(runs, logs, np.array([0, 0, 1, 0, 1], np.uint8), ["aa", "bb"], runs=1)
    (tmp_path / "model").write_bytes(packed)
    monkeypatch.setattr(ngrams, "FILE", tmp_path / "model")
    own = ngrams.model.__wrapped__()
    assert own.languages == ("aa", "bb")
    assert set(own.keys.tolist()) == {int(key) >> 3 for key in keys("xx", "z")}
    assert own.weights.max() == round((-3 - train.FLOOR) / ngrams.UNIT)


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"other")
    with pytest.raises(UserError, match=r"is not lingua_language_detector-1\.4\.2"):
        train.main(tmp_path / "x.whl", tmp_path / "model")
    with pytest.raises(UserError, match="cannot read"):
        train.main(tmp_path / "none.whl", tmp_path / "model")
    assert not (tmp_path / "model").exists()
