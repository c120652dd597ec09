"""The words that a suite may use: metrics, parameters, columns and expectation types.

The lists are closed so that a misspelt name is an error when the suite is read, not a check that never runs.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline.document import COLUMNS, DOCUMENT_ID, TEXT
from pipeline.errors import UserError
from pipeline.settings import Settings

STAGES: tuple[str, ...] = tuple(COLUMNS)

OPTIONAL_STAGES = frozenset({"dedup", "language", "pii", "quality"})
"""Stages that can be switched off; of these a missing set of columns means *off*, of the others a fault."""

REASON = "reason"
SOURCE = "source"
ALWAYS: tuple[str, ...] = (DOCUMENT_ID, SOURCE, REASON)
"""Columns that a gate gets of every stage; `reason` is the stage's deciding reason, null where the document is kept."""

WIDE: frozenset[str] = frozenset({TEXT, "record", "lineage"})
"""Columns that hold text or whole records: a gate never sees them, nor lists, structs and binary."""

COMMON_METRICS: dict[str, str] = {
    "read": "live documents that the stage began with",
    "kept": "documents that the stage kept",
    "rejected": "documents that a rule of the stage rejected",
    "failed": "documents that the stage could not judge",
    "accounting_difference": "sum over sources of |read - kept - rejected - failed|",
    "misaligned_shards": "shards whose rows are not those of the shard before them, in its order",
    "failed_share": "failed / read",
    "sources_wiped_out": "sources with documents before the stage and none after it",
    "removed_share_max": "largest share that one source lost in the stage",
}

METRICS: dict[str, dict[str, str]] = {
    "ingest": {
        "repeated_ids": "document ids that more than one kept row has",
        "reader_difference": "sum over files of |records that the reader counted - rows written|",
        "empty_sources": "sources that gave no record",
        "failed_share_max": "largest failed share of one source",
        "flagged_consent": "kept documents with a wish of their publisher that the source's policy flags",
        "unreadable_sources": "sources that were left out because a file or a listing of theirs could not be read",
        "volume_change_max": "largest relative change of a source's records against its history",
        "failed_rise_max": "largest rise of a source's failed share against its history",
        "no_text_rise_max": "largest rise of a source's share of records without text against its history",
    },
    "dedup": {
        "rejected_without_survivor": "removed documents that name no survivor",
        "survivors_removed": "survivors that the stage removed itself",
        "pairs_below_threshold": "removed documents whose exact similarity is below the threshold",
        "capped_buckets": "buckets too large to be compared pairwise",
        "published_capped_buckets": "buckets shared with published documents that are too large to be compared with each of them",
        "published_catch": "least probability that a published document at the threshold is compared, by how it was signed",
    },
    "language": {
        "unknown_labels": "documents whose label no model knows",
        "und_share": "share of documents without a language",
        "und_share_max": "largest such share of one source of 20 documents or more",
        "sources_lost": "sources of 20 documents or more of which none was kept",
        "nothing_kept": "1 where 20 documents or more were judged and none was kept",
        "mixed_flagged": "kept documents in several languages that language.mixed flags",
        "share_change_max": "largest change of a language's share within a source against its history",
    },
    "pii": {
        "pii_left": "hits of the independent re-scan on redacted text",
        "canaries_planted": "planted values that the stage had to catch",
        "canaries_missed": "planted values that it did not catch",
        "canary_recall": "share of the planted values that it caught",
    },
    "quality": {
        "kept_below_threshold": "kept documents whose score is below the threshold",
        "mean_score": "mean quality score",
    },
    "provenance": {
        "complete_share": "share of kept documents whose lineage record has every demanded field",
        "verified_share": "share of kept documents whose digests verify",
        "license_stated_share": "share of kept documents with a stated licence",
        "consent_stated_share": "share of kept documents whose consent is known",
    },
    "validate": {
        "contaminated_left": "kept documents that still share a shingle with a benchmark item",
        "contaminated_share": "share of documents that were contaminated",
        "slice_score_weighted": "the slices' figures, weighted",
        "slice_regression_max": "largest fall of a slice against the last release",
        "bias_covered_share": "share of documents that the bias report covers",
        "disparate_retention": "values kept much less often than comparable documents, with the rule responsible, in words; or none",
        "retention_ratio_min": "smallest ratio of a value's retention to that of comparable documents",
        "drifted_shares": "groups that a source speaks of much more or less often than in the last release",
    },
    "publish": {
        "documents": "documents about to be released",
        "quality_lower": "lower 95 % bound of the data quality score",
        "duplicate_upper": "upper 95 % bound of the duplicate content rate",
        "provenance_completeness": "share of documents whose lineage is complete and verifies",
        "bias_coverage": "share of documents that the bias report covers",
        "already_published": "documents that the corpus holds already",
        "gate_flags": "flags that earlier gates of the batch raised",
    },
}

