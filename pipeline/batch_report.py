"""What became of a batch and of whom it speaks, as a person would look at it: funnel, scores, retention, contexts, drift, coverage.

All of it comes from manifests, from narrow columns, and from what validate wrote. There is no text in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.batch import Batch
from pipeline.bias.drift import SHARE
from pipeline.bias.report import FILE
from pipeline.errors import SnapshotError, UserError
from pipeline.history import figures
from pipeline.lake.snapshots import Chain
from pipeline.report.funnel import funnel

STAGE = "validate"
BINS = 25
"""Bins of the quality score, each of four hundredths: the default threshold, 0.8, lies on an edge."""


def report(batch: Batch, chain: Chain) -> dict[str, Any]:
    """Return the report on a batch as plain data.

    Raises
    ------
    UserError
        If validate has not run yet, or wrote its report before there was this one.
    """
    if STAGE not in chain.stages:
        raise UserError(f"batch {batch.batch_id}: validate has not run yet; run `sluice stage validate` first")
    manifest = chain.manifest(STAGE)
    return {
        "batch_id": batch.batch_id,
        "funnel": funnel(chain),
        "threshold": batch.settings.cleaning.quality_threshold,
        "scores": _scores(chain),
        "bias": _bias(batch, manifest.name.rsplit("/", 1)[0]),
        "shares": _shares(batch, manifest.metrics),
    }


def _bias(batch: Batch, folder: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(batch.lake.read_bytes(f"{folder}/{FILE}"))
    except FileNotFoundError:
        raise UserError(f"batch {batch.batch_id}: its bias report is gone; run `sluice stage validate` again") from None
    if "limits" not in found:
        raise UserError(
            f"batch {batch.batch_id}: its bias report is an older version's; run `sluice stage validate` again"
        )
    return found


def _scores(chain: Chain) -> list[dict[str, Any]]:
    """Return how the quality score is distributed, by source; nothing where quality did not run or its columns are gone."""
    if "quality" not in chain.stages or chain.manifest("quality").switched_off:
        return []
    counts: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
    for shard in range(chain.shards):
        try:
            score = chain.read("quality", shard, ["quality_score"]).column(0)
        except SnapshotError:
            return []
        source = chain.read("ingest", shard, ["source"]).column(0)
        for name in pc.unique(source).to_pylist():
            own = np.asarray(score.filter(pc.equal(source, name)).drop_null(), np.float64)
            # The score is a 32-bit number: on the threshold it may lie a rounding error below it.
            place = np.clip(np.floor(own * BINS + 1e-6), 0, BINS - 1).astype(np.int64)
            counts[name] = counts.get(name, np.zeros(BINS, np.int64)) + np.bincount(place, minlength=BINS)
    return [
        {"source": name, "documents": int(bins.sum()), "bins": bins.tolist()}
        for name, bins in sorted(counts.items())
        if bins.sum()
    ]


def _shares(batch: Batch, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the share of documents that mention a group, in the releases up to the batch's base and in the batch."""
    history = figures(batch)
    return [
        {"value": name.split("/")[1], "before": history.get(name, []), "now": value}
        for name, value in sorted(metrics.items())
        if name.startswith(f"{SHARE}/") and name.count("/") == 1 and value is not None
    ]
