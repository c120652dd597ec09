"""An empty corpus, and one of two releases."""

from __future__ import annotations

import pytest
from batches import A, B, publish

from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    return Corpus(Store(str(tmp_path / "lake")))


@pytest.fixture
def published(corpus) -> Corpus:
    """Two releases: six documents, then six more."""
    publish(corpus, "b1", A)
    publish(corpus, "b2", B, base=1)
    return corpus
