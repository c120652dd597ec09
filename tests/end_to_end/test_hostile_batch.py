"""Hostile files and good ones in one batch: each fails by itself, is explained, and costs no more memory than it may."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.conftest import documents, write_jsonl
from tests.sources.hostile import LIMITS, lines, parquets
from tests.sources.hostile_archives import archives

# Reads the batch in a process of its own, whose peak of memory is then that of the tasks.
READ = """
import json, resource, sys
from pipeline import api, chain, explain, listing
from pipeline.batch import load_batch
reference = api.open_batch(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
api.run_stage(reference, "ingest")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
steps = chain.full_chain(load_batch(reference))
rows = [row for shard in range(steps.shards) for row in steps.read("ingest", shard, ["document_id", "source", "record_file", "verdict"]).to_pylist()]
first = {row["verdict"][0]["reason"]: row for row in rows if row["verdict"]}
shown = {reason: json.dumps(explain.explain(load_batch(reference).settings, row["document_id"]), default=str) for reason, row in first.items()}
listed = listing.quarantined(reference, "ingest", None, 10**6)
print(json.dumps({"peak": peak, "before": before, "rows": [[row["source"], row["record_file"], row["verdict"] and row["verdict"][0]["reason"]] for row in rows], "explained": shown, "listed": len(listed), "unread": [u.path for u in load_batch(reference).record.unread]}, default=str))
"""


def config(folder: Path) -> Path:
    limits = "".join(f"        {name}: {value}\n" for name, value in LIMITS.items())
    file = folder / "pipeline.yaml"
    file.write_text(
        "data_pipeline:\n  ingestion:\n    sources:\n"
        f"      - name: hostile\n        kind: web\n        paths: [hostile/]\n{limits}"
        "      - name: good\n        kind: licensed\n        paths: [good.jsonl]\n"
        "  engine:\n    master: inline\n"
    )
    return file


@pytest.mark.slow
def test_each_hostile_file_fails_alone_and_is_explained(tmp_path: Path) -> None:
    cases = [*lines(), *archives(), *parquets()]
    (tmp_path / "hostile").mkdir()
    for case in cases:
        (tmp_path / "hostile" / case.name).write_bytes(case.content)
    write_jsonl(tmp_path / "good.jsonl", documents(30))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, str(config(tmp_path))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout.splitlines()[-1])

    assert [reason for source, _, reason in found["rows"] if source == "good"] == [None] * 30
    assert found["unread"] == []
    assert found["peak"] < 1.5 * 2**20, "KiB"

    outcomes: dict[str, Counter[str]] = {case.name: Counter() for case in cases}
    for source, file, reason in found["rows"]:
        if source == "hostile":
            short = reason.split(".")[1].split("@")[0] if reason else "kept"
            # The good records before and behind are the same in many files: read before in this batch.
            outcomes[file]["kept" if short == "repeated_record" else short] += 1
    assert {name: dict(counts) for name, counts in outcomes.items()} == {case.name: case.outcomes for case in cases}

    reasons = Counter(reason for *_, reason in found["rows"] if reason)
    assert found["listed"] == reasons.total()
    assert set(found["explained"]) == set(reasons)
    for reason, story in found["explained"].items():
        assert reason in story
