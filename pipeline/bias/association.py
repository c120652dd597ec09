"""Beside which words the groups are mentioned."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.bias.counts import MIN_DOCUMENTS, WHOLE, Counts, in_context
from pipeline.bias.retention import Integers
from pipeline.bias.terms import DIALECT, NEGATIVE, TOXIC, group_names
from pipeline.intervals import proportion


def association(counts: Counts) -> list[dict[str, Any]]:
    """Return how often the mentions of a group stand beside negative and toxic words, against all groups of the same source and language.

    A count of words within ten words of a mention, by lists: no judgement of what is said of anybody.
    """
    people = [name for name in group_names() if not name.startswith(f"{DIALECT}:")]
    cells = {key: n for n, key in enumerate(sorted({(s, lang or "") for s, lang, _ in counts.strata}))}
    place = np.array([cells[s, lang or ""] for s, lang, _ in counts.strata], np.int64)

    def by_cell(value: str, outcome: str) -> Integers:
        return np.bincount(place, counts.of(value, outcome), len(cells)).astype(np.int64)

    rows = []
    for context in (NEGATIVE, TOXIC):
        mentioned = {name: by_cell(name, f"read:{WHOLE}") for name in people}
        beside = {name: by_cell(in_context(name, context), f"read:{WHOLE}") for name in people}
        everyone, near = sum(mentioned.values(), np.zeros(len(cells))), sum(beside.values(), np.zeros(len(cells)))
        rate = near / np.maximum(everyone, 1)
        for name in people:
            n, hits = int(mentioned[name].sum()), int(beside[name].sum())
            if n < MIN_DOCUMENTS:
                continue
            share, expected = proportion(hits, n), float((mentioned[name] * rate).sum() / n)
            after = counts.kept(name)
            rows.append(
                {
                    "value": name, "context": context, "documents": n, "beside": hits, "share": share.share,
                    "lower": share.lower, "upper": share.upper, "expected": expected,
                    "ratio": share.share / expected if expected else None,
                    "share_kept": counts.kept(in_context(name, context)) / after if after else None,
                }
            )  # fmt: skip
    return sorted(rows, key=lambda row: (row["context"], -(row["ratio"] or 0.0), row["value"]))
