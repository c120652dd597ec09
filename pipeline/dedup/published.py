"""The published side of a comparison: the documents that share a bucket with a batch, looked up in a release's index.

A release without an index (an older lake, a lost file) is scanned instead: its table `signatures` says the same. What is found is
pinned to the release, whatever became of the corpus since; only what was taken down is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.candidates import ANCHORS, Buckets, gather
from pipeline.dedup.sides import PublishedInput, Redaction
from pipeline.lake.index import Place
from pipeline.lake.indexing import band_values

if TYPE_CHECKING:
    from pipeline.dedup.signatures import Bands
    from pipeline.lake.releases import Corpus, Release

_SIGNED = ["document_id", "bands"]


def published_side(
    corpus: Corpus, release: Release, bands: Bands, redaction: Redaction, max_bucket: int
) -> PublishedInput | None:
    """Return the documents of a release that share a bucket with the batch; None if there are none.

    Parameters
    ----------
    corpus
        Where they are published.
    release
        The release that the batch is compared with.
    bands
        The batch's.
    redaction
        How the batch redacts.
    max_bucket
        Largest bucket of which every document is wanted.
    """
    index = corpus.index(release)
    if index is None:
        return _scanned(corpus, release, corpus.signatures(release, _SIGNED), bands, redaction)
    wanted = _wanted(bands)
    found = index.find(wanted, max_bucket, ANCHORS)
    shared = np.flatnonzero(found.sizes)
    starts = np.searchsorted(found.hashes, shared)
    buckets = Buckets(wanted[shared], found.sizes[shared], starts, found.documents)
    places = [Place(release, stem) for release, stem in zip(found.releases.tolist(), found.stems, strict=True)]
    return _side(corpus, release, found.ids, places, buckets, redaction)


def published_since(
    corpus: Corpus, base: int | None, release: Release, bands: Bands, redaction: Redaction
) -> PublishedInput | None:
    """Return the documents of the newest release that share a bucket with the batch and were not in release `base`.

    The cost follows what the releases in between changed. `release` is the one that the answer is pinned to.
    """
    return _scanned(corpus, release, corpus.added_since(base, "signatures", _SIGNED), bands, redaction)


def places_of(corpus: Corpus, release: Release | None, ids: Sequence[str]) -> dict[str, Place]:
    """Return which of some documents the corpus holds at a release, and where."""
    if release is None or not ids:
        return {}
    index = corpus.index(release)
    if index is not None:
        return index.places(ids)
    number_of = {entry.batch_id: entry.number for entry in corpus.standing(release)}
    found: dict[str, Place] = {}
    for block in corpus.documents(release, ["document_id", "batch_id"], ids):
        for name, batch in zip(*(column.to_pylist() for column in block.columns), strict=True):
            found[name] = Place(number_of[batch], "")  # in which file is not known: all are looked through
    return found


def _scanned(
    corpus: Corpus, release: Release, signatures: Iterable[pa.RecordBatch], bands: Bands, redaction: Redaction
) -> PublishedInput | None:
    """Look through signatures, block by block: memory holds the matching ones only."""
    wanted, parts = _wanted(bands), list[tuple[pa.Array, npt.NDArray[np.uint64], npt.NDArray[np.int64]]]()
    known = 0
    for block in signatures if len(wanted) else ():
        hashes, rows = band_values(block["bands"])
        hits = wanted[np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)] == hashes
        documents, local = np.unique(rows[hits], return_inverse=True)
        parts.append((block["document_id"].take(pa.array(documents)), hashes[hits], local + known))
        known += len(documents)
    if not known:
        return None
    ids = pa.concat_arrays([part[0] for part in parts]).to_pylist()
    hashes, rows = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    released = places_of(corpus, release, ids)
    # What came after the release is no part of it.
    stays = np.array([name in released for name in ids], np.bool_)
    hashes, rows = hashes[stays[rows]], (np.cumsum(stays) - 1)[rows[stays[rows]]]
    ids = [name for name in ids if name in released]
    places = [released[name] for name in ids]
    rank = np.empty(len(ids), np.int64)
    rank[sorted(range(len(ids)), key=lambda row: (places[row].release, ids[row]))] = np.arange(len(ids))
    return _side(corpus, release, ids, places, gather(hashes, rows, rank), redaction)


def _side(
    corpus: Corpus,
    release: Release,
    ids: Sequence[str],
    places: Sequence[Place],
    buckets: Buckets,
    redaction: Redaction,
) -> PublishedInput | None:
    if not ids:
        return None

    def texts(rows: npt.NDArray[np.int64]) -> pa.Array:
        names = [ids[row] for row in rows.tolist()]
        found = corpus.text_of(names, release, {places[row].stem for row in rows.tolist()})
        return pa.array([found[name] for name in names], pa.string())

    releases = np.array([place.release for place in places], np.int64)
    own = redaction.redacting
    ways = {number: release.redacted_as(number) or own for number in set(releases.tolist())}
    foreign = np.array([ways[number] != own for number in releases.tolist()], np.bool_)
    other = np.array([ways[number].looked_for != own.looked_for for number in releases.tolist()], np.bool_)

    def common(rows: npt.NDArray[np.int64]) -> pa.Array:
        found = texts(rows)
        # To redact takes a thousand times as long as to strip, and another key is the usual case.
        again = pa.array(other[rows])
        return pc.replace_with_mask(redaction.strip(found), again, redaction.common(found.filter(again)))

    return PublishedInput(pa.array(ids, pa.string()), releases, buckets, texts, redaction, foreign, common)


def _wanted(bands: Bands) -> npt.NDArray[np.uint64]:
    """Return the batch's band hashes, ascending, each once."""
    return np.unique(bands.hashes[bands.usable].ravel().view(np.uint64))
