"""Rollback: a new release with the documents of an older one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import (
    WORDS,
    A,
    B,
    C,
    again,
    identity,
    publish,
    words_of,
)

from pipeline.errors import UserError


def test_rollback(published):
    release = published.rollback(1, "b2 was bad")
    assert (release.number, release.kind, release.rolled_back_to, release.builds_on) == (3, "rollback", 1, 2)
    assert (release.documents, release.added, release.removed) == (6, 0, 6)
    assert release.digest == published.get(1).digest
    assert words_of(again(published), WORDS) == sorted(A)
    assert sum(batch.num_rows for batch in published.signatures()) == 6
    assert {r["batch_id"] for batch in published.rows("metrics") for r in batch.to_pylist()} == {"b1"}
    # What was decided stays known.
    assert {r["batch_id"] for batch in published.rows("decisions") for r in batch.to_pylist()} == {"b1", "b2"}
    assert published.rollback(1, "b2 was bad") == release
    assert published.rollback(3, "nothing to do") == release


def test_rollback_forward(published):
    published.rollback(1, "bad")
    release = published.rollback(2, "it was good after all")
    assert (release.documents, release.added, release.removed) == (12, 6, 0)
    assert release.digest == published.get(2).digest


def test_rollback_does_not_bring_back_what_was_taken_down(published):
    published.takedown([identity("a1"), identity("b1")], "asked")
    release = published.rollback(1, "b2 was bad")
    assert words_of(again(published), WORDS) == sorted({*A} - {"a1"})
    assert (release.documents, release.added, release.removed) == (5, 0, 5)
    # The rows are not hidden but gone from the release's files.
    raw = pa.concat_tables([pq.read_table(published.store.local_path(n)) for n in published.files("documents")])
    assert identity("a1") not in raw["document_id"].to_pylist()
    signed = [i for batch in published.signatures() for i in batch["document_id"].to_pylist()]
    assert identity("a1") not in signed
    assert published.tombstones().ids == {identity("a1"), identity("b1")}
    assert published.recompute() == release.digest


def test_publishing_goes_on_after_a_rollback(published):
    published.rollback(1, "bad")
    release = publish(published, "b3", C, base=3)
    assert words_of(published, WORDS) == sorted(A + C)
    assert published.recompute() == release.digest
    assert publish(published, "b2", B, base=4) == published.get(
        2
    )  # published once; undone by a decision, not by a rerun
    assert published.newest() == release


def test_rollback_to_nowhere(published):
    with pytest.raises(UserError, match="no release 9"):
        published.rollback(9, "x")


def test_nothing_to_roll_back(corpus):
    with pytest.raises(UserError, match="no release"):
        corpus.rollback(1, "x")
