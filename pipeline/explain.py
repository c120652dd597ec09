"""One document's whole story, across stages and batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.batch import list_batches, load_batch
from pipeline.chain import full_chain
from pipeline.config import Settings
from pipeline.document import COLUMNS, TEXT
from pipeline.errors import SluiceError, UserError
from pipeline.gating import known_verdict
from pipeline.lake.snapshots import Chain
from pipeline.twins import TWIN_STAGES, Row, twin
from pipeline.verdict import REASONS

HIDDEN = {TEXT, "bands"}
"""Columns that are no part of a story: the text itself, and hashes."""


def explain(settings: Settings, document_id: str, *, texts: bool = False) -> dict[str, Any]:
    """Return what every stage of every batch said of a document.

    Parameters
    ----------
    settings
        The configuration of the lake.
    document_id
        The document.
    texts
        Show also where the text of a removed duplicate differs from its survivor's; it may hold personal data.

    Returns
    -------
    dict
        ``document_id`` and ``batches``: for each batch that saw it, the place of its record, one entry a stage (values, findings,
        whether it went on) with the gate's verdict, and what became of it; of a removed duplicate also its `twin`, the document that
        stays for it (see `pipeline.twins`). Without `texts` no text, no personal value.

    Raises
    ------
    UserError
        If no batch of the lake knows the document.
    """
    stories = []
    skipped = []
    for reference in list_batches(settings):
        batch = load_batch(reference)
        try:
            chain = full_chain(batch)
        except SluiceError as error:
            skipped.append(f"{reference['batch_id']}: {error}")
            continue
        for shard, row in _places(chain, document_id):
            gates = {stage: known_verdict(batch, chain, stage) for stage in chain.stages}
            stages = list(_stages(chain, shard, row))
            for entry in stages:
                gate = gates[entry["stage"]]
                entry["gate"] = gate.verdict if gate else None
                if entry["stage"] in TWIN_STAGES and entry["findings"]:
                    entry["twin"] = twin(batch, chain, entry["stage"], Row(shard, row, document_id), texts=texts)
            stories.append(
                {
                    "batch_id": batch.batch_id,
                    "settings": reference["settings"],
                    "base": batch.record.base,
                    "stages": stages,
                    "outcome": _outcome(chain, stages),
                }
            )
    if not stories:
        more = f" ({len(skipped)} batches could not be read)" if skipped else ""
        raise UserError(
            f"no batch of the lake {settings.lake.root} knows the document '{document_id}'{more}; `sluice quarantine list` "
            "and the release's documents show ids"
        )
    return {"document_id": document_id, "batches": stories, "unreadable_batches": skipped}


def _places(chain: Chain, document_id: str) -> Iterator[tuple[int, int]]:
    """Find the document's rows: shard and row; several where its record was read more than once."""
    for shard in range(chain.shards):
        ids = chain.read("ingest", shard, ["document_id"]).column(0)
        for row in np.flatnonzero(pc.equal(ids, document_id).to_numpy(zero_copy_only=False)):
            yield shard, int(row)


def _stages(chain: Chain, shard: int, row: int) -> Iterator[dict[str, Any]]:
    """Yield what each stage said, up to the one that stopped the document."""
    for manifest in chain.manifests:
        names = [name for name in COLUMNS[manifest.stage].names if name not in HIDDEN]
        values = chain.read(manifest.stage, shard, names).slice(row, 1).to_pylist()[0]
        findings = values.pop("verdict") or []
        yield {
            "stage": manifest.stage,
            "fingerprint": manifest.fingerprint,
            "switched_off": manifest.switched_off,
            "kept": not findings,
            "values": {name: _plain(value) for name, value in values.items() if value is not None},
            "findings": [{**finding, "meaning": REASONS[finding["reason"]][1]} for finding in findings],
        }
        if findings:
            return


def _outcome(chain: Chain, stages: list[dict[str, Any]]) -> str:
    last = stages[-1]
    if last["findings"]:
        reason = last["findings"][0]["reason"]
        return f"{REASONS[reason][0]} at {last['stage']}: {reason}"
    return (
        "kept by every stage"
        if last["stage"] == "publish"
        else f"kept so far; {chain.stages[-1]} was the last stage to run"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if part is not None}
    return value.isoformat() if isinstance(value, datetime) else value
