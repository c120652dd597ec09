"""Takedown: what is taken down is in no release and never comes back."""

from __future__ import annotations

import pytest
from batches import (
    FINGERPRINT,
    WORDS,
    A,
    B,
    again,
    document,
    documents,
    identity,
    publish,
    sha256,
    words_of,
    write,
)

from pipeline.errors import ContractViolation, UserError


def test_takedown(published):
    files = published.files("documents")
    release = published.takedown([identity("a1"), identity("never published")], "asked by its author")
    assert (release.number, release.kind, release.documents, release.removed) == (3, "takedown", 11, 1)
    assert words_of(again(published), WORDS) == sorted({*A, *B} - {"a1"})
    ids = {i for batch in published.signatures() for i in batch["document_id"].to_pylist()}
    assert identity("a1") not in ids
    assert len(ids) == 11
    assert len(set(files) & set(published.files("documents"))) == 3  # only the one file was written anew
    tombstones = published.tombstones()
    assert tombstones.ids == {identity("a1"), identity("never published")}
    assert tombstones.digests == {sha256("text of a1")}


def test_an_older_release_does_not_show_what_was_taken_down(published):
    published.takedown([identity("a1")], "asked")
    old = published.get(1)
    assert words_of(published, WORDS, old) == sorted({*A} - {"a1"})
    assert published.text_of([identity("a1")], old) == {}
    assert sum(batch.num_rows for batch in published.signatures(old)) == 5


def test_all_documents_with_a_barred_text_leave(corpus):
    rows = [document("a0", text="same"), document("a1", text="same"), document("a2")]
    name = write(corpus.store, "documents", documents(rows))
    corpus.publish(base=None, batch_id="b1", fingerprint=FINGERPRINT, documents=[name])
    corpus.takedown([identity("a0")], "asked")
    assert words_of(corpus, WORDS) == ["a2"]
    assert corpus.takedown([], "asked", text_digests=[sha256("text of a2")]).documents == 0
    assert corpus.files("documents") == []
    assert corpus.tombstones().ids == {identity(w) for w in ("a0", "a1", "a2")}


@pytest.mark.parametrize("row", [document("a1", text="other"), document("fresh", text="text of a1")])
def test_what_was_taken_down_cannot_be_published(published, row):
    published.takedown([identity("a1")], "asked")
    name = write(published.store, "documents", documents([{**row, "batch_id": "b3"}]))
    with pytest.raises(ContractViolation, match="taken down"):
        published.publish(base=3, batch_id="b3", fingerprint=FINGERPRINT, documents=[name])


def test_takedown_twice_changes_nothing(published):
    first = published.takedown([identity("a1")], "asked")
    assert published.takedown([identity("a1")], "asked") == first
    second = published.takedown([identity("a1"), identity("a2")], "asked")
    assert (second.number, second.removed) == (4, 1)
    rows = [r for batch in published.rows("tombstones") for r in batch.to_pylist()]
    assert sorted(r["document_id"] for r in rows) == sorted([identity("a1"), identity("a2")])


def test_takedown_in_an_empty_corpus_holds_for_later(corpus):
    release = corpus.takedown([identity("a1")], "asked")
    assert (release.number, release.documents) == (1, 0)
    with pytest.raises(ContractViolation, match="taken down"):
        publish(corpus, "b1", A, base=1)


@pytest.mark.parametrize(
    "arguments", [([],), (["someone@example.org"],), ([identity("a").upper()],), ([identity("a") + "\n"],)]
)
def test_takedown_names_ids_only(published, arguments):
    with pytest.raises(UserError, match="takedown") as caught:
        published.takedown(*arguments, "asked")
    assert "someone" not in str(caught.value)
