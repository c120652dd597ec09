"""How many bands of how many rows: derived from the similarity that counts and the recall that is wanted there.

A pair of Jaccard similarity `s` agrees on one value of its signatures with probability `s`, on a whole band of `r` with
``s**r``, and on at least one of `b` bands with ``1 - (1 - s**r)**b`` (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets,
section 3.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.errors import ConfigError

MAX_PERMUTATIONS = 256

# Costs of a document in microseconds, measured on one core of the reference machine (texts of 2 KB).
_PERMUTATION_COST = 0.02  # one more value of the signature
_BAND_COST = 3.0  # one more row to shuffle and to look up in the published index
_PAIR_COST = 20.0  # one more candidate: read, shingle, compare
# The pairs that must not become candidates: a corpus of ten million documents that have one shingle in twenty in common
# (templates, notices, quotations). Fewer rows a band would nominate them by the million.
_CORPUS = 10_000_000
BACKGROUND = 0.05


@dataclass(frozen=True)
class Plan:
    """Bands of a signature."""

    bands: int
    rows: int
    """Signature values in a band."""

    @property
    def permutations(self) -> int:
        """Length of the signature."""
        return self.bands * self.rows

    def catch(self, similarity: float) -> float:
        """Return the probability that a pair of this Jaccard similarity becomes a candidate.

        >>> round(Plan(bands=20, rows=7).catch(0.8), 3)
        0.991
        """
        # expm1 and log1p keep the digits of tiny probabilities.
        within_band = similarity**self.rows
        return 1.0 if within_band >= 1 else -math.expm1(self.bands * math.log1p(-within_band))

    def curve(self, points: int = 101) -> npt.NDArray[np.float64]:
        """Return similarity and catch probability at `points` even steps from 0 to 1, shape ``(points, 2)``."""
        similarity = np.linspace(0, 1, points)
        return np.column_stack([similarity, [self.catch(float(s)) for s in similarity]])

    def cost(self) -> float:
        """Return the expected cost of a document in microseconds, by the figures above."""
        return self.permutations * _PERMUTATION_COST + self.bands * _BAND_COST + self.load(_CORPUS) * _PAIR_COST

    def load(self, documents: int, similarity: float = BACKGROUND) -> float:
        """Return how many documents of a corpus one document is expected to be compared with for nothing.

        Parameters
        ----------
        documents
            Of the corpus.
        similarity
            That any two documents have which are no duplicates; one shingle in twenty is much for whole texts, usual for templates.
        """
        return documents * self.catch(similarity)


def derive(threshold: float, recall: float, max_permutations: int = MAX_PERMUTATIONS) -> Plan:
    """Return the cheapest plan that nominates the share `recall` of the pairs whose similarity is `threshold`.

    Pairs above the threshold are nominated more often. For each number of rows the fewest bands that reach the recall are
    taken; among these plans the one of least `Plan.cost` wins.

    Raises
    ------
    ConfigError
        If no plan of at most `max_permutations` values reaches the recall.
    """
    plans = []
    for rows in range(1, max_permutations + 1):
        bands = _bands_for(threshold, recall, rows)
        if bands * rows > max_permutations:
            break  # more rows need more bands still
        plans.append(Plan(bands, rows))
    if not plans:
        raise ConfigError(
            f"deduplication at threshold {threshold} with recall {recall} needs more than {max_permutations} permutations: "
            "raise 'dedup.threshold' or lower 'dedup.recall'"
        )
    return min(plans, key=lambda plan: (plan.cost(), plan.permutations))


def _bands_for(threshold: float, recall: float, rows: int) -> int:
    """Return the fewest bands with which `rows` reach the recall at the threshold."""
    within_band = threshold**rows
    if within_band >= 1:
        return 1
    if within_band < 1e-12:  # more bands than any limit allows
        return int(1e12)
    return max(1, math.ceil(math.log1p(-recall) / math.log1p(-within_band) - 1e-12))
