"""What is said about decisions agrees with the decisions: reasons with the manifests, another configuration with a run under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.errors import UserError
from pipeline.recipe import STAGES
from pipeline.run import run_stage
from pipeline.whatif import whatif
from pipeline.why import why
from tests.end_to_end.conftest import YAML, texts, write_jsonl

MAIL = "Write to jane.roe@example.org about it. "


def run(folder: Path, overrides: dict[str, Any], last: str) -> dict[str, str]:
    """Run the stages up to `last`; gates have no say in what a stage decides."""
    reference = api.open_batch(str(folder / "pipeline.yaml"), overrides)
    batch = load_batch(reference)
    for stage in STAGES[: STAGES.index(last) + 1]:
        run_stage(batch, stage)
    return reference


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n", ""))
    good, broken = texts(24), texts(16, 24)
    for source, listed in (("licensed_content", good[:16]), ("web_crawl", good[16:])):
        worse = [
            " ".join(word for i, word in enumerate(text.split()) if i % (2 + place) == 0) + " $$ ## 0 1 2" * 12 * place
            for place, text in enumerate(broken)
            if (place % 2 == 0) == (source == "web_crawl")
        ]
        rows = [
            {
                "id": f"{source}{i}",
                "text": MAIL + text,
                "license": "PSF-2.0",
                "url": f"https://example.org/{source}/{i}",
            }
            for i, text in enumerate([*listed, *worse, listed[0]])
        ]
        write_jsonl(folder / "input" / source / "a.jsonl", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        run(folder, {}, "validate")
    return folder


@pytest.fixture
def reference(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    return dict(api.open_batch(str(project / "pipeline.yaml")))


def counts(reference: dict[str, str], stage: str) -> dict[str, tuple[int, int]]:
    """Return the documents of each source that came to a stage and that it kept."""
    manifest = full_chain(load_batch(reference)).manifest(stage)
    return {count.source: (count.read, count.kept) for count in manifest.counts}


@pytest.mark.parametrize("change", [{"cleaning.quality_threshold": 0.97}, {"cleaning.quality_threshold": 0.05, "quality.hard_rules": []}, {"quality.hard_rules": []}, {"cleaning.filter_low_quality": False}])  # fmt: skip
def test_another_configuration_does_what_was_said(
    project: Path, reference: dict[str, str], change: dict[str, Any]
) -> None:
    said = whatif(load_batch(reference), change)
    [quality] = said["stages"]
    done = counts(run(project, change, "quality"), "quality")
    assert {row["value"]: (row["came"], row["kept_after"]) for row in quality["by_source"]} == done
    assert quality["kept_after"] != quality["kept_before"]
    assert quality["kept_before"] + quality["newly_kept"] - quality["newly_rejected"] == quality["kept_after"]
    assert sum(row["kept_after"] for row in quality["by_language"]) == quality["kept_after"]
    assert said["unknown"] == []
    assert said["corpus"]["kept_now"] - said["corpus"]["would_stay"] == quality["newly_rejected"]


def test_what_is_not_stored_is_not_guessed(reference: dict[str, str]) -> None:
    said = whatif(load_batch(reference), {"dedup.threshold": 0.7, "cleaning.quality_threshold": 0.5})
    assert [stage["stage"] for stage in said["stages"]] == ["quality"]
    assert len(said["unknown"]) == 1
    assert said["unknown"][0].startswith("dedup ")
    with pytest.raises(UserError, match="have these values already"):
        whatif(load_batch(reference), {"cleaning.quality_threshold": 0.8})


def test_reasons_are_those_of_the_manifest(reference: dict[str, str]) -> None:
    batch = load_batch(reference)
    chain = full_chain(batch)
    for manifest in chain.manifests:
        found = why(batch, manifest.stage, samples=0)
        decided = {row["reason"]: row["decided"] for row in found["reasons"] if row["decided"]}
        expected: dict[str, int] = {}
        for count in manifest.counts:
            for name, number in {**count.rejected, **count.failed}.items():
                expected[name] = expected.get(name, 0) + number
        assert decided == expected
        assert {row["value"]: (row["came"], row["came"] - row["documents"]) for row in found["by_source"]} == counts(
            reference, manifest.stage
        )
        assert all(row["documents"] >= row["alone"] for row in found["reasons"])


def test_samples_hold_no_personal_data(reference: dict[str, str]) -> None:
    batch = load_batch(reference)
    for stage in ("dedup", "quality"):
        found = why(batch, stage, samples=3)
        assert len(found["samples"]) == min(3, found["documents"]) > 0
        for sample in found["samples"]:
            assert "jane" not in sample["excerpt"]
            assert sample["excerpt"].startswith("Write to <EMAIL_ADDRESS> about it.")


def test_one_reason_or_none_of_that_name(reference: dict[str, str]) -> None:
    batch = load_batch(reference)
    found = why(batch, "quality", "quality.score", samples=0)
    assert [row["reason"] for row in found["reasons"]] == ["quality.score@1"]
    assert found["documents"] == found["reasons"][0]["documents"] > 0
    with pytest.raises(UserError, match=r"quality has no reason 'quality\.scores', did you mean 'quality\.score@1'"):
        why(batch, "quality", "quality.scores")
    with pytest.raises(UserError, match="there is no stage 'qualty', did you mean 'quality'"):
        why(batch, "qualty")
