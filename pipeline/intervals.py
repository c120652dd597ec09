"""Confidence intervals of proportions."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """A share with its exact two-sided interval; all in [0, 1]."""

    share: float
    lower: float
    upper: float


def proportion(hits: int, total: int, confidence: float = 0.95) -> Interval:
    """Return the share of hits with its Clopper-Pearson interval (Biometrika 26, 1934).

    Nothing measured is nothing known: for ``total == 0`` the interval is [0, 1].

    >>> [round(x, 3) for x in proportion(0, 300)]
    [0.0, 0.0, 0.012]
    """
    from scipy.stats import beta

    if total == 0:
        return Interval(float("nan"), 0.0, 1.0)
    tail = (1 - confidence) / 2
    lower = 0.0 if hits == 0 else float(beta.ppf(tail, hits, total - hits + 1))
    upper = 1.0 if hits == total else float(beta.ppf(1 - tail, hits + 1, total - hits))
    return Interval(hits / total, lower, upper)
