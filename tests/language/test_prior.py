"""What is expected before a text is read: Bayes' rule, and nothing else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.language.detect import detect
from pipeline.language.prior import priors
from pipeline.language.weigh import names
from pipeline.settings import Language

TEXTS = ["Omg ur like soooo quirky!", "Oh hi bot", "Ok thanx...", "Guten Tag, wie geht es Ihnen?", "", None, "123"]


def test_an_even_expectation_changes_nothing() -> None:
    kinds = ["social"] * len(TEXTS)
    even = {"social": {"en": 1 / (len(names()) - 1)}}
    assert_same(detect(TEXTS), detect(TEXTS, prior=priors(kinds, even)))
    assert_same(detect(TEXTS), detect(TEXTS, prior=priors(["web"] * len(TEXTS), {"social": {"en": 0.9}})))


@given(st.lists(st.sampled_from(["web", "social", "licensed", None]), max_size=8), st.floats(0.01, 0.9))
def test_the_odds_of_two_languages_are_those_of_their_shares(kinds: list[str | None], share: float) -> None:
    found = priors(kinds, {"social": {"en": share, "ja": 0.05}})
    en, ja, so = (names().index(code) for code in ("en", "ja", "so"))
    rest = (1 - share - 0.05) / (len(names()) - 3)
    for kind, row in zip(kinds, found.rows, strict=True):
        odds = found.odds[row]
        assert odds[0] == 1
        if kind == "social":
            assert odds[en] / odds[ja] == pytest.approx(share / 0.05)
            assert odds[ja] / odds[so] == pytest.approx(0.05 / rest)
            assert odds[1:].sum() == pytest.approx(len(names()) - 1)
        else:
            assert (odds == 1).all()


def test_the_more_is_expected_the_likelier_it_is() -> None:
    scores = []
    for share in (0.005, 0.05, 0.5):
        found = detect(TEXTS[:2], min_score=0, prior=priors(["social"] * 2, {"social": {"en": share}}))
        scores.append(
            [
                score if code == "en" else 0.0
                for code, score in zip(found.languages.to_pylist(), found.scores.to_pylist(), strict=True)
            ]
        )
    assert (np.diff(np.array(scores), axis=0) > 0).all()


def test_clear_text_stays_what_it_is() -> None:
    sentences = [
        "Das ist ein kurzer Absatz über nichts Besonderes.",
        "Waxaan ku dhashay magaalada Hargeysa ee dalka Soomaaliya.",
    ]
    found = detect(sentences, prior=priors(["social"] * 2, Language().expected))
    assert found.languages.to_pylist() == ["de", "so"]


def assert_same(one: tuple[pa.Array, ...], other: tuple[pa.Array, ...]) -> None:
    for left, right in zip(one, other, strict=True):
        if pa.types.is_floating(left.type):
            np.testing.assert_allclose(left.fill_null(-1).to_numpy(), right.fill_null(-1).to_numpy(), atol=1e-6)
        else:
            assert left.equals(right)
