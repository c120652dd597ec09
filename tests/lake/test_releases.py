"""The published corpus: publish, read, take down, roll back."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import FINGERPRINT, document, documents, identity, publish, sha256, signatures, words_of, write

from pipeline.errors import ContractViolation, LeaseHeld, ReleaseConflict, SnapshotError, UserError
from pipeline.lake.releases import Approval, Corpus
from pipeline.lake.store import Store

WORDS = [f"{batch}{i}" for batch in "abc" for i in range(6)]
A, B, C = WORDS[:6], WORDS[6:12], WORDS[12:]


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    return Corpus(Store(str(tmp_path / "lake")))


@pytest.fixture
def published(corpus) -> Corpus:
    """Two releases: six documents, then six more."""
    publish(corpus, "b1", A)
    publish(corpus, "b2", B, base=1)
    return corpus


def again(corpus: Corpus) -> Corpus:
    """Another process's view."""
    return Corpus(Store(corpus.store.root))


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


# -- takedown ----------------------------------------------------------------------------------------------------------


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


# -- rollback ----------------------------------------------------------------------------------------------------------


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


# -- rebase ------------------------------------------------------------------------------------------------------------


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


# -- lease -------------------------------------------------------------------------------------------------------------


def test_a_change_waits_for_the_lease(published):
    with again(published).lease("someone"):
        for change in (
            lambda: publish(published, "b3", C, base=2),
            lambda: published.takedown([identity("a1")], "x"),
            lambda: published.rollback(1, "x"),
        ):
            with pytest.raises(LeaseHeld, match="'someone'"):
                change()
    assert published.newest().number == 2


def test_a_lease_can_span_steps_and_makes_one_release(published):
    with published.lease("rebase and publish") as lease:
        assert publish(published, "b3", C, base=2, lease=lease).number == 3
        with pytest.raises(ReleaseConflict, match="a new lease for each change"):
            published.takedown([identity("a1")], "x", lease=lease)
    assert words_of(published, WORDS) == sorted(WORDS)


def test_a_stale_holder_cannot_publish(published, monkeypatch):
    monkeypatch.setattr("pipeline.lake.lease.Lease._renew", lambda _: None)
    other = again(published)
    with published.lease("paused", ttl=0) as paused:
        with other.lease("next") as lease:
            with pytest.raises(LeaseHeld, match="taken over"):
                publish(published, "b3", C, base=2, lease=paused)
            assert publish(other, "b4", ["a0x"], base=2, lease=lease).number == 3
        with pytest.raises(ReleaseConflict):
            publish(published, "b3", C, base=2, lease=paused)
    # Not even without the check of the lease: the record's number is taken.
    assert words_of(other, [*WORDS, "a0x"]) == sorted([*A, *B, "a0x"])


def test_without_any_check_the_record_itself_stops_a_stale_holder(published, monkeypatch):
    monkeypatch.setattr("pipeline.lake.lease.Lease._renew", lambda _: None)
    monkeypatch.setattr("pipeline.lake.lease.Lease.check", lambda _: outrun())
    other = again(published)

    def outrun() -> None:
        monkeypatch.setattr("pipeline.lake.lease.Lease.check", lambda _: None)
        publish(other, "b4", ["a0x"], base=2)

    with pytest.raises(ReleaseConflict, match="release 3 exists already"), published.lease("paused", ttl=0) as paused:
        publish(published, "b3", C, base=2, lease=paused)
    release = again(published).newest()
    assert (release.number, release.batch_id) == (3, "b4")
    # What the outrun writer appended is in no later release.
    publish(other, "b5", ["a1x"], base=3)
    assert words_of(other, [*WORDS, "a0x", "a1x"]) == sorted([*A, *B, "a0x", "a1x"])
    assert other.recompute() == other.newest().digest
