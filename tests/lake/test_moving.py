"""A lake can be moved, copied and restored elsewhere; what is read is always the lake that was opened, and nothing outside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from batches import identity, publish, words_of

from pipeline.errors import SnapshotError, UserError
from pipeline.lake import format as formats
from pipeline.lake.fileio import name_in
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store

A, B = ["a0", "a1", "a2"], ["b0", "b1"]


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    made = Corpus(Store(str(tmp_path / "lake")))
    publish(made, "b1", A)
    return made


def at(folder: Path) -> Corpus:
    formats._known.clear()  # as in another process
    return Corpus(Store(str(folder)))


def use(corpus: Corpus) -> None:
    """Read it, change it in every way, read it again."""
    assert words_of(corpus, A) == A
    assert corpus.recompute(texts=True) == corpus.newest().digest
    publish(corpus, "b2", B, base=1)
    corpus.takedown([identity("a1")], "asked")
    corpus.rollback(1, "bad")
    corpus = at(Path(corpus.store.root))
    assert words_of(corpus, A + B) == ["a0", "a2"]
    assert words_of(corpus, A + B, corpus.get(2)) == ["a0", "a2", *B]
    assert corpus.recompute(texts=True) == corpus.newest().digest


@pytest.mark.parametrize("place", ["lake2", "lake/inside", "other folder/lake"])
def test_a_moved_lake_is_read_and_changed(corpus, tmp_path, place):
    aside = tmp_path / "aside"
    Path(corpus.store.root).rename(aside)
    target = tmp_path / place
    target.parent.mkdir(exist_ok=True)
    aside.rename(target)
    use(at(target))
    assert formats.roots(Store(str(target))) == (f"file://{tmp_path}/lake", f"file://{target}")


def test_a_lake_that_is_moved_again_and_back_is_read(corpus, tmp_path):
    for step, (old, new) in enumerate([("lake", "second"), ("second", "third"), ("third", "lake")]):
        (tmp_path / old).rename(tmp_path / new)
        publish(at(tmp_path / new), f"m{step}", [f"m{step}"], base=step + 1)
    again = at(tmp_path / "lake")
    assert words_of(again, [*A, "m0", "m1", "m2"]) == sorted([*A, "m0", "m1", "m2"])
    assert again.recompute(texts=True) == again.newest().digest


def test_a_copy_is_read_even_where_the_first_lake_still_lies(corpus, tmp_path):
    shutil.copytree(tmp_path / "lake", tmp_path / "copy")
    publish(corpus, "b2", B, base=1)
    use(at(tmp_path / "copy"))
    assert words_of(at(tmp_path / "lake"), A + B) == A + B
    for file in (tmp_path / "lake").rglob("*.parquet"):
        file.write_bytes(b"broken")
    assert words_of(at(tmp_path / "copy"), A + B) == ["a0", "a2"]


def test_reading_at_another_root_writes_nothing(corpus, tmp_path):
    (tmp_path / "lake").rename(tmp_path / "moved")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "moved").rglob("*") if path.is_file()}
    assert words_of(at(tmp_path / "moved"), A) == A
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "moved").rglob("*") if path.is_file()} == files


def test_a_lake_that_does_not_know_its_former_root_says_what_to_do(corpus, tmp_path):
    target = tmp_path / "moved"
    (tmp_path / "lake").rename(target)
    (target / "lake.json").write_bytes(formats.LakeRecord().to_bytes())
    with pytest.raises(SnapshotError, match="run `sluice lake moved-from OLD_ROOT"):
        words_of(at(target), A)
    formats.moved_from(Store(str(target)), str(tmp_path / "lake"))
    use(at(target))


def test_where_it_lay_must_be_said(corpus):
    with pytest.raises(UserError, match="where the lake lay"):
        formats.moved_from(corpus.store, " ")


def test_another_process_may_add_a_root(corpus, tmp_path):
    """Two machines may see one lake under two names."""
    (tmp_path / "alias").symlink_to(tmp_path / "lake")
    reader = at(tmp_path / "lake")
    assert words_of(reader, A) == A
    known = dict(formats._known)
    publish(at(tmp_path / "alias"), "b2", B, base=1)
    formats._known.clear()
    formats._known.update(known)  # what the reader's process knows
    assert words_of(Corpus(reader.store), A + B) == A + B


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "/etc/passwd", "file://LAKE2/warehouse/x", "s3://bucket/warehouse/x", "memory://LAKE/x", ""],
)
def test_nothing_outside_the_lake_is_resolved(corpus, location):
    root = corpus.store.root
    with pytest.raises(SnapshotError, match="under no root"):
        name_in(corpus.store, location.replace("LAKE", root.removeprefix("/") if "memory" in location else root))


@pytest.mark.parametrize("rest", ["../x", "warehouse/../../x", "warehouse//x", ""])
def test_no_address_leaves_the_root(corpus, rest):
    with pytest.raises(UserError):
        name_in(corpus.store, f"{corpus.store.address}/{rest}")


def test_a_batch_is_where_its_lake_is_now(tmp_path):
    from pipeline.batch import load_batch

    folder = tmp_path / "now" / "batches" / "b1"
    folder.mkdir(parents=True)
    (tmp_path / "now" / "lake.json").write_bytes(formats.LakeRecord().to_bytes())
    record = {"format_version": 1, "batch_id": "b1", "inputs": [], "base": None}
    (folder / "batch.json").write_text(json.dumps(record))
    for name, raw in (("inside", "/then/secret/raw"), ("outside", "/vault"), ("default", None)):
        (folder / f"settings-{name}.json").write_text(json.dumps({"lake": {"root": "/then", "raw_root": raw}}))
    now = str(tmp_path / "now")
    found = {
        name: load_batch({"lake": now, "batch_id": "b1", "settings": name}) for name in ("inside", "outside", "default")
    }
    assert {batch.lake.root for batch in found.values()} == {now}
    assert [found[name].raw.root for name in found] == [f"{now}/secret/raw", "/vault", f"{now}/raw"]
    assert found["inside"].reference()["lake"] == now
