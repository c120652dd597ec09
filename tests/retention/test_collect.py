"""`sluice gc` on a copy of the golden lake: what goes when, what never goes, and that a crash changes nothing of that."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import config, faults, listing
from pipeline.batch import corpus, load_batch
from pipeline.chain import full_chain
from pipeline.errors import SnapshotError
from pipeline.explain import explain
from pipeline.lake import expired
from pipeline.lake.format import moved_from
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.retention.collect import Report, collect
from pipeline.review import cases, decisions
from pipeline.settings import Settings
from tests.golden.lakes import DAY, Copy

HOUR = dt.timedelta(hours=1)
NEVER = {"raw_text_days": None, "text_days": None, "superseded_days": None, "orphan_hours": None}


def gc(golden: Copy, after: dt.timedelta, dry_run: bool = False, **policy: object) -> Report:
    report = collect(golden.settings(**policy), golden.born + after, dry_run=dry_run)
    assert report.skipped == []
    # What this wrote down itself is no sign of life.
    marks = [name for name in golden.store.list("batches") if name.endswith("/expired.json")]
    if marks and not dry_run:
        golden.touch(golden.born + after, *marks)
    return report


def gone(report: Report) -> dict[str, int]:
    return {row["kind"]: row["files"] for row in report.rows() if row["files"]}


def batches_of(golden: Copy) -> dict[str, str]:
    """Return the golden lake's batches: the two published ones and the rejected one."""
    releases = {r.batch_id: r.number for r in corpus(golden.settings()).history() if r.batch_id}
    names = {row["batch"]: releases.get(row["batch"]) for row in listing.batches(golden.config)}
    return {{1: "first", 2: "second", None: "rejected"}[number]: name for name, number in names.items()}


def chain_of(golden: Copy, batch: str):
    return full_chain(load_batch(listing.find_batch(golden.config, batch)))


def documents_of(golden: Copy) -> list[str]:
    chains = [chain_of(golden, batch) for batch in batches_of(golden).values()]
    found = {i for chain in chains for i in chain.read("ingest", 0, ["document_id"]).column(0).to_pylist()}
    return sorted(found)


def stories(golden: Copy) -> list[dict]:
    return [explain(golden.settings(), document) for document in documents_of(golden)]


def check_corpus(lake: Corpus) -> None:
    """Every release is whole, old ones too."""
    for release in lake.history():
        assert lake.recompute(release, texts=True) == release.digest


def test_what_is_young_stays(golden: Copy) -> None:
    before = golden.files()
    assert gone(gc(golden, 47 * HOUR)) == {}
    assert golden.files() == before


def test_a_lake_without_review_cases_gets_none(golden: Copy) -> None:
    golden.store.remove("review.db")
    assert gone(gc(golden, 31 * DAY)) == {"text": 3, "candidate": 2}  # what was rejected is unfinished now
    assert not golden.store.exists("review.db")


def test_null_is_for_ever(golden: Copy) -> None:
    golden.plant("batches/.tmp-x", golden.born)
    before = golden.files()
    assert gone(gc(golden, 10_000 * DAY, **NEVER)) == {}
    assert golden.files() == before


def test_candidates_of_a_rejected_batch_go_first_then_text_then_raw_text(golden: Copy) -> None:
    before, told = golden.files(), stories(golden)
    gc(golden, 3 * DAY)
    lost = before.keys() - golden.files().keys()
    rejected = batches_of(golden)["rejected"]
    assert {(name.split("/")[2], name.split("/")[4].split("-")[0]) for name in lost} == {
        ("documents", rejected),
        ("signatures", rejected),
    }

    assert gone(gc(golden, 31 * DAY)) == {"text": 3}
    assert gone(gc(golden, 89 * DAY)) == {}
    assert gone(gc(golden, 92 * DAY)) == {"raw text": 3}
    assert gone(gc(golden, 92 * DAY)) == {}
    assert not [name for name in golden.store.list() if "-raw-" in name or "-text-" in name]

    assert stories(golden) == told
    check_corpus(corpus(golden.settings()))
    released = corpus(golden.settings())
    assert sum(len(part) for part in released.documents(columns=["text"])) == released.newest().documents


