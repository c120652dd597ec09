"""Deduplication removes the same documents for the same survivors however a batch is divided, ordered and run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, listing
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.dedup.components import Gone, Part, choose_in_part
from pipeline.stages import candidate_tasks, choice_tasks, signed
from tests.end_to_end.conftest import YAML, texts, write_jsonl

CONFIG = YAML.replace("      - social_feeds\n      - web_crawl\n", "")
NOTICE = "\n\nThis page belongs to the manual of the language, and may be copied with it.\n"


def rows() -> list[dict[str, object]]:
    """Return real texts in pieces, with copies, near-copies in chains, and a notice that many have in common."""
    words = [text.split() for text in texts(60)]
    pieces = [" ".join(of[start : start + 120]) for of in words for start in range(0, len(of) - 119, 120)][:220]
    chance = random.Random(3)
    for i in range(0, 200, 4):
        changed = pieces[i].split()
        for step in range(chance.randint(1, 3)):  # each step is near the one before, the last one perhaps not the first
            for _ in range(chance.randint(0, 2)):
                changed[chance.randrange(len(changed))] = f"word{step}"
            pieces.append(" ".join(changed))
    pieces = (pieces + pieces[100:120])[-256:]
    return [
        {
            "id": f"r{i}",
            "text": piece + (NOTICE if i % 3 == 0 else ""),
            "license": "PSF-2.0",
            "url": f"https://example.org/{i}",
        }
        for i, piece in enumerate(pieces)
    ]


def deduplicated(
    folder: Path, shards: int, order: int, more: Sequence[dict[str, object]] = (), replacement: str = "placeholder"
) -> dict[str, Any]:
    """Return what dedup says of each document, by its id."""
    listed = [*more, *rows()][:256]
    random.Random(order).shuffle(listed)
    first = len(listed) if shards == 1 else 172  # no shard spans two files
    for name, part in (("a", listed[:first]), ("b", listed[first:])):
        if part:
            write_jsonl(folder / "input" / "licensed_content" / f"{name}.jsonl", part)
    (folder / "pipeline.yaml").write_text(CONFIG)
    overrides = {
        "ingestion.shard_documents": -(-len(listed) // shards),
        "dedup.repetition.policy": "cut",
        "pii.replacement": replacement,
    }
    reference = api.open_batch(str(folder / "pipeline.yaml"), overrides)
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    api.run_stage(reference, "dedup")
    chain = full_chain(load_batch(reference))
    assert chain.shards == shards
    found: dict[str, Any] = {}
    names = [
        "survivor",
        "survivor_release",
        "similarity",
        "cluster_size",
        "near_miss",
        "repetition",
        "bands",
        "verdict",
    ]
    for shard in range(chain.shards):
        ids = chain.read("ingest", shard, ["document_id"]).column(0).to_pylist()
        found |= dict(zip(ids, chain.read("dedup", shard, names).to_pylist(), strict=True))
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One shard, one process, the order of the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        return deduplicated(tmp_path_factory.mktemp("whole"), 1, 0)


def test_there_is_something_to_decide(whole: dict[str, Any]) -> None:
    reasons = [row["verdict"][0]["reason"] for row in whole.values() if row["verdict"]]
    assert reasons.count("dedup.near_duplicate@1") > 40
    assert reasons.count("dedup.exact_duplicate@1") > 10
    assert sum(row["repetition"]["cuts"] is not None for row in whole.values()) > 50


@pytest.mark.parametrize(("shards", "order"), [(3, 1), (64, 2)])
def test_in_shards(
    whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int, order: int
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    assert deduplicated(tmp_path, shards, order) == whole


def test_chosen_in_parts(whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    monkeypatch.setattr(signed, "EDGES_ON_DRIVER", 3)
    sizes = []

    def counted(part: Part) -> Gone:
        sizes.append(len(part.left))
        return choose_in_part(part)

    monkeypatch.setattr(choice_tasks, "choose_in_part", counted)
    assert deduplicated(tmp_path, 3, 1) == whole
    assert len(sizes) > 10
    assert [file.name for file in (tmp_path / "lake" / "batches").rglob("scratch-*")] == []


def test_read_by_tasks_also_against_published_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    mail = "Write to jane.roe@example.org about it.\n\n"
    texts_ = [{**row, "text": f"{mail}{row['text']}"} for row in rows()[:40]]
    write_jsonl(tmp_path / "first" / "a.jsonl", texts_)
    (tmp_path / "pipeline.yaml").write_text(CONFIG)
    path = str(tmp_path / "pipeline.yaml")
    result = api.run_all(api.open_batch(path, inputs={"licensed_content": [str(tmp_path / "first")]}))
    if not result["published"]:
        listing.decide_case(Path(path), result["case_id"], "approve", "Ada", "a small batch")
    again = [{**row, "id": f"again-{row['id']}", "text": str(row["text"]).replace("jane", "joan")} for row in texts_]
    here = deduplicated(tmp_path, 1, 0, again)
    otherwise = deduplicated(tmp_path, 1, 0, again, "cut")
    asked = []

    def counted(task: tuple[int, str], **settings: Any) -> str:
        asked.append((task[0], settings["form"]))
        return prepare_shard(task, **settings)

    prepare_shard = candidate_tasks.prepare_shard
    monkeypatch.setattr(candidate_tasks, "prepare_shard", counted)
    monkeypatch.setattr(candidate_tasks, "FEW", 0)
    monkeypatch.setattr(candidate_tasks, "INLINE", "no such master")
    assert deduplicated(tmp_path, 3, 0, again) == here
    assert {form for _, form in asked} == {"raw", "published"}
    assert {shard for shard, _ in asked} == {0, 1, 2}
    assert sum(row["verdict"] is not None and row["survivor_release"] == 1 for row in here.values()) > 20
    asked.clear()
    assert deduplicated(tmp_path, 3, 0, again, "cut") == otherwise
    assert {form for _, form in asked} == {"raw", "common"}
    survivors = [{name: row["survivor"] for name, row in found.items()} for found in (otherwise, here)]
    assert survivors[0] == survivors[1], "with a token in place of an address or none, the documents are as alike"
    left = [file.name for file in (tmp_path / "lake" / "batches").rglob("scratch-*")]
    assert left == []


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize(("master", "shards"), [("local[1]", 3), ("local[2]", 64)])
def test_on_one_core_and_on_two(
    whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: str, shards: int
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", master)
    monkeypatch.setattr(candidate_tasks, "FEW", 0)
    monkeypatch.setattr(signed, "EDGES_ON_DRIVER", 3)
    assert deduplicated(tmp_path, shards, shards) == whole
