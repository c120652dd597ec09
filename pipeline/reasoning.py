"""Why a stage decided as it did on one document, in numbers: every rule, what its score is made of, and what would have decided otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.batch import Batch
from pipeline.document import COLUMNS
from pipeline.lake.snapshots import Chain
from pipeline.quality.score import packaged
from pipeline.quality.story import nearest_change, score_story
from pipeline.reasons import REASONS
from pipeline.recipe import step
from pipeline.stage import Ruled
from pipeline.stages.quality import QualityStage
from pipeline.twins import Row
from pipeline.verdict import Rule


def reasoning(batch: Batch, chain: Chain, stage: str, place: Row, decided: Sequence[str]) -> dict[str, Any]:
    """Return a stage's reasoning over a document.

    Parameters
    ----------
    batch, chain, stage, place
        The document in its batch, which came to the stage.
    decided
        The reasons that the stage gave.

    Returns
    -------
    dict
        ``rules``: every rule with value, limit and whether it speaks against the document; null where the stage's verdict does not follow from
        rules over columns, and where the present code's rules say something else than what was decided by other code, which then
        cannot be shown. Of quality also ``score`` and ``nearest_change`` (`pipeline.quality.story`).
    """
    built = built_stage(batch, chain, stage)
    if built is None:
        return {"rules": None}
    stored = stored_row(chain, stage, place, built.decides_by)
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


def built_stage(batch: Batch, chain: Chain, stage: str) -> Ruled | None:
    """Return a stage as the batch's settings make it, if its verdict follows from rules over columns and it was not switched off."""
    entry = step(stage)
    if entry.build is None or chain.manifest(stage).switched_off:
        return None
    built = entry.build(batch.settings, chain.upto(stage).fingerprints())
    return built if isinstance(built, Ruled) else None


def stored_row(chain: Chain, stage: str, place: Row, names: Sequence[str]) -> pa.RecordBatch:
    """Return one document's columns, the stage's own and earlier stages', as a batch of one row."""
    wrote = {
        name: next(m.stage for m in reversed(chain.through(stage).manifests) if name in COLUMNS[m.stage].names)
        for name in names
    }
    found: dict[str, pa.Array] = {}
    for of in dict.fromkeys(wrote.values()):
        own = [name for name in names if wrote[name] == of]
        values = chain.read_row(of, place.shard, place.row, own)
        found |= {name: pa.array([values[name]], COLUMNS[of].field(name).type) for name in own}
    return pa.RecordBatch.from_arrays([found[name] for name in names], names=list(names))
