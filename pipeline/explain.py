"""One document's whole story, across stages and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.batch import Batch, lake_store, list_batches, load_batch
from pipeline.chain import full_chain
from pipeline.document import COLUMNS, TEXT
from pipeline.errors import SluiceError, UserError
from pipeline.gating import known_verdict
from pipeline.lake.places import FOLDER as PLACES
from pipeline.lake.places import find_places, rows_of, snapshot_of
from pipeline.lake.snapshots import Chain
from pipeline.quality.score import packaged
from pipeline.quality.story import nearest_change, score_story
from pipeline.reasons import REASONS
from pipeline.recipe import step
from pipeline.review import cases
from pipeline.settings import Settings
from pipeline.stage import Ruled
from pipeline.stages.quality import QualityStage
from pipeline.twins import TWIN_STAGES, Row, twin
from pipeline.verdict import Rule

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
    known = {place.batch_id for place in find_places(lake_store(settings), document_id)}
    stories, skipped = [], []
    for reference in _references(settings, known):
        batch = load_batch(reference)
        try:
            chain = full_chain(batch)
            rows = rows_of(chain, document_id)
        except SluiceError as error:
            skipped.append(f"{reference['batch_id']}: {error}")
            continue
        stories += [_story(batch, chain, Row(*place, document_id), texts=texts) for place in rows]
    if not stories:
        more = f" ({len(skipped)} batches could not be read)" if skipped else ""
        raise UserError(
            f"no batch of the lake {settings.lake.root} knows the document '{document_id}'{more}; `sluice quarantine list` "
            "and the release's documents show ids"
        )
    return {"document_id": document_id, "batches": stories, "unreadable_batches": skipped}


def _references(settings: Settings, known: set[str]) -> Iterator[dict[str, str]]:
    """Yield the batches that hold the document, and those that have to be looked through as they are older than `pipeline.lake.places`."""
    lake = lake_store(settings)
    placed = {snapshot_of(name)[0] for name in lake.list(PLACES)}
    for batch_id in lake.folders("batches"):
        if batch_id in known or batch_id not in placed:
            yield from list_batches(settings, batch_id)


def _story(batch: Batch, chain: Chain, place: Row, *, texts: bool) -> dict[str, Any]:
    """Return what one batch said of the document at one place."""
    stages = []
    known: dict[str, Any] = {}
    for entry, row in _stages(chain, place):
        known |= row
        reasons = [finding["reason"] for finding in entry["findings"]]
        gate = known_verdict(batch, chain, entry["stage"])
        told = {
            **entry,
            **_reasoning(batch, chain, entry["stage"], known, reasons),
            "gate": gate.verdict if gate else None,
        }
        if entry["stage"] in TWIN_STAGES and reasons:
            told["twin"] = twin(batch, chain, entry["stage"], place, texts=texts)
        stages.append(told)
    return {
        "batch_id": batch.batch_id,
        "settings": batch.settings_digest,
        "base": batch.record.base,
        "stages": stages,
        "outcome": _outcome(chain, stages),
        "curators": _curators(batch),
    }


def _reasoning(
    batch: Batch, chain: Chain, stage: str, known: Mapping[str, Any], decided: Sequence[str]
) -> dict[str, Any]:
    """Return a stage's reasoning over a document.

    Parameters
    ----------
    batch, chain, stage
        The batch, and a stage that the document came to.
    known
        What is stored of the document, by column: the stage's own and earlier stages'.
    decided
        The reasons that the stage gave.

    Returns
    -------
    dict
        ``rules``: every rule with value, limit and whether it speaks against the document; null where the stage's verdict does not follow from
        rules over columns, and where the present code's rules say something else than what was decided by other code, which then
        cannot be shown. Of quality also ``score`` and ``nearest_change`` (`pipeline.quality.story`).
    """
    built = _built(batch, chain, stage)
    if built is None:
        return {"rules": None}
    stored = pa.RecordBatch.from_arrays(
        [pa.array([known[name]], _type_of(name, chain.through(stage))) for name in built.decides_by],
        names=list(built.decides_by),
    )
    rules = built.rules(stored)
    if [rule.reason for rule in rules if rule.applies[0]] != list(decided):
        return {"rules": None}
    found: dict[str, Any] = {"rules": [_told(rule) for rule in rules]}
    if isinstance(built, QualityStage):
        model = packaged(built.model)
        found |= {
            "score": score_story(stored, model, built.threshold),
            "nearest_change": nearest_change(stored, built.rules, model),
        }
    return found


def _told(rule: Rule) -> dict[str, Any]:
    return {
        "reason": rule.reason,
        "meaning": REASONS[rule.reason][1],
        "value": None if rule.value is None or np.isnan(rule.value[0]) else float(rule.value[0]),
        "limit": rule.limit,
        "side": rule.side,
        "speaks_against": bool(rule.applies[0]),
    }


def _built(batch: Batch, chain: Chain, stage: str) -> Ruled | None:
    """Return a stage as the batch's settings make it, if its verdict follows from rules over columns and it was not switched off."""
    entry = step(stage)
    if entry.build is None or chain.manifest(stage).switched_off:
        return None
    built = entry.build(batch.settings, chain.upto(stage).fingerprints())
    return built if isinstance(built, Ruled) else None


def _type_of(column: str, chain: Chain) -> pa.DataType:
    """Return the type of a column, as the last stage that has one of that name writes it."""
    return next(COLUMNS[s].field(column).type for s in reversed(chain.stages) if column in COLUMNS[s].names)


def _curators(batch: Batch) -> list[dict[str, Any]]:
    """Return what curators were asked of the batch and what they answered."""
    database = cases.database_of(batch.settings)
    if not cases.is_begun(database):
        return []
    return [
        {
            "case_id": case.case_id,
            "state": case.state,
            "flagged": case.summary,
            "decisions": [{"decision": d.decision, "who": d.who, "why": d.why, "at": d.at} for d in case.decisions],
        }
        for case in cases.list_cases(database, batch_id=batch.batch_id)
    ]


def _stages(chain: Chain, place: Row) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield what each stage said, up to the one that stopped the document, and its row as it is stored."""
    for manifest in chain.manifests:
        names = [name for name in COLUMNS[manifest.stage].names if name not in HIDDEN]
        row = chain.read_row(manifest.stage, place.shard, place.row, names)
        findings = row["verdict"] or []
        entry = {
            "stage": manifest.stage,
            "fingerprint": manifest.fingerprint,
            "switched_off": manifest.switched_off,
            "kept": not findings,
            "values": {name: _plain(value) for name, value in row.items() if value is not None and name != "verdict"},
            "findings": [{**finding, "meaning": REASONS[finding["reason"]][1]} for finding in findings],
        }
        yield entry, row
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
