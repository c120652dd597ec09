"""Hostile files, a locked one, stores that break off, and good ones in one batch: each fails by itself, is explained, and costs no
more memory than it may."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import documents, write_jsonl
from tests.sources.hostile import LIMITS, lines, parquets
from tests.sources.hostile_archives import archives
from tests.sources.hostile_licensed import licensed
from tests.sources.stores import KEY, SECRET, Fault, Proxy, client, proxy, s3_server

# Reads the batch in a process of its own, whose peak of memory is then that of the tasks. It first gives up the right of a superuser to
# open any file: what is locked is then refused by the system itself, whoever runs the tests. Between opening the batch and reading it,
# it waits for a line.
READ = """
import ctypes, json, struct, sys
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
head, data = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0)), ctypes.create_string_buffer(24)
assert libc.capget(head, data) == 0
held = list(struct.unpack("6I", data.raw))
held[0] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: effective; the permitted ones follow
held[1] &= ~0b110
assert libc.capset(ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0)), struct.pack("6I", *held)) == 0

from pipeline import api, chain, explain, gating, listing
from pipeline.batch import load_batch
from pipeline.sources import access
access.FIRST_WAIT = 0.01
reference = api.open_batch(sys.argv[1])
print("opened", flush=True)
sys.stdin.readline()
api.run_stage(reference, "ingest")
# Of this program alone: what getrusage says begins with the peak of the process that started it.
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
batch = load_batch(reference)
steps = chain.full_chain(batch)
rows = [row for shard in range(steps.shards) for row in steps.read("ingest", shard, ["document_id", "source", "record_file", "verdict"]).to_pylist()]
first = {row["verdict"][0]["reason"]: row for row in rows if row["verdict"]}
shown = {reason: json.dumps(explain.explain(batch.settings, row["document_id"]), default=str) for reason, row in first.items()}
listed = listing.quarantined(reference, "ingest", None, 10**6)
gate = gating.run_gate(batch, "ingest")
print(json.dumps({
    "peak": peak,
    "rows": [[row["source"], row["record_file"], row["verdict"] and row["verdict"][0]["reason"]] for row in rows],
    "explained": shown, "listed": len(listed), "unread": [u.path for u in batch.record.unread],
    "failed": [[f.source, f.path, f.error] for f in batch.record.failed],
    "not_read": {f["source"]: f["not_read"] for f in listing.batch_files(reference) if f.get("not_read")},
    "flagged": [e.subject for e in gate.expectations if e.consequence == "flag"],
}, default=str))
"""


def config(folder: Path, bucket: str) -> Path:
    limits = "".join(f"        {name}: {value}\n" for name, value in LIMITS.items())
    file = folder / "pipeline.yaml"
    file.write_text(
        "data_pipeline:\n  ingestion:\n    sources:\n"
        f"      - name: hostile\n        kind: web\n        paths: [hostile/]\n{limits}"
        f"      - name: hostile_licensed\n        kind: licensed\n        paths: [hostile_licensed/]\n{limits}"
        "      - name: locked\n        kind: licensed\n        paths: [locked/]\n"
        f"      - name: mended\n        kind: web\n        paths: ['s3://{bucket}/mended.jsonl.gz']\n"
        f"      - name: broken\n        kind: web\n        paths: ['s3://{bucket}/broken.jsonl']\n"
        "      - name: good\n        kind: licensed\n        paths: [good.jsonl]\n"
        "  engine:\n    master: inline\n"
    )
    return file


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Proxy, str]]:
    """An S3-compatible store with two objects, behind a server that breaks the connection when it is told to."""
    with s3_server() as url, proxy(url) as front:
        there = client(url)
        there.create_bucket(Bucket="hostile")
        for key in ("mended.jsonl.gz", "broken.jsonl"):
            plain = write_jsonl(tmp_path / "objects" / key, documents(20, 30, key)).read_bytes()
            there.put_object(Bucket="hostile", Key=key, Body=gzip.compress(plain) if key.endswith("gz") else plain)
        front.always.append(Fault("drop", "/hostile/broken.jsonl"))
        front.faults.extend([Fault("drop", "/hostile/mended.jsonl")] * 2)
        yield front, "hostile"


def read(folder: Path, front: Proxy, bucket: str) -> dict[str, Any]:
    """Open the batch and read it in a process of its own; between the two, have the store break off again."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": front.url,
    }
    command = [sys.executable, "-W", "ignore", "-c", READ, str(config(folder, bucket))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("w"),
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() == "opened\n":
            assert front.faults == []
            front.faults.extend([Fault("drop", "/hostile/mended.jsonl"), Fault("500", "/hostile/mended.jsonl")])
            process.stdin.write("go on\n")
            process.stdin.flush()
        said = process.stdout.read()
        process.stdin.close()
    assert process.returncode == 0, (folder / "log").read_text()[-2_000:]
    assert front.faults == []
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


@pytest.mark.slow
def test_each_hostile_file_fails_alone_and_is_explained(tmp_path: Path, store: tuple[Proxy, str]) -> None:
    folders = {"hostile": [*lines(), *archives(), *parquets()], "hostile_licensed": licensed()}
    for name, cases in folders.items():
        (tmp_path / name).mkdir()
        for case in cases:
            (tmp_path / name / case.name).write_bytes(case.content)
    write_jsonl(tmp_path / "good.jsonl", documents(30))
    write_jsonl(tmp_path / "locked" / "a.jsonl", documents(3, 50, "locked"))
    write_jsonl(tmp_path / "locked" / "b.jsonl", documents(3, 53, "locked")).chmod(0)
    found = read(tmp_path, *store)

    assert [reason for source, _, reason in found["rows"] if source == "good"] == [None] * 30
    assert found["unread"] == []
    assert found["peak"] < 1.5 * 2**20, "KiB"

    # The connection broke twice while the batch was opened and once while it was read, and the server once failed: nothing is lost.
    assert [reason for source, _, reason in found["rows"] if source == "mended"] == [None] * 20
    # What cannot be read at all fails its source, whole: the open file beside the locked one is no half of a source.
    assert found["failed"] == [
        ["locked", "b.jsonl", "PermissionError"],
        ["broken", "broken.jsonl", "ClientPayloadError"],
    ]
    assert found["not_read"] == {
        "locked": "unreadable (PermissionError), and so the whole source",
        "broken": "unreadable (ClientPayloadError), and so the whole source",
    }
    assert {source for source, *_ in found["rows"]} == {"hostile", "hostile_licensed", "mended", "good"}
    assert "unreadable_sources" in found["flagged"]

    outcomes = {(name, case.name): Counter[str]() for name, cases in folders.items() for case in cases}
    for source, file, reason in found["rows"]:
        if source in folders:
            short = reason.split(".")[1].split("@")[0] if reason else "kept"
            # The good records before and behind are the same in many files: read before in this batch.
            outcomes[source, file]["kept" if short == "repeated_record" else short] += 1
    right = {(name, case.name): case.outcomes for name, cases in folders.items() for case in cases}
    assert {name: dict(counts) for name, counts in outcomes.items()} == right

    reasons = Counter(reason for *_, reason in found["rows"] if reason)
    assert found["listed"] == reasons.total()
    assert set(found["explained"]) == set(reasons)
    for reason, story in found["explained"].items():
        assert reason in story
