"""The same input, base, configuration and code give the same release, however and wherever they are run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, config, listing
from pipeline.batch import list_batches, load_batch
from pipeline.chain import full_chain
from tests.end_to_end.conftest import YAML, documents, write_jsonl

CONFIG = YAML.replace("      - social_feeds\n      - web_crawl\n", "")
ROWS = documents(44)
ROWS[7] = {**ROWS[7], "text": f"Write to jane.roe@example.org or call 415 555 2671.\n\n{ROWS[7]['text']}"}
ROWS += [{**ROWS[5], "id": "copy", "text": f"{ROWS[5]['text']}\nOne more line."}, ROWS[3], {"id": "none", "text": " "}]
LINES = [json.dumps(row) for row in ROWS] + ["{broken"]


def project(folder: Path, files: dict[str, list[str]]) -> Path:
    source = folder / "input" / "licensed_content"
    source.mkdir(parents=True)
    for name, lines in files.items():
        (source / name).write_text("".join(f"{line}\n" for line in lines))
    write_jsonl(folder / "first" / "a.jsonl", documents(6, start=40))
    (folder / "pipeline.yaml").write_text(CONFIG)
    return folder / "pipeline.yaml"


def publish(config_file: Path, shard_documents: int, inputs: dict[str, list[str]] | None = None) -> None:
    """Publish a batch in this process, approving it where it is held."""
    overrides = {"ingestion.shard_documents": shard_documents}
    approve(config_file, api.run_all(api.open_batch(str(config_file), overrides, inputs)))


def approve(config_file: Path, result: dict[str, Any]) -> None:
    if not result["published"]:
        listing.decide_case(config_file, result["case_id"], "approve", "a curator", "looked at it")


def publish_by_command(config_file: Path, shard_documents: int, master: str, seed: str) -> dict[str, Any]:
    """Publish the project's batch by the command, in a process of its own, on top of a first release."""
    publish(config_file, shard_documents, {"licensed_content": [str(config_file.parent / "first")]})
    command = [sys.executable, "-m", "pipeline.cli", "run", str(config_file), "--json"]
    environment = {**os.environ, "SLUICE_SPARK_MASTER": master, "PYTHONHASHSEED": seed}
    shown = subprocess.run(
        [*command, "--set", f"ingestion.shard_documents={shard_documents}"],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    approve(config_file, json.loads(shown.stdout))
    return listing.release(config_file, 2)


def shards(config_file: Path) -> set[int]:
    return {full_chain(load_batch(reference)).shards for reference in list_batches(config.load(config_file))}


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One file, this process, three shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        file = project(tmp_path_factory.mktemp("plain"), {"a.jsonl": LINES})
        publish(file, 16, {"licensed_content": [str(file.parent / "first")]})
        publish(file, 16)
    assert 3 in shards(file)
    return listing.release(file, 2)


def shuffled_files() -> dict[str, list[str]]:
    lines = LINES.copy()
    random.Random(7).shuffle(lines)
    return {"z.jsonl": lines[:11], "b.jsonl": lines[11:13], "m.jsonl": lines[13:]}


def same(release: dict[str, Any], other: dict[str, Any]) -> None:
    for key in ("digest", "documents", "added"):
        assert release[key] == other[key]
    indicators = ("quality_lower", "duplicate_upper", "provenance_completeness", "bias_coverage")
    assert {key: release["kpis"][key] for key in indicators} == {key: other["kpis"][key] for key in indicators}


# Slow; `tests/laws/test_batch_laws.py` has other orders, files and shards on generated batches.
@pytest.mark.slow
def test_shuffled_files_sixteen_shards_and_another_root(plain: dict[str, Any], tmp_path: Path) -> None:
    file = project(tmp_path / "an other\u00e9 root", shuffled_files())
    publish(file, 3, {"licensed_content": [str(file.parent / "first")]})
    publish(file, 3)
    assert max(shards(file)) >= 16
    same(listing.release(file, 2), plain)


@pytest.mark.slow
def test_the_command_with_another_hash_seed(plain: dict[str, Any], tmp_path: Path) -> None:
    file = project(tmp_path / "an other\u00e9 root", shuffled_files())
    release = publish_by_command(file, 3, "inline", "4711")
    assert max(shards(file)) >= 16
    same(release, plain)


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize(("cores", "shard_documents"), [(1, 3), (2, 16), (2, 3)])
def test_cores_of_spark(plain: dict[str, Any], tmp_path: Path, cores: int, shard_documents: int) -> None:
    file = project(tmp_path, shuffled_files())
    same(publish_by_command(file, shard_documents, f"local[{cores}]", "random"), plain)


@pytest.mark.slow
def test_three_more_hash_seeds(plain: dict[str, Any], tmp_path: Path) -> None:
    for number in range(3):
        file = project(tmp_path / str(number), shuffled_files())
        same(publish_by_command(file, 5 + number, "inline", "random"), plain)