def test_what_is_gone_is_said_with_policy_day_and_next_step(golden: Copy) -> None:
    gc(golden, 92 * DAY, raw_text_days=60)
    batch = batches_of(golden)["first"]
    chain = chain_of(golden, batch)
    said = rf"the redacted text of batch {batch} expired on {golden.born + 92 * DAY:%Y-%m-%d} by policy \(retention.text_days: 30\)"
    for read in (lambda: chain.texts(0), chain.require_texts, lambda: list(chain.each_live(["text"]))):
        with pytest.raises(SnapshotError, match=f"{said}.*bring the source's files again.*--replay"):
            read()
    [rejected, *_] = listing.quarantined(listing.find_batch(golden.config, batch), None, None, 9)
    with pytest.raises(SnapshotError, match=r"the raw text .* \(retention.raw_text_days: 60\)"):
        listing.quarantined_content(listing.find_batch(golden.config, batch), rejected["document_id"])
    assert chain.read("quality", 0, ["quality_score"]).num_rows == 8
    entries = {(entry.stage, entry.role) for entry in expired.read(golden.store, batch).entries}
    assert entries == {("ingest", "raw"), ("pii", "text")}


def test_a_missing_file_that_no_policy_took_is_damage(golden: Copy) -> None:
    gc(golden, 92 * DAY, text_days=None)
    chain = chain_of(golden, batches_of(golden)["first"])
    golden.store.remove(chain.manifest("pii").shards("text")[0].name)
    with pytest.raises(SnapshotError, match="named by a manifest but gone"):
        chain.texts(0)


def test_a_dry_run_changes_nothing_and_says_what_a_run_does(copies: Callable[[str], Copy]) -> None:
    golden = copies("dry")
    golden.plant("batches/.tmp-1", golden.born)
    golden.plant("warehouse/corpus/documents/data/lost.parquet", golden.born)
    before, clocks = golden.files(), {entry.name: entry.modified for entry in golden.store.entries()}
    promised = gc(golden, 92 * DAY, dry_run=True)
    assert golden.files() == before
    assert {entry.name: entry.modified for entry in golden.store.entries() if entry.name in clocks} == clocks
    done = gc(golden, 92 * DAY)
    assert done.rows() == promised.rows()
    assert gone(done) == {"raw text": 3, "text": 3, "candidate": 2, "orphan": 2}
    lost = before.keys() - golden.files().keys()
    assert len(lost) == sum(gone(done).values())
    assert sum(len(before[name]) for name in lost) == sum(row["bytes"] for row in done.rows())


def test_places_go_with_their_snapshot(golden: Copy) -> None:
    [ingest, *_] = [name for name in golden.store.list() if "/ingest/" in name and name.endswith("/manifest.json")]
    _, batch, _, fingerprint, _ = ingest.split("/")
    kept = golden.plant(f"places/{batch}-{fingerprint}.arrow", golden.born - 30 * DAY)
    lost = golden.plant(f"places/{batch}-{'0' * 16}.arrow", golden.born - 30 * DAY)
    new = golden.plant(f"places/{batch}-{'1' * 16}.arrow", golden.born)
    collect(golden.settings(**NEVER | {"orphan_hours": 24}), golden.born + HOUR)
    assert [golden.store.exists(name) for name in (kept, lost, new)] == [True, False, True]


def test_a_batch_that_waits_for_a_curator_keeps_everything(golden: Copy) -> None:
    database = cases.database_of(golden.settings())
    batch = batches_of(golden)["rejected"]
    [case] = cases.list_cases(database, batch_id=batch)
    decisions.reopen(database, case.case_id, who="a curator", why="again", when=golden.born + 200 * DAY)
    before = {name: data for name, data in golden.files().items() if batch in name}
    gc(golden, 202 * DAY)
    assert {name: data for name, data in golden.files().items() if batch in name} == before
    gc(golden, 206 * DAY)  # nobody answered
    assert {name for name in before if name not in golden.files()} == {
        name for name in before if "warehouse/corpus" in name
    }


def test_a_batch_that_is_run_again_keeps_everything(golden: Copy) -> None:
    batch = batches_of(golden)["first"]
    [settings] = [name for name in golden.store.list(f"batches/{batch}") if "/settings-" in name]
    golden.touch(golden.born + 80 * DAY, settings)
    before = {name: data for name, data in golden.files().items() if batch in name}
    gc(golden, 92 * DAY)
    assert {name: data for name, data in golden.files().items() if batch in name} == before


def test_a_batch_that_was_opened_meanwhile_keeps_everything(golden: Copy) -> None:
    """Between the first look at all batches and the mark of one, somebody begins to work on it."""
    batch = batches_of(golden)["first"]
    [settings] = [name for name in golden.store.list(f"batches/{batch}") if "/settings-" in name]
    before = {name: data for name, data in golden.files().items() if batch in name}
    now = golden.born + 92 * DAY

    def reopen(what: str, done: int, total: int) -> None:
        if what == "batches looked at" and done == total - 1:
            golden.touch(now, settings)

    collect(golden.settings(), now, progress=reopen)
    assert {name: data for name, data in golden.files().items() if batch in name} == before


