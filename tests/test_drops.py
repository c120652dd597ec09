"""Drops: complete ones are found once, half-arrived ones wait, changed ones come again, unreadable ones are named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, config, drops, listing
from pipeline.drop_places import LocalPlace
from pipeline.errors import ConfigError, SourceChanged, SourceUnavailable
from pipeline.stages import ingest
from tests.end_to_end.conftest import YAML, documents, write_jsonl

SOURCE = "licensed_content"


def project(tmp_path: Path, *sources: str) -> str:
    listed = "".join(f"      - {source}\n" for source in sources or (SOURCE,))
    (tmp_path / "pipeline.yaml").write_text(
        YAML.replace("      - social_feeds\n      - web_crawl\n      - licensed_content\n", listed)
    )
    return str(tmp_path / "pipeline.yaml")


def drop(tmp_path: Path, name: str, start: int, *, complete: bool = True, source: str = SOURCE, count: int = 3) -> Path:
    folder = tmp_path / "input" / source / name
    write_jsonl(folder / "a.jsonl", documents(count, start))
    if complete:
        (folder / "_SUCCESS").touch()
    return folder


def found(config_file: str) -> list[str]:
    return [entry["drop"] for entry in api.find_drops(config_file)["drops"]]


def test_a_complete_drop_is_found_until_it_is_claimed(tmp_path: Path) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    drop(tmp_path, "night-2", 3)
    half = drop(tmp_path, "night-3", 6, complete=False)
    search = api.find_drops(config_file)
    assert [entry["drop"] for entry in search["drops"]] == ["night-1", "night-2"]
    assert search["waiting"] == [f"{SOURCE}/night-3: it holds no _SUCCESS yet"]
    assert api.claim_drop(config_file, search["drops"][0])
    assert not api.claim_drop(config_file, search["drops"][0])
    assert found(config_file) == ["night-2"]
    (half / "_SUCCESS").touch()
    assert found(config_file) == ["night-2", "night-3"]


def test_a_drops_batch_is_the_batch_that_its_paths_make(tmp_path: Path) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    [entry] = api.find_drops(config_file)["drops"]
    reference = opened(config_file, entry)
    assert reference["batch_id"] == entry["batch_id"]


def opened(config_file: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Open a drop's batch as the nightly's run does."""
    source = entry["source"]
    return api.open_batch(config_file, inputs={source: entry["paths"]}, sources=[source], batch_id=entry["batch_id"])


def test_of_many_claims_one_succeeds(tmp_path: Path) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    [entry] = api.find_drops(config_file)["drops"]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: api.claim_drop(config_file, entry), range(16))) == 1


def test_nothing_new_is_nothing(tmp_path: Path) -> None:
    config_file = project(tmp_path)
    (tmp_path / "input" / SOURCE).mkdir(parents=True)
    assert api.find_drops(config_file) == {"drops": [], "waiting": [], "unreadable": []}


def test_a_taken_drop_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    [entry] = api.find_drops(config_file)["drops"]
    api.claim_drop(config_file, entry)
    read: list[Any] = []
    monkeypatch.setattr(drops, "input_files", lambda source: read.append(source) or ((), ()))
    assert found(config_file) == []
    assert read == []


def test_two_drops_of_one_content_are_one(tmp_path: Path) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    drop(tmp_path, "night-1-again", 0)
    assert found(config_file) == ["night-1"]


# -- the rule without a marker -----------------------------------------------------------------------------------------


def stable(tmp_path: Path, rule: str = "drop_stable_minutes: 10") -> str:
    return project(tmp_path, f"{{name: {SOURCE}, kind: licensed, {rule}}}")


def minutes_later(config_file: str, minutes: float) -> list[str]:
    import time

    return [entry["drop"] for entry in drops.find(config.load(config_file), time.time() + 60 * minutes).drops]


def test_without_a_marker_a_drop_is_complete_once_it_has_not_changed_for_a_while(tmp_path: Path) -> None:
    config_file = stable(tmp_path)
    drop(tmp_path, "night-1", 0, complete=False)
    assert minutes_later(config_file, 9) == []
    assert drops.find(config.load(config_file)).waiting == [f"{SOURCE}/night-1: it changed less than 10 minutes ago"]
    assert minutes_later(config_file, 10.1) == ["night-1"]


