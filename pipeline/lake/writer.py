"""The steps that every change of the corpus shares: rewrite, append, and the one commit."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.errors import ReleaseConflict, SnapshotError
from pipeline.faults import point
from pipeline.lake import indexing
from pipeline.lake.digest import DIGESTED, CorpusDigest
from pipeline.lake.reader import Reader
from pipeline.lake.release import Release
from pipeline.lake.rows import Selection, read
from pipeline.lake.tables import METRICS, TABLES, TOMBSTONES, Metric, data_name, renewed, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.lake.index import Index
    from pipeline.lake.lease import Lease
    from pipeline.lake.release import Segment

_HOLDING_DOCUMENTS = ("documents", "signatures")


class Writer(Reader):
    """A reader that can also make the next release."""

    def _commit(
        self,
        lease: Lease,
        newest: Release | None,
        *,
        digest: CorpusDigest,
        start: Mapping[str, int] | None = None,
        add: Mapping[str, Sequence[str]] | None = None,
        remove: Mapping[str, Sequence[str]] | None = None,
        **fields: Any,
    ) -> Release:
        """Give each table its new snapshot, then make the release: the one commit point of every change."""
        number = newest.number + 1 if newest else 1
        if number != lease.number:
            raise ReleaseConflict(f"lease {lease.fence} is not for release {number}: take a new lease for each change")
        empty = self._tables.prepare()
        start = start or (newest.tables if newest else empty)
        if newest:  # what a crash after the last release may have left undone
            self._tables.settle(newest.tables, tag_of(newest))
        tables: dict[str, int] = {}
        for table in TABLES:
            point(f"corpus.{table}.before")
            files, gone = (add or {}).get(table, ()), (remove or {}).get(table, ())
            tables[table] = self._tables.change(table, start[table], lease.fence, add=files, remove=gone)
            point(f"corpus.{table}.after")
        defaults = {
            "added": 0,
            "removed": 0,
            "documents": digest.rows,
            "signings": newest.signings if newest else (),
            "redactions": newest.redactions if newest else (),
        }
        release = Release.model_validate(
            {
                **defaults,
                **fields,
                "number": number,
                "builds_on": newest.number if newest else None,
                "tables": tables,
                "digest": digest.hexdigest(),
                "digest_state": digest.to_text(),
                "fence": lease.fence,
                "published_at": dt.datetime.now(dt.UTC),
            }
        )
        lease.check()
        point("corpus.record.before")
        self._history.append(release)
        point("corpus.record.after")
        self._tables.settle(tables, tag_of(release))
        point("corpus.settle.after")
        return release

    def _published(self, release: Release | None, selection: Selection) -> dict[str, str]:
        """Return id and text digest of the selected documents of a release."""
        names = self.files("documents", release)
        columns = ["document_id", "published_digest"]
        return {
            row["document_id"]: row["published_digest"]
            for batch in read(self.store, names, columns, only=selection)
            for row in batch.to_pylist()
        }

    def _without(
        self, target: Release | None, barred: Selection
    ) -> tuple[CorpusDigest, dict[str, list[str]], dict[str, list[str]]]:
        """Rewrite the files of `target` that hold barred documents; return its digest without them, new files, old files."""
        digest = digest_of(target)
        add: dict[str, list[str]] = {table: [] for table in _HOLDING_DOCUMENTS}
        remove: dict[str, list[str]] = {table: [] for table in _HOLDING_DOCUMENTS}
        if target is None or not barred:
            return digest, add, remove
        for table in _HOLDING_DOCUMENTS:
            columns = DIGESTED if table == "documents" else ["document_id"]
            for name in self.files(table, target):
                hit = list(read(self.store, [name], columns, only=barred))
                if not hit:
                    continue
                for batch in hit if table == "documents" else ():
                    digest.remove(batch)
                remove[table].append(name)
                rewritten = renewed(name)
                if write_rows(
                    self.store, table, rewritten, read(self.store, [name], TABLES[table].names, without=barred)
                ):
                    add[table].append(rewritten)
                else:
                    self.store.remove(rewritten)
        return digest, add, remove

    def _index_with(
        self,
        lease: Lease,
        newest: Release | None,
        index: Index | None,
        files: Mapping[str, Sequence[str]],
        batch_id: str,
    ) -> tuple[Segment, ...]:
        """Write the index of near-duplicates as it is with a batch's files; made anew where there is none to build on."""
        own = {batch_id: lease.number}
        if index is None:
            made = self._segment(lease, newest, files, own)
            return (made,) if made else ()
        made = self._segment(lease, None, files, own)
        return indexing.extended(self.store, index, made, lease.fence)

    def _is_whole(self, release: Release) -> bool:
        """Return whether the index of a release is there, as it was written."""
        index = self.index(release)
        try:
            for segment in index.segments if index else ():
                segment.check_digests()
        except SnapshotError:
            return False
        return index is not None

    def _segment(
        self, lease: Lease, release: Release | None, files: Mapping[str, Sequence[str]], release_of: Mapping[str, int]
    ) -> Segment | None:
        """Write a segment of all that a release holds, and of files of further batches."""
        names = {table: list(files.get(table, ())) for table in _HOLDING_DOCUMENTS}
        if release is not None:
            published = {entry.batch_id: entry.number for entry in self.standing(release) if entry.batch_id}
            release_of = {**published, **release_of}
            names = {table: [*self.files(table, release), *rest] for table, rest in names.items()}
        return indexing.make(self.store, names["documents"], names["signatures"], release_of, lease.fence)

    def _write_metrics(self, lease: Lease, batch_id: str, fingerprint: str, metrics: Sequence[Metric]) -> list[str]:
        if not metrics:
            return []
        rows = [{**metric._asdict(), "release": lease.number, "batch_id": batch_id} for metric in metrics]
        name = data_name("metrics", batch_id, fingerprint, 0)
        write_rows(self.store, "metrics", name, [pa.Table.from_pylist(rows, METRICS)])
        return [name]

    def _write_tombstones(
        self, lease: Lease, barred: Selection, known: Selection, found: Mapping[str, str], reason: str
    ) -> str:
        """Write what is newly barred: each published document with its text, the other ids and texts by themselves."""
        alone = barred.digests - set(found.values())
        pairs = [*((i, found.get(i)) for i in sorted(barred.ids)), *((None, digest) for digest in sorted(alone))]
        rows = [
            {"document_id": document, "text_digest": digest, "reason": reason, "at_release": lease.number}
            for document, digest in pairs
            if not ((document is None or document in known.ids) and (digest is None or digest in known.digests))
        ]
        name = data_name("tombstones", f"takedown-{lease.fence}", "", 0)
        write_rows(self.store, "tombstones", name, [pa.Table.from_pylist(rows, TOMBSTONES)])
        return name


def tag_of(release: Release) -> str:
    """Return the tag of a release in every table."""
    return f"release-{release.number:08d}"


def digest_of(release: Release | None) -> CorpusDigest:
    """Return the digest to continue from."""
    return CorpusDigest.from_text(release.digest_state, release.documents) if release else CorpusDigest()
