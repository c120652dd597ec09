"""Why a stage decided as it did on one document, in numbers: every rule, what its score is made of, and what would have decided otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from pipeline.verdict import Rule


def reasoning(
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
