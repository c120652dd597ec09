"""Which documents a disparate value lost: those nearest to the limit, and those that have a worse value too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import chain as joined
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.counts import LANGUAGE, REGION, Bools, Documents, axis_of
from pipeline.bias.terms import group_names
from pipeline.bias.topics import TOPIC, topic_names
from pipeline.document import VERDICT_COLUMN
from pipeline.lake.snapshots import Chain
from pipeline.stages.bias_documents import fine_documents
from pipeline.text.arrow import one
from pipeline.work import Work

EVIDENCE = 10
"""Documents that are named for each disparate value: those nearest to the limit."""


def with_evidence(work: Work, chain: Chain, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each disparate value the documents that it lost nearest to the limit, and how many of the lost ones have a worse value too.

    It is a second look at the documents, only where there is something to see. A text that mentions women often mentions men: what one rule takes
    from the worst value it takes from those that stand beside it.
    """
    if not rows:
        return []
    leaders = {row["responsible"]: row["value"] for row in reversed(rows)}
    wanted = [(row["value"], row["responsible"], leaders[row["responsible"]]) for row in rows]
    answers = work.on_workers(list(range(chain.shards)), partial(_evidence_task, chain=chain, wanted=wanted))
    found = []
    for number, (row, (value, _, leader)) in enumerate(zip(rows, wanted, strict=True)):
        nearest = sorted(joined.from_iterable(answer[number]["nearest"] for answer in answers))[:EVIDENCE]
        shared = None
        if value != leader:
            totals = {name: sum(answer[number][name] for answer in answers) for name in ("lost", "shared")}
            shared = {"value": leader, "lost": totals["lost"], "of_them": totals["shared"]}
        found.append({**row, "evidence": [name for _, name in nearest], "shared": shared})
    return found


def _evidence_task(shard: int, chain: Chain, wanted: Sequence[tuple[str, str, str]]) -> str:
    return json.dumps(evidence_of_shard(shard, chain, wanted))


def evidence_of_shard(shard: int, chain: Chain, wanted: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Return for each value, outcome and worse value the documents that were lost.

    `nearest` are distance in limits and id of those nearest to the limit, `lost` is their number, `shared` of those that have the worse
    value too.
    """
    documents, rows = fine_documents(shard, chain)
    ids = chain.read("ingest", shard, ["document_id"]).column(0)
    found = []
    for value, outcome, leader in wanted:
        rule = "@" in outcome
        hit = documents.outcomes.get(f"rule:{outcome}" if rule else f"lost:{outcome}")
        lost = _has(documents, value) & hit if hit is not None else np.zeros(len(rows), np.bool_)
        chosen = np.flatnonzero(lost)
        distance = np.full(len(chosen), 1e300)
        if rule and len(chosen):
            distance = _distances(chain, shard, outcome, rows[chosen])
        names = ids.take(pa.array(rows[chosen])).to_pylist()
        found.append(
            {
                "nearest": sorted(zip(distance.tolist(), names, strict=True))[:EVIDENCE],
                "lost": len(chosen),
                "shared": int((lost & _has(documents, leader)).sum()),
            }
        )
    return found


def _has(documents: Documents, value: str) -> Bools:
    name = value.partition(":")[2]
    if axis_of(value) in (REGION, LANGUAGE):
        column = documents.region if axis_of(value) == REGION else documents.language
        return np.asarray(pc.fill_null(pc.equal(column, name), False))
    if axis_of(value) == TOPIC:
        about: Bools = documents.screened.assessed & (documents.screened.topic == topic_names().index(value))
        return about
    return documents.screened.flags[:, group_names().index(value)] > 0


def _distances(chain: Chain, shard: int, reason: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return how far each document's value is from the rule's limit, in limits; very far where the rule states none."""
    verdict = one(chain.read(reason.split(".", maxsplit=1)[0], shard, [VERDICT_COLUMN]).column(0)).take(pa.array(rows))
    flat, parents = pc.list_flatten(verdict), np.asarray(pc.list_parent_indices(verdict))
    mine = np.flatnonzero(np.asarray(pc.equal(pc.struct_field(flat, "reason"), reason)))
    value, limit = (
        np.asarray(pc.struct_field(flat, name).cast(pa.float64()).fill_null(np.nan))[mine]
        for name in ("value", "limit")
    )
    distance = np.full(len(rows), 1e300)
    gap = np.abs(value - limit) / np.maximum(np.abs(limit), 1e-9)
    distance[parents[mine]] = np.where(np.isfinite(gap), gap, 1e300)
    return distance