def test_preserved_modification_times_do_not_make_a_copy_in_progress_look_old(tmp_path: Path) -> None:
    config_file = stable(tmp_path)
    folder = drop(tmp_path, "night-1", 0, complete=False)
    for path in (*folder.iterdir(), folder):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert minutes_later(config_file, 9) == []
    assert minutes_later(config_file, 10.1) == ["night-1"]


def test_a_change_deep_inside_counts(tmp_path: Path) -> None:
    folder = drop(tmp_path, "night-1", 0, complete=False)
    write_jsonl(folder / "deep" / "er" / "b.jsonl", documents(1, 5))
    deepest = (folder / "deep" / "er" / "b.jsonl").stat().st_ctime
    state, newest = LocalPlace(folder).state()
    assert newest >= deepest
    (folder / "deep" / "er" / "b.jsonl").open("a").write("\n")
    assert LocalPlace(folder).state()[0] != state


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("drop_marker: DONE, drop_stable_minutes: 10", "has both drop_marker and drop_stable_minutes"),
        ("drop_stable_minutes: 0", "greater than 0"),
        ("drop_marker: a/b", "drop_marker"),
        ("drop_stable_minute: 5", "did you mean 'drop_stable_minutes'"),
    ],
)
def test_an_unclear_rule_is_a_sentence(tmp_path: Path, rule: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        api.find_drops(stable(tmp_path, rule))


def test_settings_survive_being_written_and_read(tmp_path: Path) -> None:
    config_file = stable(tmp_path)
    drop(tmp_path, "night-1", 0, complete=False)
    reference = api.open_batch(config_file)
    assert reference["batch_id"]


# -- changed drops -----------------------------------------------------------------------------------------------------


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")


@pytest.mark.slow
def test_a_drop_that_changed_after_it_was_taken_comes_again_and_nothing_doubles(tmp_path: Path, inline: None) -> None:
    config_file = project(tmp_path)
    folder = drop(tmp_path, "night-1", 0, count=12)
    [first] = api.find_drops(config_file)["drops"]
    api.claim_drop(config_file, first)
    assert api.run_all(opened(config_file, first))["release"] == 1
    write_jsonl(folder / "b.jsonl", documents(12, 12))
    [second] = api.find_drops(config_file)["drops"]
    assert second["taken_before"] == [first["batch_id"]]
    api.claim_drop(config_file, second)
    result = api.run_all(opened(config_file, second))
    before = listing.release(config_file, 1)["documents"]
    assert result["documents"] == before + result["added"]
    rejected = {row["stage"]: sum(row["rejected"].values()) for row in api.funnel(opened(config_file, second))}
    assert rejected["dedup"] == before == 12, "what was published before is a duplicate of what is published"
    assert found(config_file) == []


def test_a_drop_that_changed_before_it_was_opened_is_refused_and_found_again(tmp_path: Path) -> None:
    config_file = project(tmp_path)
    folder = drop(tmp_path, "night-1", 0)
    [first] = api.find_drops(config_file)["drops"]
    api.claim_drop(config_file, first)
    write_jsonl(folder / "b.jsonl", documents(2, 5))
    with pytest.raises(SourceChanged, match=f"'{SOURCE}'.*then batch {first['batch_id']}, now b"):
        opened(config_file, first)
    assert listing.batches(config_file) == []
    [second] = api.find_drops(config_file)["drops"]
    assert second["taken_before"] == [first["batch_id"]]
    assert opened(config_file, second)["batch_id"] == second["batch_id"]


def grows(file: Path) -> None:
    file.open("a").write('{"text": "late"}\n')


def is_replaced(file: Path) -> None:
    other = file.with_suffix(".new")
    other.write_bytes(file.read_bytes().replace(b"the", b"der"))
    other.replace(file)


def shrinks(file: Path) -> None:
    os.truncate(file, 100)


def vanishes(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (grows, SourceChanged, "changed since the batch was opened"),
        (is_replaced, SourceChanged, "changed since the batch was opened"),
        (shrinks, SourceChanged, "changed since the batch was opened"),
        (vanishes, SourceUnavailable, "FileNotFoundError"),
    ],
)
def test_a_file_that_changes_while_it_is_read_fails_its_own_batch_by_name_and_no_other(
    tmp_path: Path,
    inline: None,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    error: type[Exception],
    said: str,
) -> None:
    config_file = project(tmp_path, SOURCE, "web_crawl")
    folder = drop(tmp_path, "night-1", 0)
    drop(tmp_path, "night-1", 10, source="web_crawl")
    mine, other = (opened(config_file, entry) for entry in api.find_drops(config_file)["drops"])
    honest = ingest.read_file

    def meanwhile(source: Any, file: Any) -> Any:
        reading = honest(source, file)
        if source.name == SOURCE:
            change(folder / "a.jsonl")
        return reading

    monkeypatch.setattr(ingest, "read_file", meanwhile)
    with pytest.raises(
        error,
        match=f"source '{SOURCE}'.*a.jsonl.*{said}" if said.endswith("r") else f"source '{SOURCE}': a.jsonl {said}",
    ):
        api.run_stage(mine, "ingest")
    assert api.run_stage(other, "ingest")["kept"] == 3
    assert api.funnel(mine) == []


