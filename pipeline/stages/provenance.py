"""Provenance: one lineage record a document, which anybody can verify later from the published text and the record alone.

The record is canonical JSON: where the document came from (source, address, place and digest of its record), under which licence
and consent, what its text was before and is after cleaning (digests only), and the fingerprints of the stages that made it. Its
own sha256 is kept beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.document import PROVENANCE, text_digest
from pipeline.verdict import Rule, evaluate_rules

DEMANDED: tuple[str, ...] = (
    "document_id",
    "source",
    "source_kind",
    "record_file",
    "record_offset",
    "record_digest",
    "text_digest",
    "published_digest",
    "consent",
)
"""Fields without which a record is incomplete. Licence, address and date may be unknown, and then say so by null."""


@dataclass(frozen=True)
class ProvenanceStage:
    """Writes the lineage record, and rejects what cannot be proved.

    Rejects `provenance.incomplete_lineage@1` where a demanded field is missing and `provenance.unverified_lineage@1` where the
    record, read back, does not verify against the text.
    """

    chain: tuple[tuple[str, str], ...]
    """Name and fingerprint of each stage before this one."""
    name: str = "provenance"
    version: str = "1"

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that `apply` needs."""
        return (
            "text", "document_id", "source", "source_kind", "uri", "canonical_uri", "fetched_at", "published_at", "license",
            "rights_holder", "agreement", "consent", "consent_evidence", "record_file", "record_offset", "record_id", "record_digest", "text_digest",
        )  # fmt: skip

    @property
    def adds(self) -> pa.Schema:
        """Columns that `apply` returns."""
        return PROVENANCE

    @property
    def models(self) -> dict[str, str]:
        """No model decides here."""
        return {}

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return lineage, digest, completeness and verdict for each document."""
        texts = documents.column("text").to_pylist()
        fields = [name for name in self.reads if name != "text"]
        rows = pa.Table.from_batches([documents]).select(fields).to_pylist()
        lineages, digests, missing, verified = [], [], [], []
        for row, text in zip(rows, texts, strict=True):
            record = lineage_record(row, text, dict(self.chain))
            line = canonical(record)
            lineages.append(line)
            digests.append(text_digest(line))
            missing.append(sum(record[name] in (None, "") for name in DEMANDED))
            verified.append(verify(line, digests[-1], text))
        stored = pa.RecordBatch.from_arrays(
            [pa.array(missing, pa.int32()), pa.array(verified, pa.bool_())], names=list(self.decides_by)
        )
        verdict = evaluate_rules(len(rows), self.rules(stored))
        return pa.RecordBatch.from_arrays(
            [
                pa.array(lineages, pa.string()),
                pa.array(digests, pa.string()),
                pa.array(missing, pa.int32()),
                pa.array(verified, pa.bool_()),
                verdict,
            ],
            schema=PROVENANCE,
        )

    @property
    def verdict_fields(self) -> tuple[str, ...]:
        """Nothing is configured here."""
        return ()

    @property
    def decides_by(self) -> tuple[str, ...]:
        """Completeness and whether the record verified."""
        return ("lineage_missing", "lineage_verified")

    def rules(self, stored: pa.RecordBatch) -> list[Rule]:
        """Return the two rules over lineage records."""
        lacking = stored.column("lineage_missing").to_numpy(zero_copy_only=False).astype(np.float64)
        proved = stored.column("lineage_verified").to_numpy(zero_copy_only=False).astype(bool)
        return [
            Rule("provenance.incomplete_lineage@1", lacking > 0, lacking, 0.0, side="above"),
            Rule("provenance.unverified_lineage@1", ~proved),
        ]


def lineage_record(row: Mapping[str, Any], text: str | None, chain: Mapping[str, str]) -> dict[str, Any]:
    """Return the lineage record of one document as plain data."""
    record: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()
    }
    record["published_digest"] = None if text is None else text_digest(text)
    record["stages"] = dict(chain)
    record["lineage_version"] = 1
    return record


def canonical(record: Mapping[str, Any]) -> str:
    """Return canonical JSON: sorted keys, no spaces, UTF-8 as it is (RFC 8785 in spirit; all numbers are integers)."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def verify(lineage: str | None, lineage_digest: str | None, text: str | None) -> bool:
    """Return whether a lineage record is unaltered, complete and belongs to `text`."""
    if lineage is None or lineage_digest is None or text is None or text_digest(lineage) != lineage_digest:
        return False
    try:
        record = json.loads(lineage)
    except ValueError:
        return False
    if not isinstance(record, dict) or any(record.get(name) in (None, "") for name in DEMANDED):
        return False
    return bool(record["published_digest"] == text_digest(text))
