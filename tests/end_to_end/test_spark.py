"""The same batch on Spark's workers as in one process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline import api, listing


@pytest.mark.spark
def test_sparks_workers_make_the_same_release_as_one_process(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {}
    for master in ("inline", "local[2]"):
        folder = tmp_path / master.strip("[]2")
        shutil.copytree(project / "input", folder / "input")
        shutil.copyfile(project / "pipeline.yaml", folder / "pipeline.yaml")
        monkeypatch.setenv("SLUICE_SPARK_MASTER", master)
        # Several shards, so that both workers have work.
        reference = api.open_batch(str(folder / "pipeline.yaml"), overrides={"ingestion.shard_documents": 7})
        result = api.run_all(reference)
        if not result["published"]:
            result = listing.decide_case(
                folder / "pipeline.yaml", result["case_id"], "approve", "Ada", "a small batch"
            )["commit"]
        digests[master] = result["digest"]
    assert digests["inline"] == digests["local[2]"]
