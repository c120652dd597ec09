"""Clean gate inputs for every stage, and one planted fault for every expectation that can block or flag."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.document import COLUMNS, MEASURES
from pipeline.gates.vocabulary import gate_parameters, own_columns
from pipeline.settings import Settings

N = 40
CANARY = "https://example.org/canary-7f3a/Jane-Roe"
WHEN = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)

Columns = dict[str, list[Any]]


def document_id(position: int) -> str:
    return f"{position:032x}"


def parameters(stage: str, *, warming_up: bool = False) -> dict[str, Any]:
    return gate_parameters(Settings(), stage, warming_up=warming_up)


def _own(stage: str, reasons: list[str | None]) -> Columns:
    """Return a stage's own columns for one row each of `reasons`."""
    n, kept = len(reasons), [reason is None for reason in reasons]
    own: dict[str, Columns] = {
        "ingest": {
            "source_kind": ["web"] * n,
            "uri": [CANARY] * n,
            "canonical_uri": [CANARY] * n,
            "fetched_at": [WHEN] * n,
            "published_at": [WHEN] * n,
            "language_hint": ["en"] * n,
            "license": [None] * n,
            "rights_holder": [None] * n,
            "agreement": [None] * n,
            "consent": ["allowed" if k else "opted_out" for k in kept],
            "consent_evidence": ["meta:robots"] * n,
            "consent_signals": ["noindex@meta:robots"] * n,
            "record_file": ["part.jsonl"] * n,
            "record_offset": list(range(n)),
            "record_id": [CANARY] * n,
            "record_digest": ["ab" * 32] * n,
            "text_digest": ["cd" * 32 if k else None for k in kept],
            "characters": [1_000 if k else None for k in kept],
            "normalised": [None] * n,
        },
        "dedup": {
            "survivor": [None if k else document_id(0) for k in kept],
            "survivor_release": [None] * n,
            "similarity": [None if k else 0.93 for k in kept],
            "cluster_size": [1 if k else None for k in kept],
        },
        "language": {
            "language": ["en", "pt-BR", "zh-Hant", "und"] * (n // 4),
            "language_score": [0.9] * n,
            "language_runner_up": ["de"] * n,
            "language_runner_up_score": [0.05] * n,
            "language_second": ["en"] * n,
            "language_agrees": [True] * n,
            "language_share": [None, 0.75] * (n // 2),
        },
        "pii": {"pii_count": [2] * n, "pii_left": [0] * n, "pii_names": [None] * n},
        "quality": {"quality_score": [0.9 if k else 0.2 for k in kept]}
        | {name: [0.5] * n for name in (*MEASURES, "toxicity")},
        "provenance": {
            "lineage_digest": ["ef" * 32] * n,
            "lineage_missing": [0 if k else 2 for k in kept],
            "lineage_verified": [True if k else False for k in kept],  # noqa: SIM210 - reads as the rule it plants
        },
        "validate": {
            "contaminated_item": [None if k else "reasoning:17" for k in kept],
            "contaminated_shingles": [0 if k else 3 for k in kept],
        },
        "publish": {
            "published_digest": ["12" * 32 if k else None for k in kept],
            "survivor": [None if k else document_id(0) for k in kept],
            "survivor_release": [None if k else 3 for k in kept],
            "similarity": [None if k else 1.0 for k in kept],
        },
    }
    unstated: Columns = {name: [None] * n for name in own_columns(stage)}
    return {**unstated, **own[stage]}


_REJECTION = {
    "ingest": "ingest.opted_out@1",
    "dedup": "dedup.near_duplicate@1",
    "language": "language.unsure@1",
    "pii": "pii.only_personal_data@1",
    "quality": "quality.gopher.stop_words@1",
    "provenance": "provenance.incomplete_lineage@1",
    "validate": "validate.contaminated@1",
    "publish": "publish.duplicate_since_base@1",
}


def clean_rows(stage: str, count: int = N) -> Columns:
    """Return rows that pass; the last one of four is rejected."""
    reasons = [_REJECTION[stage] if i % 4 == 3 else None for i in range(count)]
    return {
        "document_id": [document_id(i) for i in range(count)],
        "source": ["web_crawl"] * count,
        "reason": reasons,
        **_own(stage, reasons),
    }


def table(stage: str, columns: Columns) -> pa.Table:
    """Return columns as a table, in the types that the stage's schema states."""
    schema = COLUMNS[stage]
    arrays = {}
    for name, values in columns.items():
        kind = schema.field(name).type if name in schema.names else pa.string()
        arrays[name] = pa.array(values, kind)
    return pa.table(arrays)


_COMMON: dict[str, Any] = {
    "read": N, "kept": 30, "rejected": 10, "failed": 0, "accounting_difference": 0, "misaligned_shards": 0,
    "failed_share": 0.0, "sources_wiped_out": 0, "removed_share_max": 0.25,
}  # fmt: skip

_METRICS: dict[str, dict[str, Any]] = {
    "ingest": {
        "repeated_ids": 0, "reader_difference": 0, "empty_sources": 0, "failed_share_max": 0.01, "volume_change_max": 0.1,
        "flagged_consent": 0,
        "failed_rise_max": 0.01, "no_text_rise_max": -0.05, "unreadable_sources": 0,
    },
    "dedup": {
        "rejected_without_survivor": 0, "survivors_removed": 0, "pairs_below_threshold": 0, "capped_buckets": 0,
        "published_capped_buckets": 0, "published_catch": 0.991,
    },
    "language": {
        "unknown_labels": 0,
        "und_share": 0.1,
        "und_share_max": 0.2,
        "sources_lost": 0,
        "nothing_kept": 0,
        "mixed_flagged": 0,
        "share_change_max": 0.1,
    },
    "pii": {"pii_left": 0, "canaries_planted": 12, "canaries_missed": 0, "canary_recall": 1.0},
    "quality": {"kept_below_threshold": 0, "mean_score": 0.9},
    "provenance": {
        "complete_share": 1.0, "verified_share": 1.0, "license_stated_share": 0.8, "consent_stated_share": 0.7,
    },
    "validate": {
        "contaminated_left": 0, "contaminated_share": 0.01, "slice_score_weighted": 0.5, "slice_regression_max": 0.01,
        "bias_covered_share": 1.0, "disparate_retention": "none", "retention_ratio_min": 0.9, "drifted_shares": 0,
    },
    "publish": {
        "documents": 30, "quality_lower": 0.97, "duplicate_upper": 0.004, "provenance_completeness": 1.0,
        "bias_coverage": 1.0, "already_published": 0, "gate_flags": 0,
    },
}  # fmt: skip


def clean_metrics(stage: str) -> dict[str, Any]:
    return _COMMON | _METRICS[stage]


class Fault(NamedTuple):
    """A planted fault, and the one expectation (type, subject, whether it has a row condition) that must see it."""

    type: str
    subject: str
    value: Any
    on: str = "rows"
    conditional: bool = False
    kept: bool = True
    """Whether a kept or a rejected row gets the value."""

    @property
    def key(self) -> tuple[str, str, str, bool]:
        return (self.on, self.type, self.subject, self.conditional)


def metric(name: str, value: Any) -> Fault:
    return Fault(BETWEEN, name, value, on="metrics")


def cell(rule: str, column: str, value: Any, *, conditional: bool = False, kept: bool = True) -> Fault:
    return Fault(rule, column, value, conditional=conditional, kept=kept)


def plant(faults: list[Fault], rows: Columns, metrics: dict[str, Any]) -> dict[tuple[str, str, str, bool], list[int]]:
    """Plant every fault, each in a row of its own, and return the rows of each expectation that must see them."""
    free = {True: [i for i in range(N) if i % 4 != 3], False: [i for i in range(N) if i % 4 == 3]}
    planted: dict[tuple[str, str, str, bool], list[int]] = {}
    for fault in faults:
        places = planted.setdefault(fault.key, [])
        if fault.on == "metrics":
            metrics[fault.subject] = fault.value
        elif fault.subject == "table":
            rows["surprise"] = ["x"] * N
        else:
            row = free[fault.kept].pop()
            rows[fault.subject][row] = fault.value
            places.append(row)
    return planted


BETWEEN = "expect_column_values_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
REGEX = "expect_column_values_to_match_regex"
IN_SET = "expect_column_values_to_be_in_set"
NAN = float("nan")

_EVERYWHERE: list[Fault] = [
    Fault("expect_table_columns_to_match_set", "table", None),
    cell(NOT_NULL, "document_id", None),
    cell(REGEX, "document_id", "DOC-1"),
    cell("expect_column_values_to_be_unique", "document_id", document_id(0), conditional=True),
    cell(NOT_NULL, "source", None),
    cell(REGEX, "reason", "other.rule@1", kept=False),
    metric("accounting_difference", 1),
    metric("misaligned_shards", 1),
    metric("failed_share", 0.06),
    metric("sources_wiped_out", 1),
]

_OF_STAGE: dict[str, list[Fault]] = {
    "ingest": [
        metric("read", 0),
        cell(IN_SET, "source_kind", "rumour"),
        cell(IN_SET, "consent", "perhaps"),
        cell("expect_column_values_to_not_be_in_set", "consent", "opted_out", conditional=True),
        cell(REGEX, "record_digest", "ab"),
        cell(BETWEEN, "record_offset", -1),
        cell(NOT_NULL, "text_digest", None, conditional=True),
        cell(REGEX, "text_digest", "CD" * 32),
        cell(NOT_NULL, "characters", None, conditional=True),
        cell(BETWEEN, "characters", 0, conditional=True),
        cell(BETWEEN, "characters", 5_000_001, conditional=True),
        metric("repeated_ids", 1),
        metric("reader_difference", -1),
        metric("reader_difference", 1),
        metric("empty_sources", 1),
        metric("failed_share_max", 0.051),
        metric("flagged_consent", 1),
        metric("volume_change_max", 0.31),
        metric("failed_rise_max", 0.021),
        metric("no_text_rise_max", 0.11),
        metric("unreadable_sources", 1),
    ],
    "dedup": [
        cell(BETWEEN, "similarity", 1.01, kept=False),
        cell(BETWEEN, "similarity", NAN, kept=False),
        cell(BETWEEN, "cluster_size", 0),
        cell(REGEX, "survivor", "somebody", kept=False),
        cell(NOT_NULL, "survivor", None, conditional=True, kept=False),
        cell(BETWEEN, "similarity", 0.79, conditional=True, kept=False),
        metric("rejected_without_survivor", 1),
        metric("survivors_removed", 1),
        metric("pairs_below_threshold", 1),
        metric("capped_buckets", 1),
        metric("removed_share_max", 0.91),
    ],
    "language": [
        cell(NOT_NULL, "language", None, conditional=True),
        cell(REGEX, "language", "__label__en"),
        cell(BETWEEN, "language_score", 1.5),
        cell(BETWEEN, "language_score", NAN),
        cell(REGEX, "language_runner_up", "English"),
        cell(BETWEEN, "language_runner_up_score", -0.1),
        cell(REGEX, "language_second", "ENGLISH"),
        cell(BETWEEN, "language_share", 1.01),
        metric("unknown_labels", 1),
        metric("und_share", 0.51),
        metric("und_share_max", 0.81),
        metric("sources_lost", 1),
        metric("nothing_kept", 1),
        metric("mixed_flagged", 1),
        metric("share_change_max", 0.31),
    ],
    "pii": [
        cell(NOT_NULL, "pii_count", None, conditional=True),
        cell(BETWEEN, "pii_count", -1),
        cell(NOT_NULL, "pii_left", None, conditional=True),
        cell(BETWEEN, "pii_left", 1),
        metric("pii_left", 1),
        metric("canaries_planted", 0),
        metric("canaries_missed", 1),
        metric("canary_recall", 0.9),
    ],
    "quality": [
        cell(NOT_NULL, "quality_score", None, conditional=True),
        cell(BETWEEN, "quality_score", 1.5),
        cell(BETWEEN, "quality_score", NAN),
        cell(BETWEEN, "word_count", -1.0),
        cell(BETWEEN, "stop_word_share", 2.0),
        metric("kept_below_threshold", 1),
        metric("removed_share_max", 0.91),
    ],
    "provenance": [
        cell(NOT_NULL, "lineage_digest", None, conditional=True),
        cell(REGEX, "lineage_digest", "ef"),
        cell(BETWEEN, "lineage_missing", -1, kept=False),
        cell(BETWEEN, "lineage_missing", 1, conditional=True),
        cell(NOT_NULL, "lineage_verified", None, conditional=True),
        cell(IN_SET, "lineage_verified", False, conditional=True),
        metric("complete_share", 0.999),
        metric("verified_share", 0.999),
        metric("license_stated_share", 0.49),
        metric("consent_stated_share", 0.49),
    ],
    "validate": [
        cell(BETWEEN, "contaminated_shingles", -1),
        cell(REGEX, "contaminated_item", "seventeen", kept=False),
        metric("contaminated_left", 1),
        metric("contaminated_share", 0.06),
        metric("slice_regression_max", 0.06),
        metric("bias_covered_share", 0.99),
        Fault(
            IN_SET, "disparate_retention", "gender:women by quality.score@1 (kept 0.40 times as often)", on="metrics"
        ),
    ],
    "publish": [
        cell(NOT_NULL, "published_digest", None, conditional=True),
        cell(REGEX, "published_digest", "12"),
        cell(REGEX, "survivor", "somebody", kept=False),
        cell(BETWEEN, "similarity", 1.01, kept=False),
        metric("documents", 0),
        metric("quality_lower", 0.949),
        metric("duplicate_upper", 0.011),
        metric("provenance_completeness", 0.999),
        metric("bias_coverage", 0.999),
    ],
}

FAULTS: dict[str, list[Fault]] = {stage: [*_EVERYWHERE, *faults] for stage, faults in _OF_STAGE.items()}