def test_a_replaced_result_goes_and_what_it_released_stays(golden: Copy) -> None:
    batch = batches_of(golden)["first"]
    [head] = [name for name in golden.store.list(f"batches/{batch}") if "/head-" in name]
    *kept, (stage, fingerprint) = json.loads(golden.store.read_bytes(head))
    golden.store.write_atomic(head, json.dumps(kept).encode())
    golden.touch(golden.born, head)
    folder = f"batches/{batch}/{stage}/{fingerprint}"
    assert "superseded" not in gone(gc(golden, 13 * DAY))
    before = len(golden.store.list(folder))
    assert gone(gc(golden, 15 * DAY)) == {"superseded": before}
    assert golden.store.list(folder) == []
    check_corpus(corpus(golden.settings()))
    assert chain_of(golden, batch).stages[-1] == "validate"


def test_unnamed_files_go_when_they_and_their_batch_are_old(golden: Copy) -> None:
    batch, old, young = batches_of(golden)["first"], golden.born, golden.born + 40 * HOUR
    manifest = chain_of(golden, batch).manifest("quality")
    folder = manifest.name.rpartition("/")[0]
    dead = {
        golden.plant(f"{folder}/shard-00000-columns-dead.parquet", old),
        golden.plant(f"{folder}/scratch-pairs-00000-dead.parquet", old),
        golden.plant(f"batches/{batch}/quality/0123456789abcdef/shard-00000-columns-dead.parquet", old),
        golden.plant(f"raw/batches/{batch}/ingest/0123456789abcdef/shard-00000-raw-dead.parquet", old),
        golden.plant("warehouse/corpus/documents/data/rewritten-1.parquet", old),
        golden.plant("warehouse/releases/.tmp-1", old),
        golden.plant(f"{folder}/.tmp-2", old),
        golden.plant("raw/.tmp-3", old),
    }
    kept = {
        golden.plant("warehouse/corpus/documents/data/rewritten-2.parquet", young),
        golden.plant("warehouse/releases/.tmp-4", young),
        golden.plant(f"batches/{batch}/notes.txt", old),
    }
    policy = {"text_days": None, "raw_text_days": None}
    report = gc(golden, 50 * HOUR, **policy)
    assert gone(report) == {"orphan": len(dead), "candidate": 2}
    there = set(golden.store.list())
    assert not dead & there
    assert kept <= there


def test_a_running_stage_keeps_what_it_has_not_committed_yet(golden: Copy) -> None:
    batch = batches_of(golden)["first"]
    first = golden.plant(f"batches/{batch}/quality/0123456789abcdef/shard-00000-columns-new.parquet", golden.born)
    golden.plant(f"batches/{batch}/quality/0123456789abcdef/shard-00001-columns-new.parquet", golden.born + 3 * DAY)
    gc(golden, 4 * DAY)
    assert golden.store.exists(first)


def test_files_of_the_corpus_wait_for_the_writer(golden: Copy) -> None:
    left = golden.plant("warehouse/corpus/documents/data/lost.parquet", golden.born)
    with corpus(golden.settings()).lease("publish of b1"):
        report = collect(golden.settings(), golden.born + 92 * DAY)
    assert "publish of b1" in report.skipped[0]
    assert golden.store.exists(left)
    assert gone(report) == {"raw text": 3, "text": 3}
    assert gone(gc(golden, 92 * DAY)) == {"candidate": 2, "orphan": 1}


def test_a_batch_that_cannot_be_read_keeps_everything(golden: Copy) -> None:
    batch = batches_of(golden)["rejected"]
    manifest = chain_of(golden, batch).manifest("validate").name
    golden.store.write_atomic(manifest, b"{")
    golden.touch(golden.born, manifest)
    before = {name: data for name, data in golden.files().items() if batch in name}
    report = collect(golden.settings(), golden.born + 92 * DAY)
    assert len(report.skipped) == 1
    assert batch in report.skipped[0]
    assert {name: data for name, data in golden.files().items() if batch in name} == before
    assert gone(report) == {"raw text": 2, "text": 2}


