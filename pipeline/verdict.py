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
from pipeline.reasons import REASONS, Outcome

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
        raise ContractViolation(f"unknown reason {reason!r}: add it to pipeline/reasons.py with a version") from None


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
