"""The published corpus: publish and read."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from batches import (
    FINGERPRINT,
    WORDS,
    A,
    B,
    C,
    again,
    document,
    documents,
    identity,
    publish,
    signatures,
    words_of,
    write,
)

from pipeline.errors import ContractViolation, ReleaseConflict, SnapshotError
from pipeline.lake.release import Redacting
from pipeline.lake.releases import Approval, Corpus, Signing
from pipeline.lake.store import Store


def test_an_empty_corpus(corpus):
    assert corpus.newest() is None
    assert corpus.history() == []
    assert corpus.tombstones() == corpus.tombstones(None)
    assert not corpus.tombstones()
    assert list(corpus.documents()) == list(corpus.signatures()) == list(corpus.added_since(None)) == []
    assert corpus.text_of([identity("a")]) == {}
    assert corpus.files("documents") == []
    assert corpus.find("b1", FINGERPRINT) is None
    assert corpus.store.list() == []  # looking makes nothing


def test_a_release_holds_what_was_published(published):
    one, two = published.history()
    assert (one.number, one.builds_on, one.kind, one.documents, one.added, one.removed) == (1, None, "publish", 6, 6, 0)
    assert (two.number, two.builds_on, two.documents, two.added) == (2, 1, 12, 6)
    reader = again(published)
    assert reader.newest() == two == reader.get(2)
    assert words_of(reader, WORDS) == sorted(A + B)
    assert words_of(reader, WORDS, one) == sorted(A)
    row = next(reader.documents(ids=[identity("b3")])).to_pylist()
    assert row == [document("b3", batch_id="b2")]


def test_signatures_decisions_and_metrics(published):
    rows = [row for batch in published.signatures() for row in batch.to_pylist()]
    assert sorted(row["document_id"] for row in rows) == sorted(identity(w) for w in A + B)
    assert all(row["bands"] == [1, -2] for row in rows)
    (decision,) = [r for batch in published.rows("decisions", ids=[identity("rejected b2")]) for r in batch.to_pylist()]
    assert decision["reason"] == "quality.score@1"
    figures = [r for batch in published.rows("metrics") for r in batch.to_pylist()]
    assert sorted((r["release"], r["batch_id"], r["name"], r["value"]) for r in figures if r["source"] is None) == [
        (1, "b1", "kept_share", 0.75),
        (2, "b2", "kept_share", 0.75),
    ]
    assert [r["value"] for r in figures if r["source"] == "web"] == [None, None]


def test_text_of(published):
    asked = [identity("a0"), identity("b5"), identity("nowhere")]
    assert published.text_of(asked) == {identity("a0"): "text of a0", identity("b5"): "text of b5"}
    assert published.text_of(asked, published.get(1)) == {identity("a0"): "text of a0"}


def test_what_is_kept_for_ever(corpus):
    approval = Approval(who="cora", when="2026-01-02T03:04:05Z", why="checked")
    publish(corpus, "b1", A, kpis={"quality": {"lower": 0.96}}, marks=["pii: not measured"], approved=approval)
    release = again(corpus).newest()
    assert release.kpis == {"quality": {"lower": 0.96}}
    assert release.marks == ("pii: not measured",)
    assert release.approved == approval
    assert corpus.takedown([identity("a0")], "asked").marks == release.marks


def test_publishing_twice_changes_nothing(published):
    files = published.store.list()
    assert publish(again(published), "b1", A) == published.get(1)  # whatever base it names
    assert published.newest().number == 2
    # Nothing but the rerun's own files was written.
    new = set(published.store.list()) - set(files)
    assert all("/data/b1-" in name for name in new)
    with again(published).lease("someone"):
        assert publish(published, "b1", A) == published.get(1)  # nor does it wait


def test_an_old_base_is_refused(published):
    with pytest.raises(ReleaseConflict, match="builds on release 1, the newest is 2"):
        publish(published, "b3", C, base=1)
    with pytest.raises(ReleaseConflict):
        publish(published, "b3", C, base=None)
    assert published.newest().number == 2


def test_the_same_documents_give_the_same_digest(corpus, tmp_path):
    publish(corpus, "b1", A + B)
    other = Corpus(Store(str(tmp_path / "elsewhere")))
    publish(other, "x", B[::-1])
    publish(other, "y", A, base=1)
    assert other.newest().digest == corpus.newest().digest
    assert other.get(1).digest != corpus.newest().digest


def test_the_digest_equals_a_full_recomputation(published):
    published.takedown([identity("a1"), identity("b1")], "asked")
    published.rollback(1, "bad")
    publish(published, "b3", C, base=4)
    for release in published.history():
        assert published.recompute(release, texts=True) == release.digest


@pytest.mark.parametrize("field", ["text", "lineage"])
def test_a_text_that_is_not_its_digest_is_found(corpus, field):
    rows = [document("a0"), document("a1", **{field: "true"})]
    rows[1][field] = "forged"
    name = write(corpus.store, "documents", documents(rows))
    corpus.publish(base=None, batch_id="b1", fingerprint=FINGERPRINT, documents=[name])
    assert corpus.recompute() == corpus.newest().digest
    with pytest.raises(SnapshotError, match=identity("a1")) as caught:
        corpus.recompute(texts=True)
    assert "forged" not in str(caught.value)


def test_an_empty_batch_is_a_release(published):
    release = publish(published, "b3", [], base=2)
    assert (release.number, release.documents, release.added) == (3, 12, 0)
    assert release.digest == published.get(2).digest


def test_how_documents_were_signed_is_remembered_taken_down_and_rolled_back(corpus):
    one, two = (Signing(bands=bands, rows=7, shingle_size=5, seed=1) for bands in (20, 18))
    publish(corpus, "b1", A, signing=one)
    publish(corpus, "b2", B, base=1, signing=two)
    publish(corpus, "b3", C, base=2, signing=one)
    corpus.takedown([identity("a1")], "asked")
    corpus.reindex()
    corpus.rollback(1, "bad")
    known = {1: (one,), 2: (one, two), 3: (one, two), 4: (one, two), 5: (one, two), 6: (one,)}
    assert {release.number: release.signings for release in corpus.history()} == known
    assert Corpus(corpus.store).newest().signings == (one,)
    publish(corpus, "b4", ["d1"], base=6)
    publish(corpus, "b5", ["e1"], base=7, signing=one)
    assert corpus.newest().signings is None, "of some it is not known"


def test_without_signatures(corpus):
    name = write(corpus.store, "documents", documents([document("a0")]))
    corpus.publish(base=None, batch_id="b1", fingerprint=FINGERPRINT, documents=[name])
    assert list(corpus.signatures()) == []
    publish(corpus, "b2", B, base=1)
    assert sum(batch.num_rows for batch in corpus.signatures()) == 6


def _with_statistics(store: Store) -> str:
    name = "warehouse/corpus/documents/data/x.parquet"
    store.write_atomic(name, b"")
    pq.write_table(documents([document("a0")]), store.local_path(name))
    return name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: {"documents": [write(s, "documents", documents([document("a0"), document("a0")]))]}, "comes twice"),
        (lambda s: {"documents": [write(s, "documents", documents([document("a0", batch_id="b9")]))]}, "another batch"),
        (lambda s: {"documents": [write(s, "signatures", signatures([document("a0")]))]}, "not have the columns"),
        (lambda s: {"documents": [_with_statistics(s)]}, "statistics on 'text'"),
        (lambda _: {"documents": ["warehouse/nothing.parquet"]}, "missing or is not Parquet"),
        (lambda _: {"documents": ["batches/b1/publish/x.parquet"]}, "does not lie under warehouse/"),
        (
            lambda s: {
                "documents": [write(s, "documents", documents([document("a0"), document("a1")]))],
                "signatures": [write(s, "signatures", signatures([document("a0")]))],
            },
            "signatures are not those",
        ),
        (
            lambda s: {
                "documents": [write(s, "documents", documents([document("a0")]))],
                "signatures": [write(s, "signatures", signatures([document("a1")]))],
            },
            "signatures are not those",
        ),
        (
            lambda s: {
                "documents": [write(s, "documents", documents([document("a0"), document("a1")]))],
                "signatures": [write(s, "signatures", signatures([document("a0"), document("a0")]))],
            },
            "comes twice",
        ),
    ],
)
def test_files_that_break_the_contract_are_refused(corpus, make, words):
    with pytest.raises(ContractViolation, match=words):
        corpus.publish(base=None, batch_id="b1", fingerprint=FINGERPRINT, **{"documents": [], **make(corpus.store)})
    assert corpus.newest() is None


def test_a_published_document_cannot_be_published_again(published, monkeypatch):
    for at_once in (1_000_000, 1):
        monkeypatch.setattr("pipeline.lake.addition._IDS_AT_ONCE", at_once)
        with pytest.raises(ContractViolation, match="1 documents of batch 'b3' are in the corpus already"):
            publish(published, "b3", ["new", "a2"], base=2)


def added(corpus: Corpus, number: int | None, table: str = "documents") -> list[str]:
    ids = [i for batch in corpus.added_since(number, table, ["document_id"]) for i in batch["document_id"].to_pylist()]
    names = {identity(w): w for w in WORDS}
    return sorted(names[i] for i in ids)


@pytest.mark.parametrize("table", ["documents", "signatures"])
def test_added_since(published, table):
    assert added(published, None, table) == added(published, 0, table) == sorted(A + B)
    assert added(published, 1, table) == sorted(B)
    assert added(published, 2, table) == []
    published.takedown([identity("a1"), identity("b1")], "asked")
    assert added(published, 1, table) == sorted({*B} - {"b1"})
    assert added(published, 2, table) == []  # its files were written anew, its rows are old
    publish(published, "b3", C, base=3)
    assert added(published, 2, table) == sorted(C)
    published.rollback(1, "bad")
    assert added(published, 2, table) == []


def test_how_documents_were_redacted_is_remembered_by_the_release_that_brought_them(corpus):
    first, second = (Redacting(looked_for="0" * 64, tokens=key * 64) for key in "12")
    publish(corpus, "b1", A)  # by a version that did not say it
    publish(corpus, "b2", B, base=1, redacting=first)
    publish(corpus, "b3", C, base=2, redacting=second)
    corpus.takedown([identity("a1")], "asked")
    corpus.rollback(2, "bad")
    publish(corpus, "b4", ["d1"], base=5, redacting=second)
    publish(corpus, "b5", ["e1"], base=6, redacting=first)
    newest = Corpus(corpus.store).newest()
    assert [newest.redacted_as(number) for number in (1, 2, 6, 7)] == [None, first, second, first]
    assert [(entry.since, entry.redacting) for entry in newest.redactions] == [(2, first), (3, second), (7, first)]