PARAMETERS: dict[str, str] = {
    "quality_threshold": "cleaning.quality_threshold",
    "max_failed_share": "ingestion.max_failed_share",
    "max_text_characters": "the largest max_text_characters of ingestion.sources",
    "dedup_threshold": "dedup.threshold",
    "dedup_recall": "dedup.recall",
    "max_removed_share": "max_removed_share of the stage's own section; 1 where it has none",
    "max_share_change": "history.max_share_change",
    "max_failed_rise": "history.max_failed_rise",
    "max_no_text_rise": "history.max_no_text_rise",
    "max_regression": "validation.max_regression",
    "min_retention_ratio": "validation.min_retention_ratio",
    "publish_min_quality": "publish.min_quality",
    "publish_max_duplicate_rate": "publish.max_duplicate_rate",
}
"""Parameters that a suite may use as ``{"$PARAMETER": name}``, each with the setting it comes from."""

WARMING_UP = "warming_up"
"""Parameter of the gate itself: while true, expectations marked `history` report and decide nothing."""

EXPECTATIONS: frozenset[str] = frozenset(
    [
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_max_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_to_exist",
        "expect_column_type_to_be",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_match_json_schema",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_match_strftime_format",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_be_outliers",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_compound_columns_to_be_unique",
        "expect_multicolumn_sum_to_equal",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    ]
)
"""Great Expectations' own types without those that need a database or another table, or depend on the order of rows.

Held here so that a suite is checked without the import of Great Expectations; a test compares the list with its registry.
"""


def require_stage(stage: str) -> None:
    """Raise `UserError` unless `stage` is one of the eight."""
    if stage not in COLUMNS:
        raise UserError(f"there is no stage '{stage}'; the stages are {', '.join(STAGES)}")


def metrics_of(stage: str) -> dict[str, str]:
    """Return the metrics of a stage, each with its meaning."""
    require_stage(stage)
    return COMMON_METRICS | METRICS[stage]


def is_narrow(field: pa.Field) -> bool:
    """Whether a gate looks at a column: a scalar that is no text and no whole record."""
    nested = pa.types.is_nested(field.type)
    binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
    return not nested and not binary and field.name not in WIDE


def own_columns(stage: str) -> tuple[str, ...]:
    """Return the narrow columns that the stage itself writes, in its schema's order."""
    require_stage(stage)
    return tuple(field.name for field in COLUMNS[stage] if is_narrow(field) and field.name not in ALWAYS)


def narrow_columns(stage: str) -> tuple[str, ...]:
    """Return the columns that the stage's gate is given: id, source, reason and the stage's own narrow ones."""
    return ALWAYS + own_columns(stage)


def gate_parameters(settings: Settings, stage: str, *, warming_up: bool) -> dict[str, Any]:
    """Return the values of all parameters for a stage's gate.

    Parameters
    ----------
    warming_up
        Whether fewer batches than `history.warm_up_batches` exist to compare with.
    """
    require_stage(stage)
    return {
        "quality_threshold": settings.cleaning.quality_threshold,
        "max_failed_share": settings.ingestion.max_failed_share,
        "max_text_characters": max(source.max_text_characters for source in settings.ingestion.sources),
        "dedup_threshold": settings.dedup.threshold,
        "dedup_recall": settings.dedup.recall,
        "max_removed_share": getattr(getattr(settings, stage, None), "max_removed_share", 1.0),
        "max_share_change": settings.history.max_share_change,
        "max_failed_rise": settings.history.max_failed_rise,
        "max_no_text_rise": settings.history.max_no_text_rise,
        "max_regression": settings.validation.max_regression,
        "min_retention_ratio": settings.validation.min_retention_ratio,
        "publish_min_quality": settings.publish.min_quality,
        "publish_max_duplicate_rate": settings.publish.max_duplicate_rate,
        WARMING_UP: warming_up,
    }
