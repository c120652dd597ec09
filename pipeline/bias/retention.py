"""Whether the documents of a group are kept as often as comparable ones: ratios, their intervals, and the chance of seeing as much.

Documents are compared within strata (`pipeline.bias.counts`). Had a group no part in what is lost, then in a stratum of ``N`` assessed documents
of which ``M`` are lost, its ``n`` would lose about ``n M / N``: the null hypothesis of Cochran, Mantel and Haenszel (JNCI 22, 1959).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Comparison(NamedTuple):
    """A group's documents beside the others of their strata."""

    read: int
    """Documents of the group."""
    lost: int
    expected: float
    """Documents that the group would have lost at the rate of its strata, itself included."""
    ratio: float | None
    """Share kept over the share kept of the others, within strata; null where a stratum has no others or nothing was kept."""
    lower: float | None
    upper: float | None
    """Bounds of the ratio's 95 % interval."""
    p: float
    """Upper bound of the probability that chance alone loses as many of the group or more, given each stratum's totals."""


def compare(read: Integers, lost: Integers, all_read: Integers, all_lost: Integers) -> Comparison:
    """Compare a group with the other assessed documents of each stratum.

    Parameters
    ----------
    read, lost
        The group's documents, by stratum.
    all_read, all_lost
        All assessed documents, the group's among them.

    Notes
    -----
    The ratio is Mantel and Haenszel's of two risks, its interval Greenland and Robins's (Biometrics 41, 1985). The probability is bounded
    rather than approximated, as a rule that hits few documents has no normal distribution: given the totals, the loss is a sum of
    hypergeometric variables, each one distributed as a sum of independent trials (Vatutin and Mikhailov 1982), and beyond its mean
    plus one the tail of such a sum is at most the binomial's of the same mean (Hoeffding, Ann. Math. Stat. 27, 1956, theorem 4).

    >>> found = compare(np.array([50]), np.array([40]), np.array([1000]), np.array([100]))
    >>> round(found.ratio, 3), found.expected, found.p < 1e-20
    (0.213, 5.0, True)
    """
    from scipy.stats import binom

    n, a, size, m = (part.astype(np.float64) for part in (read, lost, all_read, all_lost))
    expected = float((n * m / np.maximum(size, 1)).sum())
    total, gone = int(read.sum()), int(lost.sum())
    p = 1.0
    if total and gone >= expected + 1:
        p = float(binom.sf(gone - 1, total, min(expected / total, 1.0)))
    return Comparison(total, gone, expected, *_ratio(n - a, n, (size - m) - (n - a), size - n), p)


def adjusted(p: Floats) -> Floats:
    """Return probabilities adjusted for their number by Benjamini and Hochberg (1995): a flag at 0.01 is false one time in a hundred."""
    from scipy.stats import false_discovery_control

    found: Floats = false_discovery_control(p, method="bh") if len(p) else p
    return found


def _ratio(
    kept: Floats, n: Floats, kept_others: Floats, others: Floats
) -> tuple[float | None, float | None, float | None]:
    """Return Mantel and Haenszel's ratio of two shares with its 95 % interval."""
    size = n + others
    both = (n > 0) & (others > 0)
    kept, n, kept_others, others, size = (part[both] for part in (kept, n, kept_others, others, size))
    above, below = kept * others / size, kept_others * n / size
    if below.sum() == 0:
        return None, None, None
    ratio = float(above.sum() / below.sum())
    if above.sum() == 0:
        # No logarithm of nothing. Where none was kept, up to 3.69 could be expected to be (97.5 %, Poisson).
        return 0.0, 0.0, float(3.69 * (others / size).max() / below.sum())
    variance = ((n * others * (kept + kept_others) / size**2) - kept * kept_others / size).sum() / (
        above.sum() * below.sum()
    )
    width = 1.959964 * float(np.sqrt(max(variance, 0.0)))
    return ratio, ratio * float(np.exp(-width)), ratio * float(np.exp(width))