def test_a_rolled_back_release_keeps_its_files(golden: Copy) -> None:
    corpus(golden.settings()).rollback(1, "bad")
    golden.touch(golden.born)
    gc(golden, 400 * DAY)
    published = corpus(golden.settings())
    check_corpus(published)
    assert published.rollback(3, "good after all").documents == published.get(3).documents
    check_corpus(published)


def _crash(settings: Settings, now: dt.datetime, point: str) -> None:
    faults.arm(f"{point}=kill")
    collect(settings, now)


QUICK = ["gc.mark.after#1", "gc.file.after#5"]
CRASHES = [
    "gc.mark.before#1",
    "gc.mark.before#2",
    "gc.mark.after#3",
    "gc.file.before#1",
    "gc.file.after#1",
    "gc.file.before#9",
    "gc.file.after#12",
]


@pytest.mark.parametrize("crashes", [QUICK, pytest.param(CRASHES, marks=pytest.mark.slow)], ids=["some", "all"])
def test_killed_anywhere_and_run_again_it_ends_the_same(crashes: list[str], copies: Callable[[str], Copy]) -> None:
    def prepared(name: str) -> Copy:
        golden = copies(name)
        batch = batches_of(golden)["second"]
        [head] = [file for file in golden.store.list(f"batches/{batch}") if "/head-" in file]
        golden.store.write_atomic(head, json.dumps(json.loads(golden.store.read_bytes(head))[:-2]).encode())
        golden.plant("warehouse/corpus/documents/data/lost.parquet", golden.born)
        golden.touch(golden.born)
        return golden

    def kept(golden: Copy) -> dict[str, bytes]:
        return {name: data for name, data in golden.files().items() if "/leases/" not in name and name != "lake.json"}

    whole = prepared("whole")
    gc(whole, 92 * DAY)
    expected = kept(whole)
    context = multiprocessing.get_context("fork")
    for number, point in enumerate(crashes):
        golden = prepared(f"crash-{number}")
        now = golden.born + 92 * DAY
        process = context.Process(target=_crash, args=(golden.settings(), now, point))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, point
        check_corpus(corpus(golden.settings()))
        gc(golden, 92 * DAY)
        assert kept(golden) == expected, point
        shutil.rmtree(golden.folder)


def test_an_object_store_and_a_raw_root_of_its_own(golden: Copy, tmp_path: Path) -> None:
    lake, raw = Store(f"memory://{tmp_path.name}/lake"), Store(f"memory://{tmp_path.name}/vault")
    for name in golden.store.list():
        target, place = (raw, name.removeprefix("raw/")) if name.startswith("raw/") else (lake, name)
        target.write_atomic(place, golden.store.read_bytes(name))
    for name in lake.list("batches"):
        if "/settings-" in name:
            stated = lake.read_json(name)
            stated["lake"]["raw_root"] = raw.root
            lake.write_atomic(name, json.dumps(stated).encode())
    overrides = {
        "lake.root": lake.root,
        "lake.catalog": f"sqlite:///{golden.folder}/lake/warehouse/catalog.db",
        "review.database": f"sqlite:///{golden.folder}/lake/review.db",
    }
    settings = config.override(config.load(golden.config), overrides)
    moved_from(lake, "/somewhere/else")  # the list grows, the golden root stays in it
    now = max(entry.modified for entry in lake.entries())
    assert collect(settings, now + 47 * HOUR).gone == []
    report = collect(settings, now + 92 * DAY)
    assert report.skipped == []
    assert gone(report) == {"raw text": 3, "text": 3, "candidate": 2}
    assert raw.list() == []
    check_corpus(corpus(settings))


def test_the_command_prints_a_table_and_json(golden: Copy) -> None:
    from typer.testing import CliRunner

    from pipeline.cli import app

    golden.plant("warehouse/.tmp-1", golden.born - 1000 * DAY)
    run = ["gc", str(golden.config), "--set", "retention.raw_text_days=null", "--set", "retention.orphan_hours=1"]
    shown = json.loads(CliRunner().invoke(app, [*run, "--dry-run", "--json"]).stdout)
    assert shown["dry_run"] is True
    [row] = [row for row in shown["kinds"] if row["kind"] == "orphan"]
    assert (row["files"], row["bytes"], row["why"]) == (1, len(b"left behind"), "retention.orphan_hours: 1.0")
    assert golden.store.exists("warehouse/.tmp-1")
    table = CliRunner().invoke(app, run, env={"COLUMNS": "160"}).stdout
    assert "Removed" in table
    assert "orphan" in table
    assert not golden.store.exists("warehouse/.tmp-1")
