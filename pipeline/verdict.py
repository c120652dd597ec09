"""What a stage says of a document.

A verdict is the list of findings against a document; null means *keep*. All rules are evaluated, so the list holds every rule
that spoke against the document; its first entry is the deciding one and names the document's `reason` in all counts.

A reason is a closed, versioned name: ``stage.rule@version``. A rule whose meaning changes gets a new version, and the old name
stays valid for the snapshots that carry it. A reason's outcome says whether the document was *rejected* (a rule applied) or
*failed* (it could not be judged).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ContractViolation

Outcome = Literal["rejected", "failed"]
_LARGEST = 10**300
"""A stated number is not believed beyond this; near it a float ends."""

FINDING = pa.struct(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("limit", pa.float64()),
        pa.field("evidence", pa.string()),
    ]
)
"""One rule that spoke against a document: the value it saw, the limit it compared with, and what it matched.

`evidence` is an id, a type, a digest or a class of error, never text of the document.
"""

VERDICT = pa.list_(pa.field("item", FINDING, nullable=False))

REASONS: dict[str, tuple[Outcome, str]] = {
    # ingest
    "ingest.unreadable_record@1": ("failed", "the record could not be parsed"),
    "ingest.truncated_record@1": ("failed", "the record ends before its stated length"),
    "ingest.undecodable_text@1": ("failed", "the record's bytes are not text in its stated or sniffed charset"),
    "ingest.record_too_large@1": ("failed", "the record is larger than the source's limit"),
    "ingest.expansion_limit@1": (
        "failed",
        "the file holds more for its size than the source allows, and was not read on",
    ),
    "ingest.revisit@1": ("rejected", "the same content is in the record that the finding names"),
    "ingest.http_status@1": ("rejected", "the response's status is not 200"),
    "ingest.media_type@1": ("rejected", "the record is not of a media type that holds text"),
    "ingest.no_text@1": ("rejected", "the record holds no text"),
    "ingest.text_too_long@1": ("rejected", "the text is longer than the source's limit"),
    "ingest.opted_out@1": ("rejected", "the publisher reserved its rights against this use"),
    "ingest.missing_license@1": ("rejected", "the source demands a licence and the record states none"),
    "ingest.private_message@1": ("rejected", "the message is not addressed to the public"),
    "ingest.deleted@1": ("rejected", "the post was deleted, by itself or with its author's account"),
    "ingest.superseded@1": ("rejected", "a later version of the same post was read"),
    "ingest.joined_thread@1": ("rejected", "the post is part of its thread's document"),
    "ingest.repeated_record@1": ("rejected", "the same record was read before in this batch"),
    "ingest.tombstone@1": ("rejected", "the document was taken down and may not come back"),
    # dedup
    "dedup.exact_duplicate@1": ("rejected", "its normalised text equals the survivor's"),
    "dedup.near_duplicate@1": (
        "rejected",
        "its exact Jaccard similarity with the survivor is at or above the threshold",
    ),
    "dedup.contained@1": ("rejected", "the survivor holds at least the configured share of its shingles"),
    # language
    "language.not_wanted@1": ("rejected", "its language is not among the wanted ones"),
    "language.unsure@1": ("rejected", "no language reached the score"),
    "language.mixed@1": ("rejected", "its language has a smaller share of it than is asked for"),
    # pii
    "pii.only_personal_data@1": ("rejected", "nothing but placeholders is left after redaction"),
    "pii.uncovered_language@1": ("rejected", "no recogniser covers its language"),
    # quality
    "quality.score@1": ("rejected", "its quality score is under the threshold"),
    "quality.gopher.word_count_min@1": ("rejected", "fewer words than Gopher's rule allows"),
    "quality.gopher.word_count_max@1": ("rejected", "more words than Gopher's rule allows"),
    "quality.gopher.mean_word_length_min@1": ("rejected", "shorter words on average than Gopher's rule allows"),
    "quality.gopher.mean_word_length_max@1": ("rejected", "longer words on average than Gopher's rule allows"),
    "quality.gopher.hash_ratio@1": ("rejected", "more hash signs a word than Gopher's rule allows"),
    "quality.gopher.ellipsis_ratio@1": ("rejected", "more ellipses a word than Gopher's rule allows"),
    "quality.gopher.bullet_lines@1": ("rejected", "a larger share of bullet lines than Gopher's rule allows"),
    "quality.gopher.ellipsis_lines@1": (
        "rejected",
        "a larger share of lines ending in an ellipsis than Gopher's rule allows",
    ),
    "quality.gopher.alphabetic_words@1": (
        "rejected",
        "a smaller share of words with a letter than Gopher's rule allows",
    ),
    "quality.gopher.alphabetic_tokens@1": (
        "rejected",
        "a smaller share of tokens with a letter than Gopher's rule allows, as DataTrove counts them",
    ),
    "quality.gopher.stop_words@1": ("rejected", "fewer stop words than Gopher's rule demands"),
    "quality.gopher.duplicate_lines@1": ("rejected", "Gopher's limit of repeated lines"),
    "quality.gopher.duplicate_paragraphs@1": ("rejected", "Gopher's limit of repeated paragraphs"),
    "quality.gopher.duplicate_line_characters@1": ("rejected", "Gopher's limit of characters in repeated lines"),
    "quality.gopher.duplicate_paragraph_characters@1": (
        "rejected",
        "Gopher's limit of characters in repeated paragraphs",
    ),
    "quality.gopher.top_2_gram@1": ("rejected", "Gopher's limit of characters in the most frequent 2-gram"),
    "quality.gopher.top_3_gram@1": ("rejected", "Gopher's limit of characters in the most frequent 3-gram"),
    "quality.gopher.top_4_gram@1": ("rejected", "Gopher's limit of characters in the most frequent 4-gram"),
    "quality.gopher.duplicate_5_grams@1": ("rejected", "Gopher's limit of characters in repeated 5-grams"),
    "quality.gopher.duplicate_6_grams@1": ("rejected", "Gopher's limit of characters in repeated 6-grams"),
    "quality.gopher.duplicate_7_grams@1": ("rejected", "Gopher's limit of characters in repeated 7-grams"),
    "quality.gopher.duplicate_8_grams@1": ("rejected", "Gopher's limit of characters in repeated 8-grams"),
    "quality.gopher.duplicate_9_grams@1": ("rejected", "Gopher's limit of characters in repeated 9-grams"),
    "quality.gopher.duplicate_10_grams@1": ("rejected", "Gopher's limit of characters in repeated 10-grams"),
    "quality.fineweb.line_punctuation@1": (
        "rejected",
        "a smaller share of lines ending in punctuation than FineWeb's rule allows",
    ),
    "quality.fineweb.short_lines@1": ("rejected", "a larger share of short lines than FineWeb's rule allows"),
    "quality.fineweb.duplicate_line_characters@1": ("rejected", "FineWeb's limit of characters in repeated lines"),
    "quality.fineweb.newline_ratio@1": ("rejected", "more line ends a word than FineWeb's rule allows"),
    "quality.fineweb.newline_ratio@2": ("rejected", "more line ends a token than FineWeb's rule allows"),
    "quality.c4.sentences@1": ("rejected", "fewer sentences than C4's rule demands in the lines that C4 keeps"),
    "quality.c4.curly_brackets@1": ("rejected", "a line that C4 would keep holds a curly bracket"),
    "quality.c4.lorem_ipsum@1": ("rejected", "a line that C4 would keep holds 'lorem ipsum'"),
    # provenance
    "provenance.unverified_lineage@1": ("rejected", "its lineage record does not verify"),
    "provenance.incomplete_lineage@1": ("rejected", "its lineage record lacks a demanded field"),
    # validate
    "validate.contaminated@1": ("rejected", "it shares a run of words with a benchmark item"),
    # publish
    "publish.already_published@1": ("rejected", "the document is in the corpus already"),
    "publish.duplicate_after_redaction@1": (
        "rejected",
        "as published, it is a duplicate of another document of its batch",
    ),
    "publish.duplicate_since_base@1": ("rejected", "a release after the batch's base holds its duplicate"),
    "publish.tombstone@1": ("rejected", "the document was taken down after the batch's base"),
    # any per-document stage: a document on which the stage itself raised
    "ingest.failed@1": ("failed", "the stage failed on this document"),
    "dedup.failed@1": ("failed", "the stage failed on this document"),
    "language.failed@1": ("failed", "the stage failed on this document"),
    "pii.failed@1": ("failed", "the stage failed on this document"),
    "quality.failed@1": ("failed", "the stage failed on this document"),
    "provenance.failed@1": ("failed", "the stage failed on this document"),
    "validate.failed@1": ("failed", "the stage failed on this document"),
    "publish.failed@1": ("failed", "the stage failed on this document"),
}


class Finding(NamedTuple):
    """One rule that spoke against a document."""

    reason: str
    value: float | None = None
    limit: float | None = None
    evidence: str | None = None


class Rule(NamedTuple):
    """One rule over a whole batch: `applies[i]` is true where it speaks against row i."""

    reason: str
    applies: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64] | None = None
    limit: float | None = None
    evidence: Sequence[str | None] | None = None
    side: Literal["below", "above"] | None = None
    """On which side of the limit a value speaks against a document; None where the rule compares with no number."""


def outcome(reason: str) -> Outcome:
    """Return whether `reason` rejects or fails a document.

    Raises
    ------
    ContractViolation
        If the reason is not in the closed list.
    """
    try:
        return REASONS[reason][0]
    except KeyError:
        raise ContractViolation(f"unknown reason {reason!r}: add it to pipeline/verdict.py with a version") from None


def quality_rules() -> tuple[str, ...]:
    """Return the names of the published rules about quality that can be chosen one by one."""
    return tuple(name for name in REASONS if name.startswith("quality.") and name.count(".") > 1)


def verdict_array(rows: Sequence[Sequence[Finding] | None]) -> pa.Array:
    """Build the verdict column from findings row by row; an empty or missing list is *keep*."""
    for row in rows:
        for finding in row or ():
            outcome(finding.reason)
    return pa.array([[_written(finding) for finding in row] if row else None for row in rows], VERDICT)


def _written(finding: Finding) -> dict[str, object]:
    """Return a finding as it is stored: a hostile file states sizes that no integer column, and no float exactly, can hold."""
    value, limit = (
        float(max(-_LARGEST, min(number, _LARGEST))) if isinstance(number, int) else number for number in finding[1:3]
    )
    return {"reason": finding.reason, "value": value, "limit": limit, "evidence": finding.evidence}


def keep(length: int) -> pa.Array:
    """Return a verdict column that keeps all `length` rows."""
    return pa.nulls(length, VERDICT)


def evaluate_rules(length: int, rules: Sequence[Rule]) -> pa.Array:
    """Build the verdict column from whole-batch rules, vectorised; earlier rules come first in each row's findings."""
    rows, order = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for position, rule in enumerate(rules):
        outcome(rule.reason)
        (hit,) = np.nonzero(rule.applies)
        rows.append(hit.astype(np.int64))
        order.append(np.full(len(hit), position, np.int64))
    row, rule_of = np.concatenate(rows), np.concatenate(order)
    by_row = np.argsort(row, kind="stable")
    row, rule_of = row[by_row], rule_of[by_row]
    counts = np.bincount(row, minlength=length)
    value: list[float | None] = []
    evidence: list[str | None] = []
    for i, r in zip(row.tolist(), rule_of.tolist(), strict=True):
        rule = rules[r]
        value.append(None if rule.value is None else float(rule.value[i]))
        evidence.append(None if rule.evidence is None else rule.evidence[i])
    findings = pa.StructArray.from_arrays(
        [
            pa.array([rules[r].reason for r in rule_of.tolist()], pa.string()),
            pa.array(value, pa.float64()),
            pa.array([rules[r].limit for r in rule_of.tolist()], pa.float64()),
            pa.array(evidence, pa.string()),
        ],
        fields=list(FINDING),
    )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), findings, type=VERDICT, mask=pa.array(counts == 0, pa.bool_())
    )


def reasons(verdict: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return each row's deciding reason, null where the document is kept."""
    if isinstance(verdict, pa.ChunkedArray):
        verdict = verdict.combine_chunks()
    if isinstance(verdict, pa.ChunkedArray):  # no chunk at all
        return pa.array([], pa.string())
    first = pc.list_slice(verdict, 0, 1)
    picked = pc.list_parent_indices(first)
    names = pc.struct_field(pc.list_flatten(first), "reason")
    result = np.full(len(verdict), None, dtype=object)
    result[picked.to_numpy(zero_copy_only=False)] = names.to_numpy(zero_copy_only=False)
    return pa.array(result, pa.string())
