"""Stage `language`: names each document's language and rejects what is not wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline import document
from pipeline.language import mixed, ngrams, weigh
from pipeline.language.codes import UNDETERMINED, check_known
from pipeline.language.detect import Reading, decide, read, rows_of
from pipeline.language.prior import Expected, priors
from pipeline.language.weigh import Priors
from pipeline.models import MODELS, library_digest
from pipeline.verdict import Rule, evaluate_rules

ANY = "*"
"""Stands for every source kind, or every language, in `min_scores`."""


@dataclass(frozen=True)
class LanguageStage:
    """Names the language and keeps the wanted ones.

    Rejects `language.unsure@1`, where no language reaches its threshold, `language.not_wanted@1`, and, if asked, `language.mixed@1`. The
    score is a calibrated probability: with 0.5 a document is kept if its language is rather right than wrong. (CCNet kept above 0.5,
    FineWeb above 0.65 of lid.176's own score, which is no probability.) A text that is unsure is not judged for its language as well.

    Parameters
    ----------
    wanted
        BCP 47 codes to keep; empty: every language.
    min_score
        Probability that the best language must reach.
    min_scores
        Other thresholds, by source kind and then by language, either of them `ANY`. The nearest counts: kind and language, language,
        kind, `min_score`.
    expected
        By source kind and language, the share of the documents that are expected in it before they are read; the other languages share
        the rest alike.
    window_characters
        Length of the window from the text's middle that is read first.
    mixed_policy
        What happens to a document of which its language has a smaller share than `min_share`: `reject`, or, seen by the gate only,
        `flag`, or `keep`.
    min_share
        That share, by segments.

    Raises
    ------
    ConfigError
        On first use, if no model can tell a language that is named.
    """

    wanted: tuple[str, ...] = ()
    min_score: float = 0.5
    min_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    expected: Expected = field(default_factory=dict)
    window_characters: int = 250
    mixed_policy: Literal["keep", "flag", "reject"] = "keep"
    min_share: float = 0.5

    name = "language"
    version = "3"
    verdict_fields = ("wanted", "mixed_policy", "min_share")
    """A threshold also decides which language is `und`, and what is expected changes the scores."""
    decides_by = ("language", "language_score", "language_runner_up", "language_share", "source_kind")
    reads = (document.TEXT, "source_kind")
    adds = document.LANGUAGE

    @property
    def models(self) -> dict[str, str]:
        """The models' files, the weights of their opinions, and the libraries that read them."""
        return {
            "lid.176": MODELS["lid.176"].sha256,
            "fasttext": library_digest("fasttext-numpy2-wheel"),
            "cld2": library_digest("pycld2"),
            "ngrams": ngrams.digest(),
            "weights": weigh.digest(),
        }

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return language, scores, the second opinion, shares and verdict of each document."""
        check_known(self.wanted, "language.wanted")
        check_known({code for own in self.min_scores.values() for code in own} - {ANY}, "language.min_scores")
        check_known({code for own in self.expected.values() for code in own}, "language.expected")
        text, kinds = documents.column(document.TEXT), documents.column("source_kind")
        prior = priors(kinds.to_pylist(), self.expected)
        reading = read(text, self.window_characters, prior)
        found = decide(text, reading, self._limits(rows_of(reading, kinds), reading.best[:, 0].tolist()))
        share, shares = self._shares(reading, text, found.languages.to_pylist(), prior)
        deciding = [found.languages, found.scores, found.runners_up, share, kinds]
        rules = self.rules(pa.RecordBatch.from_arrays(deciding, names=list(self.decides_by)))
        verdict = evaluate_rules(documents.num_rows, rules)
        return pa.RecordBatch.from_arrays([*found, share, shares, verdict], schema=self.adds)

    def rules(self, stored: pa.RecordBatch) -> list[Rule]:
        """Return the rules over documents' languages, scores and shares."""
        languages = stored.column("language").to_pylist()
        best = [
            runner_up if language == UNDETERMINED else language
            for language, runner_up in zip(languages, stored.column("language_runner_up").to_pylist(), strict=True)
        ]
        limits = self._limits(stored.column("source_kind").to_pylist(), best)
        scores = stored.column("language_score").fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        share = stored.column("language_share").to_numpy(zero_copy_only=False).astype(np.float64)
        unsure = np.array([code is None or code == UNDETERMINED for code in languages], bool)
        other = np.array([bool(self.wanted) and code not in self.wanted for code in languages], bool) & ~unsure
        divided = (share < self.min_share) & ~unsure & (self.mixed_policy == "reject")
        return [
            *(
                Rule("language.unsure@1", unsure & (limits == limit), scores, limit, side="below")
                for limit in sorted(set(limits.tolist())) or [self.min_score]
            ),
            Rule("language.not_wanted@1", other, scores, None, evidence=languages),
            Rule("language.mixed@1", divided, share, self.min_share, side="below"),
        ]

    def limit(self, kind: str | None, language: str | None) -> float:
        """Return the threshold for a language in a kind of source."""
        own, every = self.min_scores.get(kind or "", {}), self.min_scores.get(ANY, {})
        for found in (own.get(language or ""), every.get(language or ""), own.get(ANY), every.get(ANY)):
            if found is not None:
                return found
        return self.min_score

    def _limits(self, kinds: Sequence[str | None], languages: Sequence[str | None]) -> npt.NDArray[np.float64]:
        if not self.min_scores:
            return np.full(len(kinds), self.min_score)
        return np.array([self.limit(*pair) for pair in zip(kinds, languages, strict=True)], np.float64)

    def _shares(
        self, reading: Reading, text: pa.Array, languages: Sequence[str | None], prior: Priors
    ) -> tuple[pa.Array, pa.Array]:
        """Return the share of its own language in each doubtful document, null in the others, and all shares."""
        share: list[float | None] = [None] * len(text)
        rows: list[list[dict[str, str | float]] | None] = [None] * len(text)
        places = np.flatnonzero(mixed.doubtful(reading, text))
        own_prior = prior.take(reading.rows[places])
        texts = text.take(pa.array(reading.rows[places])).to_pylist()
        found = mixed.shares(texts, self.min_score, own_prior)
        for row, own in zip(reading.rows[places].tolist(), found, strict=True):
            share[row] = own.get(languages[row] or "", 0.0)
            rows[row] = [{"language": language, "share": value} for language, value in own.items()]
        return pa.array(share, pa.float32()), pa.array(rows, document.LANGUAGE.field("language_shares").type)
