"""The score by the plain-Python measures: slow, readable, and what the release's quality indicator re-evaluates a sample with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.document import MEASURES
from pipeline.quality.rules import primary_subtags, with_nulls
from pipeline.quality.score import packaged, score
from pipeline.text.characters import Values
from pipeline.text.measures_reference import measures, spaceless_share


def reference_scores(
    texts: Sequence[str],
    languages: Sequence[str | None],
    kinds: Sequence[str | None] | None = None,
    model: str | None = None,
) -> Values:
    """Return the quality score of each text, in [0, 1], computed without the kernel.

    Parameters
    ----------
    kinds
        Kinds of the texts' sources; None: not calibrated.
    model
        File of the model; None: the packaged one.
    """
    used = packaged(model)
    wanted = frozenset(feature.measure for feature in used.features) | {"word_count"}
    codes = pa.array(languages, pa.string())
    found = [measures(text, code, wanted) for text, code in zip(texts, primary_subtags(codes), strict=True)]
    # What no term of the score looks at is not measured.
    values = np.array([[row.get(name, np.nan) for name in MEASURES] for row in found], np.float64).reshape(
        len(texts), len(MEASURES)
    )
    shares = np.array([spaceless_share(text) for text in texts], np.float64)
    return score(with_nulls(values, shares, codes).astype(np.float64), used, kinds)
