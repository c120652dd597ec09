"""The duplicates of one batch: the steps of the algorithm put together, on the driver, with narrow columns in memory.

1. Documents of the batch that share a bucket with a published one are compared with it: their text is redacted first, since the
   published text is. A verified pair removes the batch's document, whatever else it resembles.
2. Among the others, texts that are equal (`exact`) form a group, for which its preferred document stands.
3. These stand-ins are compared, raw text with raw text, where they share a bucket; `survivors` decides who stays.
4. A group goes the way of its stand-in: equal texts have equal shingles, so its similarity is theirs.

Only candidates' texts are read. Digits are never masked: two sums with other numbers are two documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.components import choose_divided, choose_in_part
from pipeline.dedup.exact import Keys, groups
from pipeline.dedup.survivors import Survivors, choose_survivors, cluster_sizes, preference
from pipeline.dedup.verify import ClosePairs, VerifiedPairs, no_pairs, verify_against, verify_within
from pipeline.document import NEAR_MISS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.dedup.candidates import Pairs
    from pipeline.dedup.components import Elsewhere
    from pipeline.dedup.sides import DuplicatesInput, PublishedInput, Rules

EXACT = "dedup.exact_duplicate@1"
NEAR = "dedup.near_duplicate@1"
CONTAINED = "dedup.contained@1"


@dataclass(frozen=True)
class Statistics:
    """Counts for the manifest."""

    documents: int
    without_words: int
    """Documents that have no shingle: only exact duplicates within the batch are found among them."""
    exact_duplicates: int
    near_duplicates: int
    contained: int
    """Documents below the threshold of similarity that another one holds whole, where `Rules.containment` is given."""
    duplicates_of_published: int
    candidate_pairs: int
    verified_pairs: int
    capped_buckets: int
    capped_documents: int
    published_candidate_pairs: int
    published_verified_pairs: int
    published_capped_buckets: int
    published_capped_documents: int


@dataclass(frozen=True)
class Duplicates:
    """What was found, a row for each document of the batch."""

    survivor: pa.Array
    """string: id of the document that stays for it; null where it stays itself."""
    survivor_release: pa.Array
    """int64: the release that published the survivor; null where it is of the batch, or there is none."""
    similarity: pa.Array
    """double: exact Jaccard similarity with the survivor, 1.0 for an exact duplicate; null where it stays."""
    contained: pa.Array
    """double: share of its shingles that the survivor holds; null where it stays."""
    cluster_size: npt.NDArray[np.int32]
    """Documents of the batch that it, or its survivor, stands for, the survivor included if it is of the batch."""
    reason: pa.Array
    """string: why it goes; null where it stays."""
    near_miss: pa.Array
    """struct of `document_id`, `release` and `similarity`: of a document that stays, the most similar one of those that it was compared
    with and that lie just below the threshold (`MARGIN`) and before it in the order of preference; null where there is none."""
    verified: VerifiedPairs
    """Near-duplicate pairs of rows of the batch, among the stand-ins of exact groups."""
    statistics: Statistics


class _Choice(NamedTuple):
    """Who stays for each row: a row of the batch, ``n + j`` for row `j` of the published side, -1 for the row itself."""

    survivor: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    exact: npt.NDArray[np.bool_]
    contained: npt.NDArray[np.float64]


def find_duplicates(batch: DuplicatesInput, rules: Rules, published: PublishedInput | None = None) -> Duplicates:
    """Return what goes and what stays for it; a document's result does not depend on the order of the rows.

    Without a published side the batch is compared with itself only.
    """
    rank = preference(batch.source_rank, batch.characters, batch.document_ids)
    outer = no_pairs() if published is None else verify_against(batch, published, rules)
    covered = np.zeros(len(rank), np.bool_)
    covered[outer.pairs[:, 0]] = True
    stand_in = _stand_ins(batch.exact, rank, covered)
    inner = verify_within(batch, rank, ~covered & (stand_in < 0), rules)
    choose = partial(_survivors, edges=rules.edges, elsewhere=batch.choose)
    choice = _choose(rank, stand_in, outer, inner, published, choose)
    survivor, release = _names(batch, published, choice.survivor)
    gone = choice.survivor >= 0
    near = choice.similarity >= rules.threshold
    reason = np.where(choice.exact, EXACT, np.where(near, NEAR, CONTAINED))
    published_rows = 0 if published is None else len(published.releases)
    leaders = np.concatenate([choice.survivor, np.full(published_rows, -1, np.int64)])
    return Duplicates(
        survivor=survivor,
        survivor_release=release,
        similarity=pa.array(choice.similarity, pa.float64(), mask=~gone),
        contained=pa.array(choice.contained, pa.float64(), mask=~gone),
        cluster_size=cluster_sizes(leaders, len(rank))[: len(rank)],
        reason=pa.array(reason, pa.string(), mask=~gone),
        near_miss=_near_misses(batch, published, rank, gone, (outer.close, inner.close)),
        verified=inner,
        statistics=_count(batch, choice, reason[gone], outer, inner),
    )


def _stand_ins(exact: Keys, rank: npt.NDArray[np.int64], covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return for each document that is not covered the preferred one of its group; -1 where it is that one itself."""
    stand_in = np.full(len(rank), -1, np.int64)
    rows = np.flatnonzero(~covered)
    rows = rows[np.argsort(rank[rows])]
    _, first, group = np.unique(groups(exact[rows]), return_index=True, return_inverse=True)
    leader = rows[first[group]]
    stand_in[rows] = np.where(leader == rows, -1, leader)
    return stand_in


