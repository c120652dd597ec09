"""Stage 5: quality. Rejects what the chosen published rule sets reject, and what scores under the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline import document
from pipeline.quality import rules, score
from pipeline.text.measures import measure
from pipeline.verdict import Rule, evaluate_rules


@dataclass(frozen=True)
class QualityStage:
    """Measure every text, then judge: hard rules come first in a verdict, the score after them.

    Rules and where they do not apply: `pipeline.quality.rules`; the score: `pipeline.quality.score`. Every measure is recorded
    whatever is decided, so that another threshold or rule set can be tried without measuring again.
    """

    threshold: float
    """Score under which a document is rejected, in [0, 1]."""
    hard_rules: tuple[str, ...] = ("gopher",)
    """Published rule sets that reject whatever the score."""

    name = "quality"
    version = "1"
    reads = (document.TEXT, "language", "source_kind")
    adds = document.QUALITY

    @property
    def models(self) -> dict[str, str]:
        """Return the digest of the packaged model."""
        return {"quality": score.digest()}

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return the quality columns of a batch."""
        values = measure(documents.column(document.TEXT))
        columns = len(document.MEASURES)
        measures = rules.with_nulls(values[:, :columns], values[:, columns], documents.column("language"))
        # Decided on the stored 32-bit score, so that the recorded value always agrees with the verdict.
        scores = score.score(measures.astype(np.float64)).astype(np.float32)
        found = rules.evaluate(measures, documents.column("source_kind"), self.hard_rules)
        stored = scores.astype(np.float64)
        found.append(Rule("quality.score@1", stored < self.threshold, stored, self.threshold))
        return pa.RecordBatch.from_arrays(
            [
                pa.array(scores, pa.float32()),
                *(pa.array(column, pa.float32(), from_pandas=True) for column in measures.T),
                evaluate_rules(documents.num_rows, found),
            ],
            schema=self.adds,
        )
