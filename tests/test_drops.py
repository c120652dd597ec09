"""Nightly drops: complete ones are found once, half-arrived ones wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline import api
from tests.end_to_end.conftest import YAML, documents, write_jsonl


def project(tmp_path: Path) -> str:
    (tmp_path / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    return str(tmp_path / "pipeline.yaml")


def drop(tmp_path: Path, name: str, start: int, *, complete: bool = True) -> Path:
    folder = tmp_path / "input" / "licensed_content" / name
    write_jsonl(folder / "a.jsonl", documents(3, start))
    if complete:
        (folder / "_SUCCESS").touch()
    return folder


def test_a_complete_drop_is_found_until_it_is_claimed(tmp_path: Path) -> None:
    config = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    drop(tmp_path, "night-2", 3)
    half = drop(tmp_path, "night-3", 6, complete=False)
    found = api.find_drops(config)
    assert [entry["drop"] for entry in found] == ["night-1", "night-2"]
    assert api.claim_drop(config, found[0])
    assert not api.claim_drop(config, found[0])
    assert [entry["drop"] for entry in api.find_drops(config)] == ["night-2"]
    (half / "_SUCCESS").touch()
    assert [entry["drop"] for entry in api.find_drops(config)] == ["night-2", "night-3"]


def test_a_drops_batch_is_the_batch_that_its_paths_make(tmp_path: Path) -> None:
    config = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    [found] = api.find_drops(config)
    reference = api.open_batch(config, inputs={found["source"]: found["paths"]}, sources=[found["source"]])
    assert reference["batch_id"] == found["batch_id"]


def test_of_many_claims_one_succeeds(tmp_path: Path) -> None:
    config = project(tmp_path)
    drop(tmp_path, "night-1", 0)
    [found] = api.find_drops(config)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: api.claim_drop(config, found), range(16))) == 1


def test_nothing_new_is_nothing(tmp_path: Path) -> None:
    config = project(tmp_path)
    (tmp_path / "input" / "licensed_content").mkdir(parents=True)
    assert api.find_drops(config) == []
