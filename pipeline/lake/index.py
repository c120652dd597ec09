"""The index of near-duplicates of one release: the published documents under some band hashes, and where some ids lie.

It is made of segments (`pipeline.lake.segments`), which the release record names; the table `signatures` is what they are made from. A
document of one release lies in one segment, so (release, row) is an order over all of them: the order of preference among published
documents, by release, then by id. What was taken down is left out of every answer; a merge forgets it for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.lake.ids import Words, names, numbers
from pipeline.lake.segments import SegmentReader, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.lake.release import Segment
    from pipeline.lake.store import Store

Numbers = npt.NDArray[np.int64]

_ROW_BITS = 32


class Found(NamedTuple):
    """Published documents under the hashes that were looked up."""

    ids: list[str]
    """The documents, the preferred ones first: by release, then by id."""
    releases: Numbers
    """The release that published each."""
    stems: list[str]
    """Of the data file that holds each (`pipeline.lake.tables.stem_of`)."""
    hashes: Numbers
    """Place of a hash among those that were looked up, ascending; with `documents`, one entry for each pair."""
    documents: Numbers
    """Place of a document that has it, the preferred one first."""
    sizes: Numbers
    """For each hash that was looked up, how many published documents have it; of a large bucket not all are listed."""


class Place(NamedTuple):
    """Where a published document lies."""

    release: int
    """The release that published it."""
    stem: str
    """Of its data file."""


class Index:
    """What a release's segments say, less what was taken down.

    Parameters
    ----------
    store
        The lake.
    segments
        As the release record names them.
    taken_down
        Ids that may not be found.

    Raises
    ------
    SnapshotError
        If a file is missing or shorter than it was.
    """

    def __init__(self, store: Store, segments: Sequence[Segment], taken_down: Iterable[str] = ()) -> None:
        self.segments = tuple(SegmentReader(store, segment) for segment in segments)
        for segment in self.segments:
            segment.check()
        self._barred = numbers(sorted(taken_down))  # as digits they have the order of their numbers
        self._barred_high, self._barred_low = self._barred[:, 0].copy(), self._barred[:, 1].copy()

    def find(self, hashes: Words, limit: int, listed: int) -> Found:
        """Look up band hashes.

        Parameters
        ----------
        hashes
            Ascending, all different.
        limit
            Largest bucket of which every document is listed.
        listed
            Of a larger one, so many are, the preferred ones.

        Notes
        -----
        Memory follows what is found, and the largest bucket; time follows what is looked up.
        """
        keys, index, sizes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], np.zeros(len(hashes), np.int64)
        owner: dict[int, int] = {}
        for number, segment in enumerate(self.segments):
            owner.update((int(release), number) for release in segment.releases)
            matches = segment.find(hashes, limit)
            live = ~self.is_taken_down(segment, matches.rows)
            index.append(matches.places[live])
            keys.append(_keys(segment, matches.rows[live]))
            np.add.at(sizes, index[-1], 1)
            for place, rows in matches.hot:
                found = _keys(segment, rows[~self.is_taken_down(segment, rows)])
                sizes[place] += len(found)
                if len(found) > max(limit, listed):
                    found = np.partition(found, listed)[:listed]
                index.append(np.full(len(found), place))
                keys.append(found)
        return self._found(np.concatenate(keys), np.concatenate(index), sizes, owner, limit, listed)

    def places(self, ids: Sequence[str]) -> dict[str, Place]:
        """Return where those of some documents lie that are published."""
        wanted = numbers(ids)
        found: dict[str, Place] = {}
        for segment in self.segments:
            rows = rows_of(segment.documents, wanted)
            hits = np.flatnonzero(rows >= 0)
            hits = hits[~self.is_taken_down(segment, rows[hits])]
            files = segment.documents.files
            for hit, file in zip(hits.tolist(), segment.documents.file[rows[hits]].tolist(), strict=True):
                found[ids[hit]] = Place(files[file].release, files[file].stem)
        return found

    def taken_down(self, segment: SegmentReader) -> Numbers:
        """Return the rows of a segment whose documents were taken down."""
        rows = rows_of(segment.documents, self._barred)
        return rows[rows >= 0]

    def is_taken_down(self, segment: SegmentReader, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return which rows of a segment are documents that were taken down."""
        if not len(self._barred_high) or not len(rows):
            return np.zeros(len(rows), np.bool_)
        high, low = segment.documents.high[rows], segment.documents.low[rows]
        gone = np.zeros(len(rows), np.bool_)
        start, end = (np.searchsorted(self._barred_high, high, side) for side in ("left", "right"))
        for step in range(int((end - start).max(initial=0))):  # more than once only where ids have equal halves
            inside = start + step < end
            gone[inside] |= self._barred_low[start[inside] + step] == low[inside]
        return gone

    def _found(
        self, keys: Words, index: Numbers, sizes: Numbers, owner: dict[int, int], limit: int, listed: int
    ) -> Found:
        """Bring what the segments gave into one order, and cut what is too large only in sum."""
        order = np.lexsort((keys, index))
        keys, index = keys[order], index[order]
        rank = np.arange(len(index)) - np.searchsorted(index, index)
        stays = (sizes[index] <= limit) | (rank < listed)
        known, documents = np.unique(keys[stays], return_inverse=True)
        releases = (known >> np.uint64(_ROW_BITS)).astype(np.int64)
        rows = (known & np.uint64((1 << _ROW_BITS) - 1)).astype(np.int64)
        segment_of = np.array([owner[release] for release in releases.tolist()], np.int64)
        high, low = np.empty(len(known), np.uint64), np.empty(len(known), np.uint64)
        stems = [""] * len(known)
        for number in np.unique(segment_of).tolist():
            mine = np.flatnonzero(segment_of == number)
            held = self.segments[number].documents
            high[mine], low[mine] = held.high[rows[mine]], held.low[rows[mine]]
            for place, file in zip(mine.tolist(), held.file[rows[mine]].tolist(), strict=True):
                stems[place] = held.files[file].stem
        return Found(names(high, low), releases, stems, index[stays], documents.astype(np.int64), sizes)


def _keys(segment: SegmentReader, rows: npt.NDArray[np.integer]) -> Words:
    """Return (release, row) of some rows as one number each."""
    release = segment.releases[segment.documents.file[rows]].astype(np.uint64)
    return np.asarray((release << np.uint64(_ROW_BITS)) | rows.astype(np.uint64))
