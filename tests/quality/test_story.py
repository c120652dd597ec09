"""A score's contributions are the score, and the change that is said to turn a decision turns it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.document import MEASURES
from pipeline.quality.score import packaged, score
from pipeline.quality.story import measures_of, nearest_change, score_story
from pipeline.stages.quality import QualityStage
from tests.end_to_end.conftest import texts

KINDS = ("web", "social", "licensed")
ODD = [
    "buy now " * 80,
    "# # # ... 1 2 3 $ $ $\n" * 40,
    "* one\n* two\n" * 30,
    "The end of it is near, and that is all that there is to say. " * 2,
    "A",
    "文字だけの短い文章です。" * 30,
]


@pytest.fixture(scope="module")
def stored() -> pa.RecordBatch:
    """What the stage stores of real and odd texts, and of real ones with a part of their words."""
    real = texts(9)
    worse = [" ".join(word for i, word in enumerate(text.split()) if i % 3) for text in real[:6]]
    listed = [*real, *worse, *ODD]
    kinds = [KINDS[i % len(KINDS)] for i in range(len(listed))]
    documents = pa.RecordBatch.from_pydict({"text": listed, "language": ["en"] * len(listed), "source_kind": kinds})
    found = QualityStage(0.8, ("gopher",)).apply(documents)
    columns = [
        found.column("quality_score"),
        *(found.column(name) for name in MEASURES),
        documents.column("source_kind"),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["quality_score", *MEASURES, "source_kind"])


def applied(row: pa.RecordBatch, changes: list[dict[str, float]], stage: QualityStage) -> pa.RecordBatch:
    """Return the row with the changes made, its score computed by the model alone."""
    columns = {name: row.column(name).to_pylist() for name in row.schema.names}
    for change in changes:
        assert columns[change["measure"]] == [pytest.approx(change["value"])]
        columns[change["measure"]] = [change["needed"]]
    changed = pa.RecordBatch.from_pydict(columns, row.schema)
    new = score(measures_of(changed).astype(np.float64), packaged(stage.model), columns["source_kind"])
    return changed.set_column(0, row.schema.field(0), pa.array(new.astype(np.float32)))


def test_contributions_add_up_for_every_document(stored: pa.RecordBatch) -> None:
    exact = score(measures_of(stored).astype(np.float64), packaged(), stored.column("source_kind").to_pylist())
    for i in range(stored.num_rows):
        told = score_story(stored.slice(i, 1), packaged(), 0.8)
        total = sum(term["log_odds"] for term in told["contributions"])
        assert total == pytest.approx(told["log_odds"], abs=1e-9)
        assert total == pytest.approx(float(np.log(exact[i]) - np.log1p(-exact[i])), abs=1e-6)
        assert np.float32(1 / (1 + np.exp(-total))) == told["value"]


@pytest.mark.parametrize(("threshold", "sets"), [(0.8, ()), (0.8, ("gopher", "fineweb")), (0.3, ("gopher",))])
def test_the_nearest_change_turns_the_decision(stored: pa.RecordBatch, sets: tuple[str, ...], threshold: float) -> None:
    stage = QualityStage(threshold, sets)
    turned = 0
    for i in range(stored.num_rows):
        row = stored.slice(i, 1)
        rejected = any(rule.applies[0] for rule in stage.rules(row))
        change = nearest_change(row, stage.rules, packaged())
        if change is None:
            continue
        turned += 1
        again = applied(row, change["changes"], stage)
        assert any(rule.applies[0] for rule in stage.rules(again)) != rejected
        assert change["decision"] == ("kept" if rejected else "rejected")
        assert change["score"] == pytest.approx(again.column("quality_score")[0].as_py(), abs=1e-6)
        if not rejected:
            assert len(change["changes"]) == 1
    assert turned > 0.9 * stored.num_rows


@settings(max_examples=40)
@given(st.data())
def test_a_kept_document_that_moves_less_stays(stored: pa.RecordBatch, data: st.DataObject) -> None:
    stage = QualityStage(0.5, ("gopher",))
    row = stored.slice(data.draw(st.integers(0, stored.num_rows - 1)), 1)
    change = nearest_change(row, stage.rules, packaged())
    if change is None or change["decision"] == "kept":
        return
    [moved] = change["changes"]
    share = data.draw(st.floats(0, 0.99))
    less = {**moved, "needed": moved["value"] + share * (moved["needed"] - moved["value"])}
    assert not any(rule.applies[0] for rule in stage.rules(applied(row, [less], stage)))
