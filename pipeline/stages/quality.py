"""Quality: every measure of a document, a score in [0, 1], and the published rules that reject whatever the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.document import MEASURES, QUALITY
from pipeline.quality.rules import chosen, evaluate, primary_subtags, with_nulls
from pipeline.quality.score import digest, packaged, score
from pipeline.quality.toxicity import digest as toxicity_digest
from pipeline.quality.toxicity import toxicity
from pipeline.text.measures import measure
from pipeline.verdict import Rule, evaluate_rules


@dataclass(frozen=True)
class QualityStage:
    """Rejects by the chosen rules (Gopher, FineWeb, C4: `pipeline/quality/rules.py`), then `quality.score@1`.

    All chosen rules and the score are evaluated for every document; the measures of every set are columns, so that any
    other choice can be decided again without the text.
    """

    threshold: float
    """Score under which a document is rejected."""
    hard_rules: tuple[str, ...]
    """Presets and rules that reject whatever the score."""
    soft_rules: tuple[str, ...] = ()
    """Presets and rules that are recorded and reject nothing."""
    limits: tuple[tuple[str, float], ...] = ()
    """Limits in place of the published ones, by rule."""
    model: str | None = None
    """File of the score's model; None: the packaged one."""
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
        """The score's coefficients, and the lists and weights of the toxicity signal."""
        return {"quality": digest(self.model), "toxicity": toxicity_digest()}

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return score, measures and verdict for each document; a measure that does not apply is null."""
        languages = primary_subtags(documents.column("language"))
        raw = measure(documents.column("text"), languages)
        width = len(MEASURES)
        values = with_nulls(raw[:, :width], raw[:, width], documents.column("language"))
        kinds = documents.column("source_kind")
        scores = score(values.astype(np.float64), packaged(self.model), kinds.to_pylist()).astype(np.float32)
        columns = [pa.array(values[:, place], pa.float32(), mask=np.isnan(values[:, place])) for place in range(width)]
        stored = [pa.array(scores, pa.float32()), *columns]
        signal = toxicity(documents.column("text"), languages, raw[:, MEASURES.index("word_count")])
        soft = evaluate_rules(documents.num_rows, evaluate(values, kinds, chosen(self.soft_rules, dict(self.limits))))
        rules = self.rules(pa.RecordBatch.from_arrays([*stored, kinds], names=list(self.decides_by)))
        verdict = evaluate_rules(documents.num_rows, rules)
        return pa.RecordBatch.from_arrays([*stored, soft, signal, verdict], schema=QUALITY)

    @property
    def verdict_fields(self) -> tuple[str, ...]:
        """Threshold, hard rules and limits: score and measures are the same for any."""
        return ("threshold", "hard_rules", "limits")

    @property
    def decides_by(self) -> tuple[str, ...]:
        """Score, measures and the kind of the source."""
        return ("quality_score", *MEASURES, "source_kind")

    def rules(self, stored: pa.RecordBatch) -> list[Rule]:
        """Return the rules of the chosen sets and the score's.

        These are 32-bit as they are stored, and it is the stored ones that are compared: a record always agrees with its verdict.
        """
        scores, *measures = (column.to_numpy(zero_copy_only=False) for column in stored.columns[:-1])
        hard = chosen(self.hard_rules, dict(self.limits))
        rules = evaluate(np.column_stack(measures), stored.column("source_kind"), hard)
        limit = np.float32(self.threshold)
        values = scores.astype(np.float64)
        return [*rules, Rule("quality.score@1", scores < limit, values, self.threshold, side="below")]
