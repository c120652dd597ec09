"""Whether a batch speaks of a group or is about a topic more or less often than the last release, source by source and language by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.bias.counts import GROUPS, MIN_DOCUMENTS, WHOLE, Counts
from pipeline.bias.report import Limits
from pipeline.bias.retention import Integers, adjusted
from pipeline.bias.terms import group_names
from pipeline.bias.topics import topic_names

MIN_CELL = 100
"""Assessed documents of one source and language from which their shares are remembered."""
SHARE, ASSESSED = "bias_share", "bias_assessed"


def figures(counts: Counts) -> dict[str, float]:
    """Return the shares that later batches are compared with.

    ``bias_share/<source>/<language>/<value>`` is the share of the kept assessed documents that mention a group, or are about a topic, where
    there are enough; ``bias_assessed/<source>/<language>`` is their number, and ``bias_share/<value>`` the share over all of them.
    """
    everybody = _kept(counts, GROUPS)
    total = int(everybody.sum())
    found: dict[str, float] = {}
    cells = [(source, language) for source, language, _ in counts.strata]
    names = (*group_names(), *topic_names())
    for name in names:
        own = int(_kept(counts, name).sum())
        if own >= MIN_DOCUMENTS:
            found[f"{SHARE}/{name}"] = own / total
    for cell in sorted({(s, language) for s, language in cells if language}):
        mine = np.array([other == cell for other in cells], bool)
        assessed = int(everybody[mine].sum())
        if assessed < MIN_CELL:
            continue
        where = "/".join(cell)
        found[f"{ASSESSED}/{where}"] = assessed
        for name in names:
            own = int(_kept(counts, name)[mine].sum())
            if own >= MIN_DOCUMENTS:
                found[f"{SHARE}/{where}/{name}"] = own / assessed
    return found


def drift(
    now: Mapping[str, float], history: Mapping[str, Sequence[float]], limits: Limits
) -> list[dict[str, Any]] | None:
    """Return every share that can be compared with the last release that measured it, the most surprising first; null before any did.

    Two shares are compared by the usual normal test; a share has drifted if that is no chance, among all that are compared, and the
    ratio is outside the limit or its inverse.
    """
    from scipy.stats import norm

    if not any(name.startswith(f"{SHARE}/") for name in history):
        return None
    pairs = list(_pairs(now, history))
    if not pairs:
        return []
    one, n, other, m = (np.array(part, np.float64) for part in zip(*(pair[2:] for pair in pairs), strict=True))
    pooled = (one * n + other * m) / (n + m)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-12))
    q = adjusted(2 * norm.sf(np.abs(one - other) / error))
    rows = [
        {
            "value": value, "where": where, "share": now_, "before": before, "ratio": now_ / before, "q": float(own),
            "drifted": bool(own <= limits.error_rate and not limits.min_ratio <= now_ / before <= 1 / limits.min_ratio),
        }
        for (where, value, now_, _, before, _), own in zip(pairs, q, strict=True)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["q"], row["where"], row["value"]))


def _pairs(
    now: Mapping[str, float], history: Mapping[str, Sequence[float]]
) -> Iterator[tuple[str, str, float, float, float, float]]:
    for name, share in sorted(now.items()):
        parts = name.split("/")
        if parts[0] != SHARE or len(parts) != 4 or not history.get(name):
            continue
        where = "/".join(parts[1:3])
        n, m = now[f"{ASSESSED}/{where}"], history.get(f"{ASSESSED}/{where}", [0])[-1]
        before = history[name][-1]
        if m and before:
            yield where, parts[3], share, n, before, m


def _kept(counts: Counts, value: str) -> Integers:
    return counts.of(value, f"read:{WHOLE}") - counts.of(value, f"lost:{WHOLE}")
