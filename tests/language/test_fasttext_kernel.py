"""The kernel answers as fastText does, whatever the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ModelError
from pipeline.language import fasttext_kernel, lid176
from pipeline.language.fasttext_kernel import Classifier, predict
from pipeline.models import model_path
from tests.language.test_detect import SENTENCES

ODD = "aäß漢字ひกิन\u0301\u200d\U0001f600\U00020000 \0\t\r\x0b\x0c<>_/"
PIECES = st.sampled_from(
    ["</s>", "__label__en", "__label__", "<", ">", "the", "de", "und", "\u0085", "\u00a0", "\u2003"]
)
TEXTS = st.lists(st.text(st.sampled_from(ODD), max_size=12) | st.text(max_size=12) | PIECES, max_size=12).map(" ".join)


@pytest.fixture(scope="module")
def oracle() -> Any:
    return lid176.library()


@pytest.fixture(scope="module")
def model() -> Classifier:
    return fasttext_kernel.load(model_path("lid.176"))


def test_the_vectors_are_fasttexts(oracle: Any, model: Classifier) -> None:
    for row in (*range(200), *range(200, len(model.tables.vectors), 97)):
        assert np.array_equal(model.tables.vectors[row], oracle.get_input_vector(row))


def check(oracle: Any, model: Classifier, lines: list[str], count: int) -> None:
    labels, scores = predict(model, pa.array(lines, pa.string()), count)
    for line, own, said in zip(lines, labels, scores, strict=True):
        names, shares = oracle.predict(line, k=count)
        found = [model.labels[label] for label in own if label >= 0]
        np.testing.assert_allclose(said[: len(found)], shares, atol=1e-6)
        assert not said[len(found) :].any()
        # Two labels whose scores differ by less than what a processor may round may change places.
        if len(shares) < 2 or np.diff(shares).max() < -1e-6:
            assert found == list(names)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(TEXTS.map(lambda text: text.replace("\n", " ")), min_size=1, max_size=6), st.sampled_from([1, 2, 4, 176])
)
def test_it_equals_fasttext_on_any_text(oracle: Any, model: Classifier, lines: list[str], count: int) -> None:
    check(oracle, model, lines, count)


def test_it_equals_fasttext_on_sentences_in_many_languages(oracle: Any, model: Classifier) -> None:
    check(oracle, model, [*SENTENCES.values(), " ".join(SENTENCES.values())], lid176.LABELS)


def test_a_row_does_not_depend_on_its_neighbours(model: Classifier) -> None:
    lines = pa.array(["ein Satz", "", None, "another sentence", "x" * 50_000])
    labels, scores = predict(model, lines, 4)
    for row in range(len(lines)):
        alone = predict(model, lines.slice(row, 1), 4)
        assert (alone[0][0].tolist(), alone[1][0].tolist()) == (labels[row].tolist(), scores[row].tolist())


@pytest.mark.parametrize("place", [0, 4, 8 + 4 * 5, 8 + 4 * 6])
def test_a_model_of_another_kind_is_refused(tmp_path: Path, place: int) -> None:
    data = bytearray(model_path("lid.176").read_bytes())
    data[place] += 1
    (tmp_path / "other.ftz").write_bytes(data)
    with pytest.raises(ModelError, match=r"other\.ftz"):
        fasttext_kernel.load(tmp_path / "other.ftz")
