"""A batch run again, run with other settings, or held while others are published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import api, config, gating, listing
from pipeline.batch import corpus, load_batch
from pipeline.chain import full_chain
from pipeline.recipe import STAGES
from tests.end_to_end.conftest import documents, write_jsonl

SUITES = Path(__file__).resolve().parents[2] / "expectations"


def run_all(project: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    reference = api.open_batch(str(project / "pipeline.yaml"), **options)
    return reference, api.run_all(reference)


def decide(project: Path, result: dict[str, Any]) -> dict[str, Any]:
    if result["published"]:
        return result
    decided = listing.decide_case(project / "pipeline.yaml", result["case_id"], "approve", "a curator", "looked at it")
    return dict(decided["commit"])


def drop(project: Path, name: str, rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    write_jsonl(project / "drops" / name / "a.jsonl", rows)
    return {"licensed_content": [str(project / "drops" / name)]}


def test_an_edited_suite_has_only_that_gate_judged_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project / "expectations"
    shutil.copytree(SUITES, folder)
    with (project / "pipeline.yaml").open("a") as file:
        file.write(f"  expectations: {folder}\n")
    reference, _ = run_all(project)
    before = {stage: gating.report_path(load_batch(reference), stage) for stage in STAGES}
    suite = json.loads((folder / "language.json").read_text())
    suite["expectations"][0]["severity"] = "warning"
    (folder / "language.json").write_text(json.dumps(suite))

    judged = []
    judge = gating.judge
    monkeypatch.setattr(gating, "judge", lambda stage, *args, **named: judged.append(stage) or judge(stage, *args, **named))  # fmt: skip
    for stage in STAGES:
        assert api.run_stage(reference, stage)["reused"]
        api.run_gate(reference, stage)
    assert judged == ["language"]
    after = {stage: gating.report_path(load_batch(reference), stage) for stage in STAGES}
    assert {stage for stage in STAGES if before[stage] != after[stage]} == {"language"}
    assert Path(before["language"]).exists()


def test_a_case_is_decided_on_the_configuration_that_it_was_seen_with(project: Path) -> None:
    with (project / "input" / "licensed_content" / "a.jsonl").open("a") as file:
        file.write("{broken\n" * 4)
    _, strict = run_all(project)
    _, loose = run_all(project, overrides={"cleaning.quality_threshold": 0.1})
    assert strict["case_id"] != loose["case_id"]
    for result in (loose, strict):
        decided = listing.decide_case(project / "pipeline.yaml", result["case_id"], "approve", "a curator", "fine")
        assert decided["case_id"] == result["case_id"]
        assert decided["commit"]["release"]


# Slow: four whole batches.
@pytest.mark.slow
def test_a_held_batch_is_rebased_on_what_was_published_meanwhile(project: Path) -> None:
    """Three others are published while a curator thinks; what the held batch shares with them goes, the rest is released."""
    shared = [documents(2, start=0), documents(2, start=8), documents(2, start=16)]
    broken = project / "drops" / "held" / "b.jsonl"
    inputs = drop(project, "held", [*documents(8), *documents(8, start=8), *documents(6, start=16)])
    broken.write_text("{broken\n" * 4)
    held, result = run_all(project, inputs=inputs)
    assert not result["published"]
    assert load_batch(held).record.base is None

    for number, rows in enumerate(shared, start=1):
        # Under ids of their own, and one of each a near-duplicate: only comparison can find them.
        other = [{**row, "id": f"other-{number}-{i}", "url": f"https://example.org/other/{number}/{i}"} for i, row in enumerate(rows)]  # fmt: skip
        other[0]["text"] = f"{other[0]['text']}\nOne more line."
        inputs = drop(project, f"other-{number}", [*other, *documents(6, start=24 + 6 * number)])
        # One of them is signed otherwise than the held batch.
        _, published = run_all(project, inputs=inputs, overrides={"dedup.recall": 0.999} if number == 2 else None)
        assert decide(project, published)["release"] == number  # nothing stalled

    before = {row["kept"] for row in api.funnel(held) if row["stage"] == "validate"}
    released = decide(project, result)
    assert released["release"] == 4
    rejected = listing.quarantined(held, "publish", None, 100)
    reasons = {row["reason"] for row in rejected}
    assert reasons == {"publish.duplicate_since_base@1"}
    chain = full_chain(load_batch(held))
    assert set(chain.read("publish", 0, ["survivor_release"]).column(0).to_pylist()) == {None, 1, 2, 3}
    published_before = {
        name
        for part in corpus(config.load(project / "pipeline.yaml")).documents(
            corpus(config.load(project / "pipeline.yaml")).get(3), ["document_id"]
        )
        for name in part.column(0).to_pylist()
    }
    survivors = {row["findings"][0]["evidence"] for row in rejected}
    assert survivors <= published_before
    assert released["added"] == before.pop() - len(rejected)
    # What quality let through of the six shared texts, in the batch and in the others, is the same.
    others = sum(1 for name in published_before if name in survivors)
    assert others == len(survivors) == len(rejected) > 2
