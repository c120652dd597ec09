"""The figures of a stage's snapshot: one row that its gate judges, beside the narrow rows.

A figure that is null was not measured: its expectation is reported as not applicable, never as passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import accounts
from pipeline.document import COLUMNS, VERDICT_COLUMN
from pipeline.gates.vocabulary import own_columns
from pipeline.history import figures, released_batches
from pipeline.lake.manifest import SourceCount
from pipeline.lake.snapshots import Chain
from pipeline.source import WishName
from pipeline.verdict import reasons

if TYPE_CHECKING:
    from pipeline.batch import Batch

Metrics = dict[str, int | float | str | None]

LARGE_SOURCE = 20
"""Documents from which a source that loses all, or has no language, stops the line: fewer may all be of a kind by chance."""


def narrow_rows(chain: Chain, stage: str) -> pa.Table:
    """Return the rows that a stage judged, without text, lists or structs: what the gate's row expectations see.

    Columns: `document_id`, `source`, `reason` (null: kept) and the stage's own narrow ones. A stage that is switched off has only
    the first three.
    """
    manifest = chain.manifest(stage)
    names = [] if manifest.switched_off else list(own_columns(stage))
    before = chain.upto(stage)
    tables = []
    for shard in range(chain.shards):
        own = chain.read(stage, shard, [*names, VERDICT_COLUMN])
        whose = chain.read("ingest", shard, ["document_id", "source"])
        if own.num_rows != whose.num_rows:
            continue  # counted as a misaligned shard
        table = whose.append_column("reason", reasons(own.column(VERDICT_COLUMN)))
        for name in names:
            table = table.append_column(own.schema.field(name), own.column(name))
        if stage != "ingest":
            table = table.filter(pa.array(before.live(shard)))
        tables.append(table)
    if not tables:
        always = [pa.field(name, pa.string()) for name in ("document_id", "source", "reason")]
        return pa.schema([*always, *(COLUMNS[stage].field(name) for name in names)]).empty_table()
    return pa.concat_tables(tables)


def stage_metrics(
    batch: Batch, chain: Chain, stage: str, counts: Sequence[SourceCount], own: dict[str, float | str | None]
) -> Metrics:
    """Return the figures of a stage: the ones every stage has, and its own."""
    metrics: Metrics = {**common(chain, stage, counts), **own}
    if not chain.manifest(stage).switched_off:
        metrics.update(OWN[stage](batch, chain, narrow_rows(chain, stage), metrics))
    return metrics


def common(chain: Chain, stage: str, counts: Sequence[SourceCount]) -> Metrics:
    """Return what holds for every stage: the accounts and how much each source lost."""
    read = sum(count.read for count in counts)
    failed = sum(sum(count.failed.values()) for count in counts)
    lost_by_source = [1 - count.kept / count.read for count in counts if count.read]
    rows = {file.shard: file.rows for file in chain.manifest("ingest").shards()}
    return {
        "read": read,
        "kept": sum(count.kept for count in counts),
        "rejected": sum(sum(count.rejected.values()) for count in counts),
        "failed": failed,
        "accounting_difference": sum(abs(count.lost) for count in counts),
        "misaligned_shards": sum(rows.get(file.shard) != file.rows for file in chain.manifest(stage).shards()),
        "failed_share": failed / read if read else None,
        "sources_wiped_out": sum(count.read > 0 and count.kept == 0 for count in counts),
        "removed_share_max": max(lost_by_source, default=None),
    }


def _ingest(batch: Batch, chain: Chain, rows: pa.Table, metrics: Metrics) -> Metrics:
    kept = rows.filter(pc.is_null(rows.column("reason"))).column("document_id")
    configured = [source.name for source in batch.settings.ingestion.sources]
    own = accounts.figures(accounts.rows_of(chain), configured)

    def by_source(prefix: str) -> dict[str, float]:
        return {name: value for name, value in own.items() if name.startswith(f"{prefix}/")}

    return {
        "repeated_ids": len(kept) - len(kept.unique()),
        **own,
        "empty_sources": sum(not metrics.get(f"read/{name}") for name in configured),
        "failed_share_max": max(by_source("failed_share").values(), default=None),
        "flagged_consent": _flagged_consent(batch, rows),
        "unread_files": len(batch.record.unread),
        "unreadable_sources": len(batch.record.failed),
        "volume_change_max": _change(batch, by_source("volume"), relative=True, settled=True),
        "failed_rise_max": _change(batch, by_source("failed_share"), way="rise", settled=True),
        "no_text_rise_max": _change(batch, by_source("no_text_share"), way="rise", settled=True),
    }


def _flagged_consent(batch: Batch, rows: pa.Table) -> int:
    flagged = 0
    kept = rows.filter(pc.is_null(rows.column("reason")))
    for source in batch.settings.ingestion.sources:
        names = [name for name in get_args(WishName) if source.consent.of(name) == "flag"]
        if names:
            own = kept.filter(pc.equal(kept.column("source"), source.name)).column("consent_signals")
            flagged += pc.sum(pc.match_substring_regex(own, f"(?:^|,)(?:{'|'.join(names)})@")).as_py() or 0
    return flagged


def _dedup(_: Batch, __: Chain, rows: pa.Table, metrics: Metrics) -> Metrics:
    removed = rows.filter(pc.is_valid(rows.column("reason")))
    kept = rows.filter(pc.is_null(rows.column("reason"))).column("document_id")
    within = removed.filter(pc.is_null(removed.column("survivor_release")))
    stays = pc.is_in(within.column("survivor"), value_set=kept.combine_chunks())
    duplicates = removed.filter(pc.match_substring(removed.column("reason"), "duplicate@"))
    matched = removed.filter(pc.match_substring_regex(removed.column("reason"), "(duplicate|contained)@"))
    limit = metrics.get("threshold")
    below = pc.less(duplicates.column("similarity"), pa.scalar(float(limit or 0) - 1e-12))
    return {
        "rejected_without_survivor": pc.sum(pc.is_null(matched.column("survivor"))).as_py() or 0,
        "survivors_removed": within.num_rows - (pc.sum(stays).as_py() or 0),
        "pairs_below_threshold": pc.sum(below).as_py() or 0,
    }


def _language(batch: Batch, _: Chain, rows: pa.Table, __: Metrics) -> Metrics:
    from pipeline.language.codes import UNDETERMINED, known_languages

    known = pa.array([*known_languages(), UNDETERMINED], pa.string())
    earlier = figures(batch)
    own = batch.settings.language.mixed
    shares: Metrics = {}
    undetermined, lost = [], 0
    for source in rows.column("source").unique().to_pylist():
        part = rows.filter(pc.equal(rows.column("source"), source))
        counts = pc.value_counts(part.column("language").drop_null().combine_chunks()).to_pylist()
        share = {entry["values"]: entry["counts"] / part.num_rows for entry in counts}
        shares |= {f"language/{source}/{code}": value for code, value in share.items() if value >= 0.05}
        # A language that the source used to have counts as well, with what is left of it.
        before = [name.rsplit("/", 1)[1] for name in earlier if name.startswith(f"language/{source}/")]
        shares |= {f"language/{source}/{code}": share.get(code, 0.0) for code in before}
        if part.num_rows >= LARGE_SOURCE:
            undetermined.append(share.get(UNDETERMINED, 0.0))
            lost += part.column("reason").null_count == 0
    labels = rows.column("language").drop_null()
    kept = rows.filter(pc.is_null(rows.column("reason")))
    mixed = pc.sum(pc.less(kept.column("language_share"), pa.scalar(own.min_share, pa.float32()))).as_py() or 0
    return {
        "unknown_labels": len(labels) - (pc.sum(pc.is_in(labels, value_set=known)).as_py() or 0),
        "und_share": (pc.sum(pc.equal(labels, UNDETERMINED)).as_py() or 0) / (len(labels) or 1),
        "und_share_max": max(undetermined, default=None),
        "sources_lost": lost,
        "nothing_kept": int(rows.num_rows >= LARGE_SOURCE and not kept.num_rows),
        "mixed_flagged": mixed if own.policy == "flag" else 0,
        "share_change_max": _change(batch, shares),
        **shares,
    }


def _pii(batch: Batch, _: Chain, rows: pa.Table, __: Metrics) -> Metrics:
    from pipeline.pii.canaries import canary_recall

    # Other canaries for each batch: what one batch's happen to miss, the next one's find.
    canaries = canary_recall(batch.settings.pii, batch.batch_id)
    return {
        "pii_left": pc.sum(rows.column("pii_left")).as_py() or 0,
        "pii_spans": pc.sum(rows.column("pii_count")).as_py() or 0,
        "canaries_planted": canaries.planted,
        "canaries_missed": canaries.missed,
        "canary_recall": 1 - canaries.missed / canaries.planted if canaries.planted else None,
    }


def _quality(batch: Batch, _: Chain, rows: pa.Table, __: Metrics) -> Metrics:
    score = rows.column("quality_score")
    kept = score.filter(pc.is_null(rows.column("reason")))
    limit = pa.scalar(np.float32(batch.settings.cleaning.quality_threshold), pa.float32())
    return {
        "kept_below_threshold": pc.sum(pc.less(kept, limit)).as_py() or 0,
        "mean_score": pc.mean(score).as_py(),
    }


def _provenance(_: Batch, chain: Chain, rows: pa.Table, __: Metrics) -> Metrics:
    kept = rows.filter(pc.is_null(rows.column("reason")))
    total = kept.num_rows
    complete = pc.sum(pc.equal(kept.column("lineage_missing"), 0)).as_py() or 0
    verified = pc.sum(kept.column("lineage_verified")).as_py() or 0
    stated = chain.each_live(["license", "consent"])
    licences = consents = 0
    for table in stated:
        licences += table.num_rows - table.column("license").null_count
        consents += table.num_rows - table.column("consent").null_count
    return {
        "complete_share": complete / total if total else None,
        "verified_share": verified / total if total else None,
        "license_stated_share": licences / total if total else None,
        "consent_stated_share": consents / total if total else None,
    }


def _validate(batch: Batch, _: Chain, rows: pa.Table, metrics: Metrics) -> Metrics:
    slices = {name: value for name, value in metrics.items() if name.startswith("slice/")}
    contaminated = rows.filter(pc.is_valid(rows.column("contaminated_item")))
    return {
        "contaminated_left": pc.sum(pc.is_null(contaminated.column("reason"))).as_py() or 0,
        "contaminated_share": contaminated.num_rows / rows.num_rows if rows.num_rows else None,
        "slice_regression_max": _change(batch, slices, way="fall"),
    }


def _publish(_: Batch, __: Chain, rows: pa.Table, metrics: Metrics) -> Metrics:
    already = pc.sum(pc.equal(rows.column("reason"), "publish.already_published@1")).as_py() or 0
    if not metrics.get("documents") and already == rows.num_rows > 0:
        # Run again under another configuration, and all of it is in the corpus: nothing is about to be released, so what is
        # demanded of a release is not applicable.
        return {"already_published": None, "documents": None, "sources_wiped_out": None, "removed_share_max": None}
    return {"already_published": already}


OWN: dict[str, Callable[[Batch, Chain, pa.Table, Metrics], Metrics]] = {
    "ingest": _ingest,
    "dedup": _dedup,
    "language": _language,
    "pii": _pii,
    "quality": _quality,
    "provenance": _provenance,
    "validate": _validate,
    "publish": _publish,
}


def _change(
    batch: Batch,
    now: Mapping[str, int | float | str | None],
    *,
    way: Literal["any", "rise", "fall"] = "any",
    relative: bool = False,
    settled: bool = False,
) -> float | None:
    """Return the largest change of some figures against their median in the history of the batch's base; null without one.

    With `settled`, and once the warm-up is over, a figure counts only if it has a warm-up's worth of history itself: a source that
    is new to an old corpus is not judged by its first batch.
    """
    history, enough = figures(batch), 1
    if settled and released_batches(batch) >= batch.settings.history.warm_up_batches:
        enough = batch.settings.history.warm_up_batches
    changes = []
    for name, value in now.items():
        earlier = history.get(name, [])
        if len(earlier) < enough or value is None or isinstance(value, str):
            continue
        median = float(np.median(earlier))
        rise = float(value) - median
        change = {"any": abs(rise), "rise": rise, "fall": -rise}[way]
        changes.append(change / median if relative and median else change)
    return max(changes, default=None)
