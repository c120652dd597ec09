"""Reading releases: a reader takes the newest record (or an older one) and the files of the snapshots that it names."""

from __future__ import annotations

import hashlib
import logging
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import SnapshotError
from pipeline.lake.digest import DIGESTED, CorpusDigest
from pipeline.lake.format import opened
from pipeline.lake.index import Index
from pipeline.lake.release import History, Release
from pipeline.lake.rows import Selection, read
from pipeline.lake.tables import TABLES, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from pipeline.lake.iceberg import Tables
    from pipeline.lake.store import Store


class Reader:
    """The published corpus, to be read.

    Parameters
    ----------
    store
        The lake.
    catalog_url
        SQLAlchemy URL of the Iceberg catalogue, or the address of a REST catalogue; None: SQLite in a local lake.

    Notes
    -----
    Every method that takes a `release` reads the newest one if it is None. What was taken down since is left out of older
    releases too.
    """

    def __init__(self, store: Store, catalog_url: str | None = None) -> None:
        self.store = opened(store)
        self._url = catalog_url
        self._history = History(store)

    def newest(self) -> Release | None:
        """Return the newest release, None before the first."""
        return self._history.newest()

    def get(self, number: int) -> Release:
        """Return one release; `UserError` if there is none of that number."""
        return self._history.get(number)

    def history(self) -> list[Release]:
        """Return all releases, oldest first."""
        return list(self._history.backwards())[::-1]

    def find(self, batch_id: str, fingerprint: str) -> Release | None:
        """Return the release that published a batch under a fingerprint, rolled back since or not."""
        for release in self._history.backwards():
            if (release.batch_id, release.fingerprint) == (batch_id, fingerprint):
                return release
        return None

    # -- rows ----------------------------------------------------------------------------------------------------------

    def documents(
        self, release: Release | None = None, columns: Sequence[str] | None = None, ids: Iterable[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield published documents: some columns (default: all), all documents or those with some ids; in no stated order."""
        return self.rows("documents", release, columns, ids)

    def signatures(
        self, release: Release | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield document_id, published_digest and bands of every document that has a signature."""
        return self.rows("signatures", release, columns)

    def text_of(
        self, ids: Iterable[str], release: Release | None = None, stems: Iterable[str] | None = None
    ) -> dict[str, str]:
        """Return the published text of some documents, by id; one that is not in the release is not in the answer.

        Parameters
        ----------
        ids
            The documents.
        release
            Which.
        stems
            Of the data files that hold them, as the index says; every file is looked through where none are given, or one is no
            longer there.
        """
        found: dict[str, str] = {}
        for batch in self.rows("documents", release, ["document_id", "text"], ids, stems):
            found.update(zip(batch["document_id"].to_pylist(), batch["text"].to_pylist(), strict=True))
        return found

    def rows(
        self,
        table: str,
        release: Release | None = None,
        columns: Sequence[str] | None = None,
        ids: Iterable[str] | None = None,
        stems: Iterable[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows of any published table, as `documents` does; `stems` as in `text_of`."""
        newest = self.newest()
        release = release or newest
        if release is None or newest is None:
            return
        only = None if ids is None else Selection(ids=frozenset(ids))
        taken_down = self._taken_down_since(release, newest) if table in {"documents", "signatures"} else None
        names = columns or TABLES[table].names
        files = self.files(table, release)
        if stems is not None:
            files = _with_stems(files, set(stems))
        yield from read(self.store, files, names, only=only, without=taken_down)

    def added_since(
        self, number: int | None, table: str = "documents", columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `documents` or `signatures` that the newest release holds and release `number` did not.

        What a rebase compares a batch with. The cost follows what the releases in between changed, not the corpus.
        """
        newest = self.newest()
        if newest is None:
            return
        before = self.files(table, self.get(number)) if number else []
        gone, new = self._apart(before, self.files(table, newest))
        # A file that lost a row to a takedown was written anew: its other rows were there before.
        moved = Selection(ids=frozenset(self._ids(gone)))
        yield from read(self.store, new, columns or TABLES[table].names, without=moved)

    def tombstones(self, release: Release | None = None) -> Selection:
        """Return the ids and the digests of texts that may not come back."""
        ids, digests = set[str](), set[str]()
        for batch in read(self.store, self.files("tombstones", release), ["document_id", "text_digest"]):
            ids.update(batch["document_id"].drop_null().to_pylist())
            digests.update(batch["text_digest"].drop_null().to_pylist())
        return Selection(frozenset(ids), frozenset(digests))

    def index(self, release: Release | None = None) -> Index | None:
        """Return the index of near-duplicates of a release, less what was taken down since.

        None where the release has none, which is so in older lakes, or where a file of it is gone or damaged: that is logged, and the
        table `signatures` says the same, only slower.
        """
        newest = self.newest()
        release = release or newest
        if release is None or release.index is None:
            return None
        try:
            return Index(self.store, release.index, self.tombstones(newest).ids)
        except SnapshotError as error:
            logging.getLogger(__name__).warning(
                "the index of release %d is not used, its table of signatures is: %s", release.number, error
            )
            return None

    def files(self, table: str, release: Release | None = None) -> list[str]:
        """Return the names of the Parquet files of a release, for workers that read them themselves."""
        release = release or self.newest()
        return [] if release is None else self._tables.files(table, release.tables[table])

    def released_files(self) -> set[str]:
        """Return the names of the files of all releases, old ones too."""
        history = self.history()
        found: set[str] = set()
        for table in TABLES if history else ():
            found |= self._tables.named(table, {release.tables[table] for release in history})
        return found

    def standing(self, release: Release | None = None) -> list[Release]:
        """Return the publishes that a release, the newest by default, still builds on, newest first: those not rolled back."""
        found, number = [], release.number if release else self._history.last()
        while number:
            release = self.get(number)
            if release.kind == "publish":
                found.append(release)
            number = release.rolled_back_to or release.builds_on or 0
        return found

    def recompute(self, release: Release | None = None, texts: bool = False) -> str:
        """Return the digest of a release, computed anew from all of its rows as they lie in its files.

        Parameters
        ----------
        release
            Which.
        texts
            Also check that every text and lineage record has the digest that stands beside it.

        Raises
        ------
        SnapshotError
            If one differs; the message names the document's id.
        """
        columns = [*DIGESTED, *(("text", "lineage", "lineage_digest") if texts else ())]
        digest = CorpusDigest()
        for batch in read(self.store, self.files("documents", release), columns):
            digest.add(batch)
            if texts:
                _check_texts(batch)
        return digest.hexdigest()

    # -- inside --------------------------------------------------------------------------------------------------------

    @cached_property
    def _tables(self) -> Tables:
        from pipeline.lake.iceberg import Tables

        return Tables(self.store, self._url)

    def _taken_down_since(self, release: Release, newest: Release) -> Selection | None:
        """Return today's tombstones if they are not those that the release was written under."""
        same = release.tables["tombstones"] == newest.tables["tombstones"]
        return None if same else self.tombstones(newest)

    def _ids(self, names: Iterable[str]) -> Iterator[str]:
        for batch in read(self.store, names, ["document_id"]):
            yield from batch["document_id"].to_pylist()

    @staticmethod
    def _apart(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the files that only the old and only the new list holds."""
        return sorted(set(old) - set(new)), sorted(set(new) - set(old))


def _with_stems(files: Sequence[str], stems: set[str]) -> list[str]:
    """Return the files that have one of some stems; all of them if a stem is nowhere."""
    found = [name for name in files if stem_of(name) in stems]
    return found if {stem_of(name) for name in found} == stems else list(files)


def _check_texts(batch: pa.RecordBatch) -> None:
    for name, stated in (("text", "published_digest"), ("lineage", "lineage_digest")):
        for document, value, digest in zip(*(batch[n].to_pylist() for n in ("document_id", name, stated)), strict=True):
            found = None if value is None else hashlib.sha256(value.encode()).hexdigest()
            if found != digest:
                raise SnapshotError(f"document {document}: its {name} does not have the digest that stands beside it")
