"""How likely each language is before the text was read, by kind of source: Bayes' rule on the models' weighed opinions.

The weights of `pipeline.language.weigh` were found on languages of equal weight. Where one language is far more frequent than the others,
a short and odd text is more likely to be in it than they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.language.weigh import Priors, names

Expected = Mapping[str, Mapping[str, float]]
"""Kind of source -> BCP 47 code -> share of the documents that are expected in that language. The other languages share what is left alike."""


def priors(kinds: Sequence[str | None], expected: Expected) -> Priors:
    """Return the prior odds of texts from sources of these kinds; a kind of which nothing is expected expects every language alike.

    >>> found = priors(["social", "web"], {"social": {"en": 0.1}})
    >>> en, so = names().index("en"), names().index("so")
    >>> [round(float(odds[en] / odds[so]), 1) for odds in found.odds[found.rows]]
    [24.6, 1.0]
    """
    known = list(expected)
    place = {kind: row for row, kind in enumerate(known, 1)}
    odds = np.ones((len(known) + 1, len(names())))
    for row, kind in enumerate(known, 1):
        odds[row, 1:] = _odds(expected[kind])
    return Priors(np.array([place.get(kind or "", 0) for kind in kinds], np.int64), odds)


def _odds(shares: Mapping[str, float]) -> npt.NDArray[np.float64]:
    languages = names()[1:]
    rest = (1 - sum(shares.values())) / (len(languages) - len(shares))
    return np.array([shares.get(name, rest) for name in languages]) * len(languages)
