"""The bias report's part in validate: every shard is counted where it lies, the driver compares and writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.bias.counts import count, merge
from pipeline.bias.drift import drift, figures
from pipeline.bias.report import FILE, Limits, named, report
from pipeline.bias.topics import TOPIC
from pipeline.history import figures as history_of
from pipeline.lake.snapshots import Chain
from pipeline.stages.bias_documents import early_documents, fine_documents
from pipeline.stages.bias_evidence import with_evidence
from pipeline.work import Work

Values = dict[str, float | str | None]


def report_batch(work: Work, chain: Chain, answers: Sequence[Mapping[str, Any]]) -> Values:
    """Write a batch's bias report beside the shards, and return its figures.

    Parameters
    ----------
    work, chain
        Validate's work, and the batch's snapshots with its own.
    answers
        What `count_shard` gave for every shard.
    """
    own = work.batch.settings.validation
    limits = Limits(own.min_retention_ratio, own.bias_error_rate, own.min_topic_ratio)
    counts, early = (merge(answer[name] for answer in answers) for name in ("fine", "early"))
    shares = figures(counts)
    found = report(counts, early, limits)
    found["drift"] = drift(shares, history_of(work.batch), limits)
    found["disparate"] = with_evidence(work, chain, found["disparate"])
    work.batch.lake.write_atomic(f"{work.folder}/{FILE}", json.dumps(found, indent=1).encode())
    kept = chain.manifest("ingest").total("kept")
    ratios = [row["ratio"] for row in found["rows"] if row["ratio"] is not None and row["axis"] != TOPIC]
    return {
        "bias_covered_share": found["documents"]["read"] / kept if kept else None,
        "disparate_retention": named(found["disparate"]),
        "retention_ratio_min": min(ratios, default=None),
        "drifted_shares": sum(row["drifted"] for row in found["drift"]) if found["drift"] else None,
        **_assessed(found["coverage"]),
        **shares,
    }


def count_shard(shard: int, chain: Chain) -> dict[str, Any]:
    """Count one shard's documents (on a worker)."""
    early = count(early_documents(shard, chain), fine=False)
    documents, _ = fine_documents(shard, chain)
    return {"early": early.to_json(), "fine": count(documents, fine=True).to_json()}


def _assessed(coverage: Sequence[Mapping[str, Any]]) -> Values:
    """Return the share of the compared documents that could be assessed, by axis."""
    found: Values = {}
    for axis in dict.fromkeys(row["axis"] for row in coverage):
        own = [row for row in coverage if row["axis"] == axis]
        documents = sum(row["documents"] for row in own)
        found[f"bias_assessed_axis/{axis}"] = sum(row["assessed"] for row in own) / documents if documents else None
    return found
