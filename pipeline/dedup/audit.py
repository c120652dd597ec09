"""The duplicate content rate: how much of a sample has a twin in the corpus, found without the stage's means.

The sample's shingles are indexed and the corpus streams past. Nothing is shared with the stage but the definition of a
shingle: words by regular expression, shingles as tuples of strings, sets of Python, no hash, signature or bucket. The search is
exhaustive. Two sets of similarity `t` share at least ``ceil(t * n)`` of the `n` shingles of either, so one of any
``n - ceil(t * n) + 1`` of them; the sample's rarest ones are indexed (prefix filtering: Chaudhuri, Ganti, Kaushik, ICDE 2006).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from pipeline.intervals import proportion
from pipeline.text.shingles import shingles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.text.shingling import Shingling

Shingle = tuple[str, ...]


class Twin(NamedTuple):
    """A document of the sample and its most similar one in the corpus."""

    document_id: str
    twin_id: str
    similarity: float


@dataclass(frozen=True)
class AuditResult:
    """The indicator with its 95 % interval (Clopper-Pearson)."""

    sampled: int
    with_twin: int
    share: float
    """NaN where nothing was sampled."""
    lower: float
    upper: float
    compared: int
    """Documents of the corpus that the sample was compared with."""
    twins: tuple[Twin, ...]
    """In the order of the sample."""


def audit(
    sample_ids: pa.Array | Sequence[str],
    sample_texts: pa.Array | Sequence[str],
    corpus: Iterable[tuple[pa.Array | Sequence[str], pa.Array | Sequence[str]]],
    threshold: float,
    shingling: Shingling,
) -> AuditResult:
    """Measure which documents of the sample have a twin: another id whose exact Jaccard similarity reaches the threshold.

    Parameters
    ----------
    sample_ids, sample_texts
        The sample; it may be part of the corpus, a document is not its own twin.
    corpus
        Blocks of ids and texts.
    threshold
        In (0, 1].
    shingling
        How shingles are made.
    """
    names = _plain(sample_ids)
    index = SampleIndex.build([shingles(text or "", shingling) for text in _plain(sample_texts)], threshold)
    best: dict[int, Twin] = {}
    compared = 0
    for ids, texts in corpus:
        for other, text in zip(_plain(ids), _plain(texts), strict=True):
            compared += 1
            for row, similarity in index.near(shingles(text or "", shingling)):
                known = best.get(row)
                if names[row] != other and (known is None or (-similarity, other) < (-known.similarity, known.twin_id)):
                    best[row] = Twin(names[row], other, similarity)
    share, lower, upper = proportion(len(best), len(names))
    return AuditResult(len(names), len(best), share, lower, upper, compared, tuple(best[row] for row in sorted(best)))


@dataclass(frozen=True)
class SampleIndex:
    """Sets of shingles, with the rarest shingles of each indexed."""

    sets: Sequence[set[Shingle]]
    threshold: float
    prefixes: dict[Shingle, list[int]] = field(repr=False)

    @classmethod
    def build(cls, sets: Sequence[set[Shingle]], threshold: float) -> SampleIndex:
        """Index sets; an empty one is near nothing."""
        frequency = Counter(shingle for members in sets for shingle in members)
        prefixes: dict[Shingle, list[int]] = defaultdict(list)
        for row, members in enumerate(sets):
            # The margin keeps a product such as 0.07 * 100 = 7.000000000000001 from being rounded up.
            demanded = math.ceil(threshold * len(members) - 1e-9)
            for shingle in sorted(members, key=frequency.__getitem__)[: max(0, len(members) - demanded + 1)]:
                prefixes[shingle].append(row)
        return cls(sets, threshold, dict(prefixes))

    def near(self, members: set[Shingle]) -> list[tuple[int, float]]:
        """Return row and similarity of each indexed set whose Jaccard similarity with `members` reaches the threshold."""
        rows = {row for shingle in members if shingle in self.prefixes for row in self.prefixes[shingle]}
        found = []
        for row in sorted(rows):
            common = len(self.sets[row] & members)
            similarity = common / (len(self.sets[row]) + len(members) - common)
            if similarity >= self.threshold:
                found.append((row, similarity))
        return found


def _plain(values: pa.Array | Sequence[str]) -> Sequence[str]:
    """Return strings as a sequence of Python's own."""
    return values.to_pylist() if isinstance(values, pa.Array | pa.ChunkedArray) else values
