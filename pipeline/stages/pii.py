"""Stage `pii`: replaces personal data by placeholders and looks for what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import document
from pipeline.config import Pii
from pipeline.models import MODELS, library_digest
from pipeline.pii.redact import redact
from pipeline.pii.rescan import rescan
from pipeline.pii.spans import PLACEHOLDER
from pipeline.verdict import Rule, evaluate_rules

_DEFAULT = Pii()


@dataclass(frozen=True)
class PiiStage:
    """Replaces structured personal data (Presidio's pattern recognisers behind screens) and re-scans the result.

    Rejects `pii.only_personal_data@1`: a document of which nothing but placeholders is left, that is, no other letter or digit.

    Parameters
    ----------
    entities
        What to look for: keys of `pipeline.pii.screens.SCREENS`.
    phone_regions
        ISO 3166 codes; a phone number without a country code must be valid in one of them.
    min_score
        Score from which a hit counts.

    Raises
    ------
    ConfigError
        On first use, if an entity or region is unknown.
    """

    entities: tuple[str, ...] = _DEFAULT.entities
    phone_regions: tuple[str, ...] = _DEFAULT.phone_regions
    min_score: float = _DEFAULT.min_score

    name = "pii"
    version = "1"
    reads = (document.TEXT,)
    adds = document.PII

    @property
    def models(self) -> dict[str, str]:
        """The libraries that hold the recognisers' rules, and the public suffix list."""
        return {
            "presidio-analyzer": library_digest("presidio-analyzer"),
            "phonenumbers": library_digest("phonenumbers"),
            "regex": library_digest("regex"),
            "public_suffix_list": MODELS["public_suffix_list"].sha256,
        }

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return redacted text, spans, counts and verdict of each document."""
        settings = Pii(entities=self.entities, phone_regions=self.phone_regions, min_score=self.min_score)
        redacted = redact(documents.column(document.TEXT), settings)
        left = rescan(redacted.texts, settings)
        counts = redacted.counts.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        verdict = evaluate_rules(
            documents.num_rows, [Rule("pii.only_personal_data@1", _only_placeholders(redacted.texts), counts, 0)]
        )
        columns = [redacted.texts, redacted.spans, redacted.counts, left, verdict]
        return pa.RecordBatch.from_arrays(columns, schema=self.adds)


def _only_placeholders(texts: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which texts hold a placeholder and, beside placeholders, no letter and no digit."""
    held = pc.fill_null(pc.match_substring_regex(texts, PLACEHOLDER), False).to_numpy(zero_copy_only=False)
    only = np.zeros(len(texts), bool)
    rows = np.flatnonzero(held)
    rest = pc.replace_substring_regex(texts.take(pa.array(rows)), PLACEHOLDER, " ")
    only[rows] = ~pc.match_substring_regex(rest, r"[\p{L}\p{N}]").to_numpy(zero_copy_only=False)
    return only