# -- drops that cannot be read -----------------------------------------------------------------------------------------


def test_an_unreadable_drop_is_named_and_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "locked", 0)
    drop(tmp_path, "night\n1", 3)
    drop(tmp_path, "sound", 6)
    empty = drop(tmp_path, "void", 9)
    (empty / "a.jsonl").unlink()
    odd = drop(tmp_path, "odd", 12)
    (odd / "a.jsonl").rename(odd / os.fsdecode(b"a\xff.jsonl"))
    (tmp_path / "input" / SOURCE / "gone").symlink_to(tmp_path / "nowhere")
    honest = os.scandir

    def denied(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return honest(path)

    monkeypatch.setattr(
        os, "scandir", denied
    )  # file permissions do not hold back the user who runs tests in a container
    search = api.find_drops(config_file)
    assert [entry["drop"] for entry in search["drops"]] == ["sound"]
    said = dict(entry.split(": ", 1) for entry in search["unreadable"])
    assert said[f"{SOURCE}/locked"] == "Permission denied; make it readable"
    assert said[f"{SOURCE}/gone"] == "it is a link; put the folder itself there"
    assert said[f"{SOURCE}/night\\n1"] == "its name holds control characters; rename it"
    assert said[f"{SOURCE}/void"].startswith("it is complete and holds no file that a reader knows")
    # A file whose name is no text is none that can be read; it is named with the batch's unread files.
    assert said[f"{SOURCE}/odd"].startswith("it is complete and holds no file that a reader knows")
    assert len(said) == 5


def test_a_store_without_its_drops_is_nothing_and_one_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file = project(
        tmp_path, f"{{name: {SOURCE}, kind: licensed, paths: ['memory://nothing-here/']}}", "web_crawl"
    )
    drop(tmp_path, "night-1", 0, source="web_crawl")
    search = api.find_drops(config_file)
    assert [entry["drop"] for entry in search["drops"]] == ["night-1"]
    assert search["unreadable"] == []

    def refuses(*_: Any, **__: Any) -> None:
        raise PermissionError

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.ls", refuses)
    search = api.find_drops(config_file)
    assert [entry["drop"] for entry in search["drops"]] == ["night-1"]
    assert search["unreadable"] == [
        f"{SOURCE}: cannot list memory://nothing-here/ (PermissionError); check the address and the credentials"
    ]


# -- crashes -----------------------------------------------------------------------------------------------------------

CLAIM = "import sys; from pipeline import api; c = sys.argv[1]; print(api.claim_drop(c, api.find_drops(c)['drops'][0]))"


@pytest.mark.parametrize(("where", "left"), [("drop.claim.before", ["night-1"]), ("drop.claim.after", [])])
def test_killed_at_the_claim_a_drop_is_claimed_or_found_again(tmp_path: Path, where: str, left: list[str]) -> None:
    config_file = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    environment = {**os.environ, "SLUICE_FAULT": f"{where}=kill"}
    done = subprocess.run([sys.executable, "-c", CLAIM, config_file], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert found(config_file) == left
    if left:
        done = subprocess.run([sys.executable, "-c", CLAIM, config_file], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "True"
    assert found(config_file) == []
