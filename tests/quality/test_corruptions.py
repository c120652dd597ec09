from __future__ import annotations

import numpy as np
import pytest

from pipeline.quality.corruptions import CORRUPTIONS, notice, truncated
from pipeline.quality.evaluate import measures_of
from pipeline.quality.score import score
from tests.quality.texts import PROSE


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_lowers_the_score(name):
    broken = [CORRUPTIONS[name](PROSE, np.random.default_rng(seed)) for seed in range(20)]
    assert np.median(score(measures_of(broken, "en"))) < 0.5
    assert score(measures_of([PROSE], "en"))[0] >= 0.8


def test_a_notice_does_not():
    notices = [notice(PROSE, np.random.default_rng(seed)) for seed in range(20)]
    assert np.median(score(measures_of(notices, "en"))) >= 0.8


@pytest.mark.parametrize("name", [*CORRUPTIONS, "notice", "truncated"])
@pytest.mark.parametrize("text", ["", " ", "a", "one two", "\n\n", ". . .", "\u200b"])
def test_any_text_can_be_corrupted_and_the_seed_decides(name, text):
    function = {**CORRUPTIONS, "notice": notice, "truncated": truncated}[name]
    assert function(text, np.random.default_rng(5)) == function(text, np.random.default_rng(5))


def test_a_truncated_text_is_a_part_of_the_text():
    for seed in range(50):
        part = truncated(PROSE, np.random.default_rng(seed))
        assert part in PROSE
        assert len(part.split(" ")) >= 6
