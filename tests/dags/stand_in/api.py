"""A stand-in for `pipeline.api`: the same calls and answers, told by the batch's overrides what to find.

It keeps review cases in the real `pipeline.review` and appends every call to `calls.jsonl` beside the configuration, so that
tests of the DAGs can run in seconds, also through the processes of a real scheduler.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import errors
from pipeline.review import cases, decisions, summary


def open_batch(config_path, overrides=None, inputs=None, sources=None, batch_id=None) -> dict[str, Any]:
    if not Path(config_path).is_file():
        raise errors.ConfigError(f"cannot read the configuration {config_path}: No such file or directory")
    orders = {key.removeprefix("stand_in."): value for key, value in (overrides or {}).items()}
    lake = str(Path(config_path).parent)
    batch = str(orders.get("batch", "b1"))
    _note(lake, "open_batch", batch=batch, inputs=inputs, sources=sources)
    return {"lake": lake, "batch_id": batch, "settings_digest": "s1", "orders": orders}


def run_stage(ref, stage) -> dict[str, Any]:
    _note(ref["lake"], "run_stage", stage=stage, batch=ref["batch_id"])
    orders = ref["orders"]
    if orders.get("raises_in") == stage:
        raise getattr(errors, orders["raises"], ValueError)(f"{stage} cannot go on")
    time.sleep(orders.get("seconds", 0))
    return {"stage": stage, "fingerprint": "f", "reused": False, "read": 20, "kept": 20, "rejected": 0, "failed": 0}


def run_gate(ref, stage) -> dict[str, Any]:
    _note(ref["lake"], "run_gate", stage=stage, batch=ref["batch_id"])
    report = f"{ref['lake']}/{stage}/gate-1.json"
    if ref["orders"].get("blocks") == stage:
        raise errors.GateBlocked(f"{stage}: document_id is not unique: 2 of 20 rows; read {report}")
    return {"stage": stage, "verdict": "flag" if ref["orders"].get("flags") == stage else "pass", "report": report}


def holds(ref) -> list[dict[str, Any]]:
    stage = ref["orders"].get("flags")
    return [{"stage": stage, "expectation": "removal_rate", "says": "at most 0.9", "observed": 0.93}] if stage else []


def open_case(ref) -> dict[str, Any]:
    _note(ref["lake"], "open_case", batch=ref["batch_id"])
    flagged, digest = holds(ref), f"digest-of-{ref['batch_id']}"
    return cases.open_case(
        _database(ref),
        batch_id=ref["batch_id"],
        fingerprint="f",
        digest=digest,
        flagged=flagged,
        summary=summary.markdown(ref["batch_id"], digest, flagged, figures=[("documents", "20")]),
        timeout_hours=ref["orders"].get("timeout_hours", 72),
        now=datetime.now(UTC),
    ).reference()


def decide(ref, case_id, decision, who, why, when) -> dict[str, Any]:
    _note(ref["lake"], "decide", batch=ref["batch_id"], decision=decision, who=who, why=why)
    seen = f"digest-of-{ref['batch_id']}"
    moment = datetime.fromisoformat(when)
    return decisions.decide(
        _database(ref), case_id, decision=decision, who=who, why=why, when=moment, digest=seen
    ).reference()


def commit(ref, case_id=None) -> dict[str, Any]:
    _note(ref["lake"], "commit", batch=ref["batch_id"], case_id=case_id)
    if holds(ref):
        decisions.approval(_database(ref), str(case_id), digest=f"digest-of-{ref['batch_id']}")
    if ref["orders"].get("empty"):
        return {"release": None, "documents": 0, "digest": "", "published": False, "why": "no document is left"}
    return {"release": 1, "documents": 20, "digest": "r1", "published": True, "why": "published"}


def find_drops(config_path) -> dict[str, Any]:
    """Drops are the folders `input/<source>/<drop>` with a `_SUCCESS` file; claims are files under `drops/`."""
    root = Path(config_path).parent
    found = []
    for marker in sorted(root.glob("input/*/*/_SUCCESS")):
        source, drop = marker.parent.parent.name, marker.parent.name
        if not (root / "drops" / f"{source}-{drop}").exists():
            batch = f"b-{source}-{drop}"
            found.append({"source": source, "drop": drop, "paths": [str(marker.parent)], "batch_id": batch})
    return {"drops": found, "waiting": [], "unreadable": []}


def claim_drop(config_path, drop) -> bool:
    claim = Path(config_path).parent / "drops" / f"{drop['source']}-{drop['drop']}"
    claim.parent.mkdir(exist_ok=True)
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    _note(str(Path(config_path).parent), "claim_drop", drop=drop["drop"])
    return True


def calls(lake) -> list[dict[str, Any]]:
    path = Path(lake) / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _database(ref) -> str:
    return f"sqlite:///{ref['lake']}/review.db"


def _note(lake, call, **said) -> None:
    with (Path(lake) / "calls.jsonl").open("a") as file:
        file.write(json.dumps({"call": call, **said}) + "\n")
