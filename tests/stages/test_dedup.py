"""Dedup as a stage: what it compares a batch with is pinned when the batch is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.dedup.signatures import Bands
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.stages.dedup import published_side
from tests.end_to_end.conftest import documents, write_jsonl
from tests.lake.batches import identity, publish

if TYPE_CHECKING:
    from pathlib import Path


def test_the_published_side_is_that_of_the_release_whatever_came_after(tmp_path: Path) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    publish(corpus, "b1", ["a"])
    two = publish(corpus, "b2", ["b"], base=1)
    corpus.rollback(1, "b was bad")
    publish(corpus, "b3", ["c"], base=3)
    bands = Bands(np.array([[1, -2]]), np.array([True]))  # as every document of these batches
    found = published_side(corpus, two, corpus.signatures(two), bands, lambda texts: texts)
    assert found is not None
    side = dict(zip(found.document_ids.to_pylist(), found.releases.tolist(), strict=True))
    assert side == {identity("a"): 1, identity("b"): 2}
    assert sorted(found.texts(np.arange(2)).to_pylist()) == ["text of a", "text of b"]
    later = published_side(corpus, two, corpus.signatures(), bands, lambda texts: texts)
    assert later is not None
    assert later.document_ids.to_pylist() == [identity("a")]


@pytest.mark.slow
def test_a_rollback_after_the_batch_was_opened_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    config = tmp_path / "pipeline.yaml"
    config.write_text(
        "data_pipeline: {ingestion: {sources: [{name: papers, kind: licensed}]}, cleaning: {filter_low_quality: false}}"
    )
    for name, start in (("a", 0), ("b", 8)):
        write_jsonl(tmp_path / f"{name}.jsonl", documents(8, start, prefix=name))
        published = api.run_all(api.open_batch(str(config), inputs={"papers": [str(tmp_path / f"{name}.jsonl")]}))
        assert published["documents"] == start + 8
    write_jsonl(tmp_path / "c.jsonl", documents(3, 8, prefix="c"))
    reference = api.open_batch(str(config), inputs={"papers": [str(tmp_path / "c.jsonl")]})
    batch = load_batch({key: str(value) for key, value in reference.items()})
    batch.corpus.rollback(1, "b was bad")
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    assert api.run_stage(reference, "dedup")["rejected"] == 3
    assert full_chain(batch).read("dedup", 0, ["survivor_release"]).column(0).to_pylist() == [2, 2, 2]
