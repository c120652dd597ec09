"""How well contamination is found, on texts whose item is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.intervals import Interval, proportion
from pipeline.slices.decontaminate import ItemIndex


class ContaminationScore(NamedTuple):
    """Figures over labelled texts."""

    contaminated: int
    """Texts that hold an item."""
    found: int
    """Texts that were called contaminated."""
    precision: Interval
    """Of those called contaminated, the share that holds an item (any)."""
    recall: Interval
    """Of those that hold an item, the share that was called contaminated."""
    right_item: Interval
    """Of those found rightly, the share of which the very item was named."""


def evaluate(rows: Iterable[Mapping[str, Any]], index: ItemIndex) -> ContaminationScore:
    """Measure the search on rows ``{"text": ..., "item": id or null}``; an id is ``slice:id`` or ``id``."""
    data = list(rows)
    hits = index.find(pa.array([row["text"] for row in data], pa.string()))
    pairs = [(row["item"], hit) for row, hit in zip(data, hits, strict=True)]
    gold = sum(item is not None for item, _ in pairs)
    called = sum(hit is not None for _, hit in pairs)
    right = [(item, hit) for item, hit in pairs if item is not None and hit is not None]
    named = sum(hit.item == item or hit.item.split(":", 1)[1] == item for item, hit in right)
    return ContaminationScore(
        gold, called, proportion(len(right), called), proportion(len(right), gold), proportion(named, len(right))
    )
