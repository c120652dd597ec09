"""The laws of a whole batch, run on every stage of the recipe, the wide ones too: a new stage is taken up by itself."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.document import COLUMNS
from pipeline.recipe import STAGES
from pipeline.report.funnel import balanced
from pipeline.run import run_stage
from tests.end_to_end.conftest import YAML, texts

PLACE = {"record_file", "record_offset"}
"""Where a record lay: all that another arrangement of the same records may change."""
LONG = texts(40)
TEXTS = st.one_of(
    st.sampled_from(LONG),
    # Near-duplicates of each other and of the long ones.
    st.tuples(st.sampled_from(LONG[:6]), st.sampled_from(["\nOne more line.", " And a word.", ""])).map("".join),
    st.text(max_size=200),
    st.sampled_from(
        [
            "",
            " \n ",
            "a",
            "\u200b\u202e\ufeff",
            "\x01\x02\x7f",
            "x" * 200_000,
            "e\u0301" * 300,
            "<script>alert(1)</script>",
            "write to jane.roe@example.org or call +1 415 555 2671",
            "\u0e44\u0e17\u0e22 \u65e5\u672c\u8a9e \u0420\u0443\u0441\u0441\u043a\u0438\u0439 " * 20,
        ]
    ),
)
LINES = st.one_of(
    TEXTS.map(lambda text: json.dumps({"text": text, "license": "MIT"}).encode()),
    TEXTS.map(lambda text: json.dumps({"text": text, "id": "same", "url": "https://example.org/"}).encode()),
    st.sampled_from([b"{broken", b'{"text": 7}', b"[]", b"\xff\xfe{}", b'{"text": "\\ud800 lone"}', b"\x00", b"null", b'{"other": 1}']),
)  # fmt: skip
RECORDS = st.lists(LINES, min_size=1, max_size=12)
few = settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
many = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")


def curate(folder: Path, files: dict[str, list[bytes]], shard_documents: int) -> Any:
    """Run every stage on lines of JSONL, gates aside, and return the batch's chain of snapshots."""
    source = folder / "input" / "licensed_content"
    source.mkdir(parents=True)
    for name, lines in files.items():
        (source / name).write_bytes(b"".join(line + b"\n" for line in lines))
    (folder / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    reference = api.open_batch(
        str(folder / "pipeline.yaml"), overrides={"ingestion.shard_documents": shard_documents, "engine.batch_rows": 3}
    )
    batch = load_batch(reference)
    for stage in STAGES:
        run_stage(batch, stage)
    assert balanced(api.funnel(reference))
    return full_chain(batch)


def rows_of(chain: Any, stage: str) -> Counter[str]:
    """Return what a stage said of each document: rows by id, whatever shard and place they are in."""
    rows: Counter[str] = Counter()
    names = [name for name in COLUMNS[stage].names if name not in PLACE | {"document_id", "lineage_digest"}]
    for shard in range(chain.shards):
        ids = chain.read("ingest", shard, ["document_id"]).column(0).to_pylist()
        said = chain.documents(shard, [name if name == "text" else f"{stage}.{name}" for name in names]).to_pylist()
        assert len(said) == len(ids), f"{stage}: not one row out for each row in"
        for row in said:
            if row.get("provenance.lineage"):
                lineage = json.loads(row["provenance.lineage"])
                # Fingerprints stand for the input's arrangement as well.
                row["provenance.lineage"] = {k: v for k, v in lineage.items() if k not in PLACE | {"stages"}}
        rows.update(repr((name, row)) for name, row in zip(ids, said, strict=True))
    return rows


def check(folder: Path, lines: list[bytes], seed: int) -> None:
    chain = curate(folder / "one", {"a.jsonl": lines}, 1_000)
    shuffled = lines.copy()
    random.Random(seed).shuffle(shuffled)
    cut = len(lines) // 2
    other = curate(folder / "two", {"z.jsonl": shuffled[:cut], "b.jsonl": shuffled[cut:]}, 2)
    for stage in STAGES:
        assert rows_of(other, stage) == rows_of(chain, stage), stage
        assert other.manifest(stage).total("kept") == chain.manifest(stage).total("kept")


@few
@given(lines=RECORDS, seed=st.integers(0, 99))
def test_one_row_for_each_and_any_order_files_and_shards_give_the_same(
    lines: list[bytes], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(tmp_path_factory.mktemp("law"), lines, seed)


@pytest.mark.slow
@many
@given(lines=RECORDS, seed=st.integers(0, 99))
def test_one_row_for_each_and_any_order_files_and_shards_give_the_same_many_times(
    lines: list[bytes], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(tmp_path_factory.mktemp("law"), lines, seed)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"{broken"] * 3,
        [json.dumps({"text": " "}).encode()] * 2,
        [json.dumps({"text": "jane.roe@example.org"}).encode()],
    ],
    ids=["no_line", "an_empty_line", "only_failures", "no_text", "only_personal_data"],
)
def test_a_batch_with_nothing_to_publish_survives_every_stage(tmp_path: Path, lines: list[bytes]) -> None:
    chain = curate(tmp_path, {"a.jsonl": lines}, 5)
    assert chain.stages == STAGES
    assert chain.manifest("publish").total("kept") == 0