def _choose(
    rank: npt.NDArray[np.int64],
    stand_in: npt.NDArray[np.int64],
    outer: VerifiedPairs,
    inner: VerifiedPairs,
    published: PublishedInput | None,
    choose: Callable[[npt.NDArray[np.int64], Pairs, npt.NDArray[np.float64]], Survivors],
) -> _Choice:
    """Choose survivors among published documents and stand-ins, then let each group follow its stand-in."""
    total = len(rank)
    partners, local = np.unique(outer.pairs[:, 1], return_inverse=True)
    first = np.empty(0, np.int64) if published is None else published.rank(partners)
    pairs = np.concatenate([inner.pairs, np.column_stack([outer.pairs[:, 0], local + total])])
    # An equal text counts for more than another one with the same shingles, whose similarity is 1 as well.
    value = np.concatenate([inner.similarity, outer.similarity + outer.exact])
    chosen = choose(np.concatenate([rank + len(partners), first]), pairs, value)
    survivor, similarity = chosen.survivor[:total], chosen.similarity[:total]
    exact = similarity > 1
    contained = np.concatenate([inner.contained, outer.contained, [0.0]])[chosen.pair[:total]]
    followers = np.flatnonzero(stand_in >= 0)
    leader = stand_in[followers]
    stays = survivor[leader] < 0
    exact[followers] = stays
    similarity[followers] = np.where(stays, 1.0, similarity[leader])
    contained[followers] = np.where(stays, 1.0, contained[leader])
    survivor[followers] = np.where(stays, leader, survivor[leader])
    outside = survivor >= total
    survivor[outside] = partners[survivor[outside] - total] + total
    return _Choice(survivor, np.minimum(similarity, 1.0), exact, contained)


def _survivors(
    rank: npt.NDArray[np.int64],
    pairs: Pairs,
    similarity: npt.NDArray[np.float64],
    edges: int,
    elsewhere: Elsewhere | None,
) -> Survivors:
    """Choose among all pairs at once while they are so many, in parts beyond."""
    if len(pairs) <= edges:
        return choose_survivors(rank, pairs, similarity)
    return choose_divided(rank, pairs, similarity, edges, elsewhere or partial(map, choose_in_part))


def _names(
    batch: DuplicatesInput, published: PublishedInput | None, survivor: npt.NDArray[np.int64]
) -> tuple[pa.Array, pa.Array]:
    """Return id and release of each survivor, by its row (see `_Choice`)."""
    ids = [batch.document_ids.cast(pa.large_string())]
    releases = [pa.nulls(len(batch.document_ids), pa.int64())]
    if published is not None:
        ids.append(published.document_ids.cast(pa.large_string()))
        releases.append(pa.array(published.releases, pa.int64()))
    rows = pa.array(survivor, mask=survivor < 0)
    return pa.concat_arrays(ids).take(rows).cast(pa.string()), pa.concat_arrays(releases).take(rows)


def _near_misses(
    batch: DuplicatesInput,
    published: PublishedInput | None,
    rank: npt.NDArray[np.int64],
    gone: npt.NDArray[np.bool_],
    close: tuple[ClosePairs, ClosePairs],
) -> pa.Array:
    """Return for each document that stays the one it would have gone for, had the threshold been a little lower."""
    outer, inner = close
    total = len(rank)
    behind = np.where(rank[inner.pairs[:, 0]] > rank[inner.pairs[:, 1]], inner.pairs[:, 0], inner.pairs[:, 1])
    rows = np.concatenate([behind, outer.pairs[:, 0]])
    partners = np.concatenate([inner.pairs.sum(axis=1) - behind, outer.pairs[:, 1] + total])
    value = np.concatenate([inner.similarity, outer.similarity])
    names, releases = _names(batch, published, partners)
    # Equal similarities: by id, so that the answer does not depend on the order of rows.
    by_id = np.empty(len(rows), np.int64)
    by_id[pc.array_sort_indices(names).to_numpy()] = np.arange(len(rows))
    order = np.lexsort((by_id, -value, rows))
    order = order[~gone[rows[order]]]
    found, first = np.unique(rows[order], return_index=True)
    best = pa.array(order[first])
    misses = pa.StructArray.from_arrays(
        [names.take(best), releases.take(best), pa.array(value).take(best)], fields=list(NEAR_MISS)
    )
    place = np.full(total, -1, np.int64)
    place[found] = np.arange(len(found))
    return misses.take(pa.array(place, mask=place < 0))


def _count(
    batch: DuplicatesInput, choice: _Choice, reasons: npt.NDArray[np.str_], outer: VerifiedPairs, inner: VerifiedPairs
) -> Statistics:
    """Count what was done."""
    return Statistics(
        documents=len(choice.survivor),
        without_words=int((~batch.bands.usable).sum()),
        exact_duplicates=int((reasons == EXACT).sum()),
        near_duplicates=int((reasons == NEAR).sum()),
        contained=int((reasons == CONTAINED).sum()),
        duplicates_of_published=int((choice.survivor >= len(choice.survivor)).sum()),
        candidate_pairs=inner.candidates,
        verified_pairs=len(inner.pairs),
        capped_buckets=inner.capped.buckets,
        capped_documents=inner.capped.documents,
        published_candidate_pairs=outer.candidates,
        published_verified_pairs=len(outer.pairs),
        published_capped_buckets=outer.capped.buckets,
        published_capped_documents=outer.capped.documents,
    )
