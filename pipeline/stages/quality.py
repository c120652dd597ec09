"""Quality: every measure of a document, a score in [0, 1], and the published rules that reject whatever the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.document import MEASURES, QUALITY
from pipeline.quality.rules import evaluate, with_nulls
from pipeline.quality.score import digest, score
from pipeline.text.measures import measure
from pipeline.verdict import Rule, evaluate_rules


@dataclass(frozen=True)
class QualityStage:
    """Rejects by the rules of the chosen sets (Gopher, FineWeb: `pipeline/quality/rules.py`), then `quality.score@1`.

    All rules of the chosen sets and the score are evaluated for every document; the measures of every set are columns, so that any
    other choice can be decided again without the text.
    """

    threshold: float
    """Score under which a document is rejected."""
    hard_rules: tuple[str, ...]
    """Rule sets that reject whatever the score."""
    name: str = "quality"
    version: str = "1"

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that `apply` needs."""
        return ("text", "language", "source_kind")

    @property
    def adds(self) -> pa.Schema:
        """Columns that `apply` returns."""
        return QUALITY

    @property
    def models(self) -> dict[str, str]:
        """The score's coefficients."""
        return {"quality": digest()}

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return score, measures and verdict for each document; a measure that does not apply is null."""
        raw = measure(documents.column("text"))
        width = len(MEASURES)
        values = with_nulls(raw[:, :width], raw[:, width], documents.column("language"))
        # The stored score is 32-bit, and it is the stored one that is compared: a record always agrees with its verdict.
        scores = score(values.astype(np.float64)).astype(np.float32)
        limit = float(np.float32(self.threshold))
        rules = evaluate(values, documents.column("source_kind"), self.hard_rules)
        rules.append(Rule("quality.score@1", scores < np.float32(limit), scores.astype(np.float64), self.threshold))
        columns = [pa.array(values[:, place], pa.float32(), mask=np.isnan(values[:, place])) for place in range(width)]
        verdict = evaluate_rules(documents.num_rows, rules)
        return pa.RecordBatch.from_arrays([pa.array(scores, pa.float32()), *columns, verdict], schema=QUALITY)
