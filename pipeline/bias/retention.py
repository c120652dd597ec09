"""Representation and retention: whom a batch speaks of before and after the stages that judge content.

The base are the documents that stood before `quality`: duplicates are out, languages are known, personal data is replaced. Retention is the
share of them that `validate` lets through; a group's ratio compares its retention with the batch's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.intervals import proportion

MIN_DOCUMENTS = 30
"""Documents of a group from which its ratio is reported as a figure; fewer say nothing (the interval is wider than the effect)."""


@dataclass
class Tally:
    """Counts of documents by axis value, before and after; tallies of shards are merged with `merge`."""

    before: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    documents_before: int = 0
    documents_kept: int = 0
    assessed: int = 0
    """Kept documents whose language has a list of identity terms."""

    def add(
        self,
        sources: Sequence[str],
        languages: Sequence[str | None],
        groups: Sequence[list[str] | None],
        kept: Sequence[bool],
    ) -> None:
        """Count documents: one row each."""
        for source, language, mentioned, stays in zip(sources, languages, groups, kept, strict=True):
            values = [f"source:{source}", f"language:{language or 'und'}", *(mentioned or ())]
            self.before.update(values)
            self.documents_before += 1
            if stays:
                self.kept.update(values)
                self.documents_kept += 1
                self.assessed += mentioned is not None

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return {
            "before": dict(self.before), "kept": dict(self.kept), "documents_before": self.documents_before,
            "documents_kept": self.documents_kept, "assessed": self.assessed,
        }  # fmt: skip


def merge(parts: Iterable[dict[str, Any]]) -> Tally:
    """Return the sum of tallies in their plain form."""
    total = Tally()
    for part in parts:
        total.before.update(part["before"])
        total.kept.update(part["kept"])
        total.documents_before += part["documents_before"]
        total.documents_kept += part["documents_kept"]
        total.assessed += part["assessed"]
    return total


def report(tally: Tally) -> list[dict[str, Any]]:
    """Return one row an axis value, the most frequent first: counts, retention with its 95 % interval, ratio to the batch's.

    `ratio` is null where the group has fewer than `MIN_DOCUMENTS` documents or the batch kept none.
    """
    overall = tally.documents_kept / tally.documents_before if tally.documents_before else 0.0
    rows = []
    for value, before in sorted(tally.before.items(), key=lambda entry: (-entry[1], entry[0])):
        share = proportion(tally.kept[value], before)
        enough = before >= MIN_DOCUMENTS and overall > 0
        rows.append(
            {
                "value": value,
                "before": before,
                "kept": tally.kept[value],
                "representation": before / tally.documents_before,
                "retention": share.share,
                "lower": share.lower,
                "upper": share.upper,
                "ratio": share.share / overall if enough else None,
            }
        )
    return rows


def smallest_ratio(rows: Sequence[dict[str, Any]]) -> float | None:
    """Return the smallest ratio among identity groups and languages; sources differ in quality by nature and are left out."""
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None and not row["value"].startswith("source:")]
    return min(ratios, default=None)
