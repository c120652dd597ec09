"""The bias report's part in validate: a batch's snapshots as the documents and outcomes that `pipeline.bias` counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain as joined
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.counts import REGION, WHOLE, Documents, count, merge
from pipeline.bias.drift import drift, figures
from pipeline.bias.groups import regions
from pipeline.bias.report import LANGUAGE, Limits, axis_of, named, report
from pipeline.bias.screen import Screened, screen
from pipeline.bias.terms import group_names
from pipeline.document import TEXT, VERDICT_COLUMN
from pipeline.errors import SnapshotError
from pipeline.history import figures as history_of
from pipeline.lake.snapshots import Chain
from pipeline.text.arrow import one
from pipeline.verdict import reasons
from pipeline.work import Work

Bools = npt.NDArray[np.bool_]
Values = dict[str, float | str | None]

FILE = "bias.json"
EARLY = ("ingest", "dedup")
"""Stages before a language is known: only regions are compared there."""
EVIDENCE = 10
"""Documents that are named for each disparate value: those nearest to the limit."""
UNDETERMINED = "und"
NOT_WANTED = "language.not_wanted@1"


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
    limits = Limits(own.min_retention_ratio, own.bias_error_rate)
    counts, early = (merge(answer[name] for answer in answers) for name in ("fine", "early"))
    shares = figures(counts)
    found = report(counts, early, limits)
    found["drift"] = drift(shares, history_of(work.batch), limits)
    found["disparate"] = _with_evidence(work, chain, found["disparate"])
    work.batch.lake.write_atomic(f"{work.folder}/{FILE}", json.dumps(found, indent=1).encode())
    kept = chain.manifest("ingest").total("kept")
    ratios = [row["ratio"] for row in found["rows"] if row["ratio"] is not None]
    return {
        "bias_covered_share": found["documents"]["read"] / kept if kept else None,
        "disparate_retention": named(found["disparate"]),
        "retention_ratio_min": min(ratios, default=None),
        "drifted_shares": None if found["drift"] is None else sum(row["drifted"] for row in found["drift"]),
        **_assessed(found["coverage"]),
        **shares,
    }


def count_shard(shard: int, chain: Chain) -> dict[str, Any]:
    """Count one shard's documents (on a worker)."""
    early = count(_early(shard, chain), fine=False)
    documents, _ = fine_documents(shard, chain)
    return {"early": early.to_json(), "fine": count(documents, fine=True).to_json()}


def fine_documents(shard: int, chain: Chain) -> tuple[Documents, npt.NDArray[np.int64]]:
    """Return the documents of a shard that were no duplicates, with all that became of them, and their rows.

    Documents in a language that the configuration does not want are left out.
    """
    base = chain.upto("language").live(shard)
    judging = [manifest for manifest in chain.manifests if manifest.stage not in EARLY and not manifest.switched_off]
    verdicts = {m.stage: one(chain.read(m.stage, shard, [VERDICT_COLUMN]).column(0)) for m in judging}
    if LANGUAGE in verdicts:
        unwanted = pc.equal(reasons(verdicts[LANGUAGE]), NOT_WANTED)
        base &= ~np.asarray(pc.fill_null(unwanted, False))
    rows = np.flatnonzero(base).astype(np.int64)
    take = pa.array(rows)
    table = chain.read("ingest", shard, ["source", "uri", "characters"]).take(take)
    language = _languages(shard, chain).take(take)
    return (
        Documents(
            one(table.column("source")),
            language,
            one(regions(table.column("uri"))),
            np.asarray(pc.fill_null(table.column("characters"), 0), np.int64),
            screen(_texts(shard, chain, take), language),
            outcomes({stage: verdict.take(take) for stage, verdict in verdicts.items()}, len(rows)),
        ),
        rows,
    )


def outcomes(verdicts: Mapping[str, pa.Array], length: int) -> dict[str, Bools]:
    """Return every outcome of the judging stages: who was read and lost, and against whom which rule speaks."""
    alive = np.ones(length, np.bool_)
    found = {f"read:{WHOLE}": alive.copy()}
    for stage, verdict in verdicts.items():
        found[f"read:{stage}"] = alive
        stays = np.asarray(pc.is_null(verdict))
        found[f"lost:{stage}"] = alive & ~stays
        flat, parents = pc.list_flatten(verdict), np.asarray(pc.list_parent_indices(verdict))
        names = pc.dictionary_encode(pc.struct_field(flat, "reason"))
        codes = np.asarray(names.indices)
        for code, reason in enumerate(names.dictionary.to_pylist()):
            hit = np.zeros(length, np.bool_)
            hit[parents[codes == code]] = True
            found[f"rule:{reason}"] = hit
        alive = alive & stays
    found[f"lost:{WHOLE}"] = ~alive
    return found


