"""How well the stage finds duplicates, measured on texts whose true pairs are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.dedup.audit import SampleIndex
from pipeline.dedup.exact import exact_keys
from pipeline.dedup.find import Duplicates, find_duplicates
from pipeline.dedup.sides import DuplicatesInput, Rules
from pipeline.dedup.signatures import band_hashes
from pipeline.intervals import Interval, proportion
from pipeline.text.shingles import shingles

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipeline.dedup.plan import Plan
    from pipeline.text.shingling import Shingling

Pair = tuple[str, str, float]
"""Two document ids and their true Jaccard similarity."""


@dataclass(frozen=True)
class Evaluation:
    """Recall and precision with their 95 % intervals."""

    documents: int
    removed: int
    pairs: int
    """True pairs at or above the threshold."""
    recall: Interval
    """Share of these pairs of which at least one document was removed."""
    precision: Interval
    """Share of the removed documents that have a true partner at or above the threshold."""


def score(documents: int, removed: Collection[str], pairs: Sequence[Pair], threshold: float) -> Evaluation:
    """Compare what was removed with the true pairs; those below the threshold are ignored."""
    gone = set(removed)
    true = [(a, b) for a, b, similarity in pairs if similarity >= threshold]
    caught = sum(a in gone or b in gone for a, b in true)
    partnered = gone & {name for pair in true for name in pair}
    return Evaluation(
        documents, len(gone), len(true), proportion(caught, len(true)), proportion(len(partnered), len(gone))
    )


def true_pairs(ids: Sequence[str], texts: Sequence[str], threshold: float, shingling: Shingling) -> list[Pair]:
    """Return all pairs at or above the threshold by the reference definition, exhaustively: slow and certain."""
    sets = [shingles(text, shingling) for text in texts]
    index = SampleIndex.build(sets, threshold)
    return [
        (ids[row], ids[other], similarity)
        for other, members in enumerate(sets)
        for row, similarity in index.near(members)
        if row < other
    ]


def deduplicate(
    ids: Sequence[str],
    texts: Sequence[str],
    plan: Plan,
    *,
    threshold: float,
    shingling: Shingling,
    seed: int,
    max_bucket: int,
) -> Duplicates:
    """Run the stage's algorithm on texts in memory, all of one source and nothing published."""
    array = pa.array(texts, pa.large_string())
    batch = DuplicatesInput(
        document_ids=pa.array(ids, pa.string()),
        source_rank=np.zeros(len(ids), np.int64),
        characters=np.array([len(text) for text in texts], np.int64),
        exact=exact_keys(array),
        bands=band_hashes(array, plan, shingling, seed),
        texts=lambda rows: array.take(pa.array(rows)),
    )
    return find_duplicates(batch, Rules(threshold, shingling, max_bucket))


def evaluate(
    ids: Sequence[str],
    texts: Sequence[str],
    pairs: Sequence[Pair],
    plan: Plan,
    *,
    threshold: float,
    shingling: Shingling,
    seed: int,
    max_bucket: int,
) -> Evaluation:
    """Deduplicate the texts and compare with the true pairs."""
    found = deduplicate(ids, texts, plan, threshold=threshold, shingling=shingling, seed=seed, max_bucket=max_bucket)
    removed = [name for name, survivor in zip(ids, found.survivor.to_pylist(), strict=True) if survivor is not None]
    return score(len(ids), removed, pairs, threshold)
