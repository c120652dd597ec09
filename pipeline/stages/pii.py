"""Stage `pii`: replaces personal data by placeholders and looks for what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import document
from pipeline.models import MODELS, library_digest
from pipeline.pii import names
from pipeline.pii.redact import redact
from pipeline.pii.rescan import rescan
from pipeline.pii.spans import PLACEHOLDER
from pipeline.pii.tokens import key_digest, load_key
from pipeline.settings import Pii
from pipeline.verdict import Rule, evaluate_rules

_DEFAULT = Pii()


@dataclass(frozen=True)
class PiiStage:
    """Replaces personal data (recognisers behind screens, and names by a model if asked) and re-scans the result.

    Rejects `pii.only_personal_data@1`: a document of which nothing but tokens is left, that is, no other letter or digit; and, where
    the configuration says so, `pii.uncovered_language@1`: names are looked for, and no model knows the document's language. If it is
    not rejected, the column `pii_names` is false.

    Parameters
    ----------
    settings
        What to look for, and what stands in its place.

    Raises
    ------
    ConfigError
        On first use, if an entity or region is unknown, or the key of pseudonyms is missing.
    """

    settings: Pii = _DEFAULT

    name = "pii"
    version = "2"
    adds = document.PII

    @property
    def reads(self) -> tuple[str, ...]:
        """The text, and for names its language."""
        return (document.TEXT, "language") if self.settings.names else (document.TEXT,)

    @property
    def models(self) -> dict[str, str]:
        """The libraries that hold the recognisers' rules, the public suffix list, the names' model and a digest of the pseudonyms' key."""
        found = {
            "presidio-analyzer": library_digest("presidio-analyzer"),
            "phonenumbers": library_digest("phonenumbers"),
            "regex": library_digest("regex"),
            "public_suffix_list": MODELS["public_suffix_list"].sha256,
        }
        if self.settings.names:
            found["names"] = names.model_digest()
        if self.settings.replacement == "pseudonym":
            found["pseudonym_key"] = key_digest(load_key(self.settings.key_epoch))
        return found

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return redacted text, spans, counts, mark and verdict of each document."""
        languages = documents.column("language").to_pylist() if self.settings.names else None
        redacted = redact(documents.column(document.TEXT), self.settings, languages)
        left = rescan(redacted.texts, self.settings)
        counts = redacted.counts.fill_null(0).to_numpy(zero_copy_only=False)
        covered = None if languages is None else [names.covers(language) for language in languages]
        rules = [Rule("pii.only_personal_data@1", _only_tokens(redacted.texts, counts), counts.astype(np.float64), 0)]
        if covered is not None and self.settings.uncovered_language == "reject":
            rules.append(
                Rule(
                    "pii.uncovered_language@1", ~np.array(covered, bool), np.zeros(len(covered)), 1, evidence=languages
                )
            )
        verdict = evaluate_rules(documents.num_rows, rules)
        mark = pa.nulls(documents.num_rows, pa.bool_()) if covered is None else pa.array(covered, pa.bool_())
        columns = [redacted.texts, redacted.spans, redacted.counts, left, mark, verdict]
        return pa.RecordBatch.from_arrays(columns, schema=self.adds)


def _only_tokens(texts: pa.Array, counts: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Say of which texts something was replaced, now or before, that have beside tokens no letter and no digit."""
    held = pc.fill_null(pc.match_substring_regex(texts, PLACEHOLDER), False).to_numpy(zero_copy_only=False)
    only = np.zeros(len(texts), bool)
    rows = np.flatnonzero(held | (counts > 0))
    rest = pc.replace_substring_regex(texts.take(pa.array(rows)), PLACEHOLDER, " ")
    only[rows] = ~pc.match_substring_regex(rest, r"[\p{L}\p{N}]").to_numpy(zero_copy_only=False)
    return only