def _early(shard: int, chain: Chain) -> Documents:
    """Return all documents of a shard, with what became of them before their language was known."""
    table = chain.read("ingest", shard, ["source", "uri"])
    length = table.num_rows
    outcomes: dict[str, Bools] = {}
    alive = np.ones(length, np.bool_)
    for stage in EARLY:
        outcomes[f"read:{stage}"] = alive
        stays = np.asarray(chain.through(stage).live(shard))
        outcomes[f"lost:{stage}"] = alive & ~stays
        alive = stays
    nothing = Screened(np.zeros((length, len(group_names())), np.uint8), np.zeros(length, np.bool_))
    return Documents(
        one(table.column("source")),
        pa.nulls(length, pa.string()),
        one(regions(table.column("uri"))),
        np.zeros(length, np.int64),
        nothing,
        outcomes,
    )


def _languages(shard: int, chain: Chain) -> pa.Array:
    """Return the language of the list for each document: its own, or where that is undetermined the likeliest one.

    A variety that the model knows little of is undetermined more often: it must not drop out of the report by that.
    """
    if LANGUAGE not in chain.stages or chain.manifest(LANGUAGE).switched_off:
        return pa.nulls(len(chain.live(shard)), pa.string())
    table = chain.read(LANGUAGE, shard, ["language", "language_runner_up"])
    language, runner_up = (one(column) for column in table.columns)
    return pc.if_else(pc.equal(language, UNDETERMINED), runner_up, language)


def _texts(shard: int, chain: Chain, take: pa.Array) -> pa.Array:
    """Return the texts: redacted, or raw where a document was rejected before that; null where raw text has expired."""
    texts = chain.documents(shard, [TEXT]).column(0).take(take)
    if texts.null_count and "pii" in chain.stages:
        with suppress(SnapshotError):  # the report says how many documents could not be assessed
            texts = pc.coalesce(texts, chain.upto("pii").documents(shard, [TEXT]).column(0).take(take))
    return one(texts)


def _with_evidence(work: Work, chain: Chain, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each disparate value the documents that it lost nearest to the limit; a second look, only where there is something to see."""
    if not rows:
        return []
    wanted = [(row["value"], row["responsible"]) for row in rows]
    answers = work.on_workers(list(range(chain.shards)), partial(_evidence_task, chain=chain, wanted=wanted))
    return [
        {
            **row,
            "evidence": [
                entry[1] for entry in sorted(joined.from_iterable(answer[n] for answer in answers))[:EVIDENCE]
            ],
        }
        for n, row in enumerate(rows)
    ]


def _evidence_task(shard: int, chain: Chain, wanted: Sequence[tuple[str, str]]) -> str:
    return json.dumps(evidence_of_shard(shard, chain, wanted))


def evidence_of_shard(shard: int, chain: Chain, wanted: Sequence[tuple[str, str]]) -> list[list[tuple[float, str]]]:
    """Return for each value and outcome the lost documents nearest to the limit: distance in limits, and id."""
    documents, rows = fine_documents(shard, chain)
    ids = chain.read("ingest", shard, ["document_id"]).column(0)
    found = []
    for value, outcome in wanted:
        rule = "@" in outcome
        hit = documents.outcomes.get(f"rule:{outcome}" if rule else f"lost:{outcome}")
        chosen = np.flatnonzero(_has(documents, value) & hit) if hit is not None else np.zeros(0, np.int64)
        distance = np.full(len(chosen), 1e300)
        if rule and len(chosen):
            distance = _distances(chain, shard, outcome, rows[chosen])
        names = ids.take(pa.array(rows[chosen])).to_pylist() if len(chosen) else []
        found.append(sorted(zip(distance.tolist(), names, strict=True))[:EVIDENCE])
    return found


def _has(documents: Documents, value: str) -> Bools:
    name = value.partition(":")[2]
    if axis_of(value) in (REGION, LANGUAGE):
        column = documents.region if axis_of(value) == REGION else documents.language
        return np.asarray(pc.fill_null(pc.equal(column, name), False))
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


def _assessed(coverage: Sequence[Mapping[str, Any]]) -> Values:
    """Return the share of the compared documents that could be assessed, by axis."""
    found: Values = {}
    for axis in dict.fromkeys(row["axis"] for row in coverage):
        own = [row for row in coverage if row["axis"] == axis]
        documents = sum(row["documents"] for row in own)
        found[f"bias_assessed_axis/{axis}"] = sum(row["assessed"] for row in own) / documents if documents else None
    return found
