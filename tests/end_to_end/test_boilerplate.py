"""A notice that every document of a source carries: counted, or cut so that one copy is published; never written anywhere else."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from rich.console import Console

from pipeline import api, listing
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.clusters import report
from pipeline.explain import explain
from pipeline.report.clusters import print_clusters
from pipeline.twins import Row, twin
from tests.end_to_end.conftest import documents, write_jsonl

NOTICE = "This page belongs to the manual. Its authors ask readers to report what is wrong with it."
MENU = "Contents\nIndex\nSearch\nModules\nHistory"


def run(project: Path, **overrides: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    path = str(project / "pipeline.yaml")
    reference = api.open_batch(path, overrides={f"dedup.repetition.{key}": value for key, value in overrides.items()})
    result = api.run_all(reference)
    if not result["published"]:
        result = listing.decide_case(Path(path), result["case_id"], "approve", "Ada", "a small batch")["commit"]
    return reference, result


def deduplicate(reference: dict[str, Any]) -> None:
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    api.run_stage(reference, "dedup")


def published(reference: dict[str, Any]) -> list[str]:
    corpus = load_batch(reference).corpus
    release = corpus.newest()
    assert release is not None
    return [text for block in corpus.documents(release, ["text"]) for text in block.column(0).to_pylist()]


@pytest.fixture
def boilerplate(project: Path) -> Path:
    rows = [{**row, "text": f"{MENU}\n\n{row['text']}\n\n{NOTICE}\n"} for row in documents(24)]
    write_jsonl(project / "input" / "licensed_content" / "a.jsonl", rows)
    return project


def test_it_is_cut_and_one_copy_is_published(boilerplate: Path, tmp_path: Path) -> None:
    reference, first = run(boilerplate, policy="cut")
    texts = published(reference)
    assert len(texts) > 10
    assert sum(text.count(NOTICE) for text in texts) <= 1
    assert sum(text.count(MENU) for text in texts) <= 1
    chain = full_chain(load_batch(reference))
    manifest = chain.manifest("dedup")
    assert manifest.metrics["documents_with_repetition"] == 24
    assert manifest.metrics["documents_cut"] == 23, "one keeps it"
    raw = chain.read_raw(0).column(0).to_pylist()
    assert all(NOTICE in text and MENU in text for text in raw), "the raw text is as it came"
    seen = chain.upto("language").texts(0).to_pylist()
    assert sum(NOTICE in text for text in seen) == 1
    assert not [file for file in manifest.files if file.role != "columns"], "no text of its own"
    ids = chain.read("ingest", 0, ["document_id"]).column(0).to_pylist()
    cut = next(name for name, text in zip(ids, seen, strict=True) if NOTICE not in text)
    said = explain(load_batch(reference).settings, cut)["batches"][0]["stages"][1]["values"]["repetition"]
    assert said["passages"] == 2
    assert len(said["cuts"]) == 4
    found = report(load_batch(reference), chain, largest=1)
    (source,) = found["repetition"]
    assert (source["documents"], source["repeated"], source["cut"]) == (24, 24, 23)
    assert source["example"] in ids
    printed = StringIO()
    print_clusters(Console(file=printed, width=160), found)
    assert "Repeated within a source" in printed.getvalue()
    # The same from several shards.
    other = tmp_path / "other"
    other.mkdir()
    for name in ("pipeline.yaml", "input"):
        (boilerplate / name).rename(other / name)
    path = str(other / "pipeline.yaml")
    shards = api.open_batch(path, overrides={"dedup.repetition.policy": "cut", "ingestion.shard_documents": 5})
    deduplicate(shards)
    parts = full_chain(load_batch(shards))
    again = {}
    for shard in range(parts.shards):
        names = parts.read("ingest", shard, ["document_id"]).column(0).to_pylist()
        again |= dict(zip(names, parts.texts(shard).to_pylist(), strict=True))
    assert parts.shards > 1
    assert again == dict(zip(ids, seen, strict=True))
    assert first["published"]


def test_it_is_counted_and_stays_by_default(boilerplate: Path) -> None:
    reference = api.open_batch(str(boilerplate / "pipeline.yaml"))
    deduplicate(reference)
    chain = full_chain(load_batch(reference))
    assert chain.manifest("dedup").metrics["documents_with_repetition"] == 24
    assert chain.manifest("dedup").metrics["documents_cut"] == 0
    assert chain.texts(0).to_pylist() == chain.read_raw(0).column(0).to_pylist()
    share = pc.struct_field(chain.read("dedup", 0, ["repetition"]).column(0).combine_chunks(), "share")
    assert 0 < pc.min(share).as_py() < pc.max(share).as_py() < 1


def test_switched_off_nothing_is_looked_for(boilerplate: Path) -> None:
    reference = api.open_batch(str(boilerplate / "pipeline.yaml"), overrides={"dedup.repetition.policy": "ignore"})
    deduplicate(reference)
    chain = full_chain(load_batch(reference))
    assert chain.manifest("dedup").metrics["documents_with_repetition"] is None
    column = chain.read("dedup", 0, ["repetition"]).column(0)
    assert column.null_count == len(column)


def test_a_page_that_another_one_holds_almost_whole_goes_if_that_is_asked_for(project: Path) -> None:
    rows = documents(8)
    whole = str(rows[0]["text"])
    rows.append({**rows[0], "id": "part", "url": "https://example.org/part", "text": whole[: round(len(whole) * 0.72)]})
    write_jsonl(project / "input" / "licensed_content" / "a.jsonl", rows)
    reference = api.open_batch(str(project / "pipeline.yaml"), overrides={"dedup.containment": 0.95})
    deduplicate(reference)
    chain = full_chain(load_batch(reference))
    columns = chain.read("dedup", 0, ["survivor", "similarity", "verdict"]).slice(8, 1).to_pylist()[0]
    (finding,) = columns["verdict"]
    assert finding["reason"] == "dedup.contained@1"
    assert finding["value"] >= 0.95 == finding["limit"]
    assert columns["similarity"] < 0.8
    assert columns["survivor"] == finding["evidence"] == chain.read("ingest", 0, ["document_id"]).column(0)[0].as_py()
    assert chain.manifest("dedup").metrics["contained"] == 1
    assert api.run_gate(reference, "dedup")["verdict"] == "pass"
    assert report(load_batch(reference), chain, largest=1)["sources"][0]["contained"] == 1


def test_a_copy_is_shown_as_it_was_compared_although_one_of_the_two_lost_its_notice(boilerplate: Path) -> None:
    rows = [{**row, "text": f"{MENU}\n\n{row['text']}\n\n{NOTICE}\n"} for row in documents(24)]
    copies = [{**row, "id": f"copy-{row['id']}"} for row in rows]
    write_jsonl(boilerplate / "input" / "licensed_content" / "b.jsonl", copies)
    reference = api.open_batch(str(boilerplate / "pipeline.yaml"), overrides={"dedup.repetition.policy": "cut"})
    deduplicate(reference)
    batch = load_batch(reference)
    chain = full_chain(batch)
    shown = 0
    for shard in range(chain.shards):
        ids = chain.read("ingest", shard, ["document_id"]).column(0).to_pylist()
        for place, name in enumerate(ids):
            found = twin(batch, chain, "dedup", Row(shard, place, name), texts=True)
            if found is not None:
                shown += 1
                assert found["difference"]["places"] == 0, "copies of one page"
    assert shown == 24
