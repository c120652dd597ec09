"""How good the score is, on texts that people labelled: {text, label: good | bad}."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.document import MEASURES
from pipeline.errors import UserError
from pipeline.intervals import Interval, proportion
from pipeline.quality.rules import primary_subtags, with_nulls
from pipeline.quality.score import Model, score
from pipeline.text.measures import measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pipeline.text.characters import Values


class Figures(NamedTuple):
    """What keeping the documents at or above the threshold would do."""

    documents: int
    auc: float
    """Chance that a good document scores above a bad one."""
    precision: Interval
    """Share of the kept ones that are good."""
    recall: Interval
    """Share of the good ones that are kept."""
    calibration_error: float
    """Expected calibration error over ten bins of equal width, of these documents as they are mixed."""


def evaluate(
    rows: Sequence[Mapping[str, str]],
    threshold: float,
    language: str = "en",
    model: Model | None = None,
    kind: str | None = "web",
) -> Figures:
    """Return the figures of the score on labelled texts.

    Parameters
    ----------
    rows
        `text` and `label`; `language` and `kind` where they are not the given ones.

    Raises
    ------
    UserError
        If a row's label is neither good nor bad, or one of the two is missing.
    """
    labels = {row["label"] for row in rows}
    if labels != {"good", "bad"}:
        raise UserError(f"labels must be 'good' and 'bad', both present, not {sorted(labels)}")
    good = np.array([row["label"] == "good" for row in rows], bool)
    kinds = [row.get("kind", kind) for row in rows]
    scores = score(
        measures_of([row["text"] for row in rows], [row.get("language", language) for row in rows]), model, kinds
    )
    kept = scores >= threshold
    return Figures(
        len(rows),
        area_under_curve(scores[good], scores[~good]),
        proportion(int((kept & good).sum()), int(kept.sum())),
        proportion(int((kept & good).sum()), int(good.sum())),
        calibration_error(scores, good, np.ones(len(rows))),
    )


def measures_of(texts: Sequence[str], language: str | Sequence[str | None] | None) -> Values:
    """Return the measures of texts of one language, or of one each, NaN where one does not apply."""
    codes = [language] * len(texts) if language is None or isinstance(language, str) else list(language)
    languages = pa.array(codes, pa.string())
    values = measure(pa.array(texts, pa.string()), primary_subtags(languages))
    columns = len(MEASURES)
    return with_nulls(values[:, :columns], values[:, columns], languages).astype(np.float64)


def area_under_curve(good: Values, bad: Values) -> float:
    """Return the chance that a value of the first kind is above one of the second; ties count half (Mann-Whitney).

    >>> area_under_curve(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([good, bad]))
    return float((ranks[: len(good)].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))


def calibration_error(scores: Values, good: npt.NDArray[np.bool_], weights: Values, bins: int = 10) -> float:
    """Return the expected calibration error: the weighted gap between the mean score and the share of good ones in each bin.

    >>> calibration_error(np.array([0.8] * 5), np.array([True, True, True, True, False]), np.ones(5))
    0.0
    """
    index = np.minimum((scores * bins).astype(int), bins - 1)
    total = np.bincount(index, weights, bins)
    gap = np.bincount(index, weights * (scores - good), bins)
    return float(np.round(np.abs(gap[total > 0]).sum() / total.sum(), 12))
