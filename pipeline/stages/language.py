"""Stage `language`: names each document's language and rejects what is not wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline import document
from pipeline.language.detect import UNDETERMINED, check_wanted, detect
from pipeline.models import MODELS, library_digest
from pipeline.verdict import Rule, evaluate_rules


@dataclass(frozen=True)
class LanguageStage:
    """Names the language (fastText lid.176) and keeps the wanted ones.

    Rejects `language.unsure@1`, where no language reaches `min_score` (CCNet keeps above 0.5, FineWeb above 0.65 for English), and
    `language.not_wanted@1`. A text that is unsure is not judged for its language as well.

    Parameters
    ----------
    wanted
        BCP 47 codes to keep; empty: every language.
    min_score
        Probability that the best language must reach.
    window_characters
        Length of the window from the text's middle that is read first.

    Raises
    ------
    ConfigError
        On first use, if the model cannot tell a wanted language.
    """

    wanted: tuple[str, ...] = ()
    min_score: float = 0.5
    window_characters: int = 1_000

    name = "language"
    version = "1"
    verdict_fields = ("wanted",)  # `min_score` also says which texts are read whole
    decides_by = ("language", "language_score")
    reads = (document.TEXT,)
    adds = document.LANGUAGE

    @property
    def models(self) -> dict[str, str]:
        """The language model's file and the library that reads it."""
        return {"lid.176": MODELS["lid.176"].sha256, "fasttext": library_digest("fasttext-numpy2-wheel")}

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return language, scores and verdict of each document."""
        check_wanted(self.wanted)
        found = detect(documents.column(document.TEXT), self.window_characters, self.min_score)
        stored = pa.RecordBatch.from_arrays([found.languages, found.scores], names=list(self.decides_by))
        verdict = evaluate_rules(documents.num_rows, self.rules(stored))
        columns = [found.languages, found.scores, found.runners_up, found.runner_up_scores, verdict]
        return pa.RecordBatch.from_arrays(columns, schema=self.adds)

    def rules(self, stored: pa.RecordBatch) -> list[Rule]:
        """Return the rules over documents' languages and scores."""
        languages = stored.column("language").to_numpy(zero_copy_only=False)
        scores = stored.column("language_score").fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        unsure = np.array([code is None or code == UNDETERMINED for code in languages], bool)
        wanted = set(self.wanted)
        other = np.array([bool(wanted) and code not in wanted for code in languages], bool) & ~unsure
        return [
            Rule("language.unsure@1", unsure, scores, self.min_score, side="below"),
            Rule("language.not_wanted@1", other, scores, self.min_score, evidence=languages.tolist()),
        ]
