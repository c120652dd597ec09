"""Changing the published corpus: publish, takedown, rollback, reindex.

Every change holds the one lease, gives the Iceberg tables new snapshots on branches of its own, and ends in one release record
that names them: the commit. A crash before the record leaves branches and files that no reader sees and no later release takes
up; a crash after it leaves a made release.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from pipeline.errors import ReleaseConflict, UserError
from pipeline.faults import point
from pipeline.lake.addition import check_addition, check_new, count_in
from pipeline.lake.format import add_root, prepared
from pipeline.lake.lease import Lease, hold
from pipeline.lake.release import Approval, RedactedSince, Redacting, Release, Signing
from pipeline.lake.rows import Selection
from pipeline.lake.tables import TABLES, Metric
from pipeline.lake.writer import Writer, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Approval", "Corpus", "Metric", "Release", "Signing"]

_ROLLED_BACK = ("documents", "signatures", "metrics")
"""Tables that a rollback sets back. Tombstones and decisions stay: what was taken down stays out, what was decided stays known."""


class Corpus(Writer):
    """The published corpus, to be read and changed."""

    @contextlib.contextmanager
    def lease(self, holder: str, ttl: float = 120.0) -> Iterator[Lease]:
        """Hold the corpus for several steps that end in one change; `LeaseHeld` if another writer holds it."""
        prepared(self.store)
        with hold(self._history, holder, ttl) as lease:
            # What this writer's tables will say of their files must be found when the lake has moved on.
            add_root(self.store, self.store.address)
            point("corpus.lease.after")
            yield lease

    def publish(
        self,
        *,
        base: int | None,
        batch_id: str,
        fingerprint: str,
        documents: Sequence[str],
        signatures: Sequence[str] = (),
        decisions: Sequence[str] = (),
        signing: Signing | None = None,
        redacting: Redacting | None = None,
        metrics: Sequence[Metric] = (),
        kpis: Mapping[str, Any] | None = None,
        marks: Sequence[str] = (),
        approved: Approval | None = None,
        lease: Lease | None = None,
    ) -> Release:
        """Publish a batch: its documents join the corpus, all of them or none.

        Parameters
        ----------
        base
            Number of the release that the batch was rebased on; None or 0: the empty corpus.
        batch_id, fingerprint
            The batch and its publish stage. Published already: that release is returned and nothing is done.
        documents, signatures, decisions
            Names of Parquet files that `pipeline.lake.tables.write_rows` wrote. Either every document has a signature or none.
        signing
            How the signatures were made, so that later batches can be signed alike.
        redacting
            How the texts were redacted, so that later batches are compared with them as it suits.
        metrics
            Figures of the batch, for the gates' history.
        kpis, marks, approved
            Kept in the release for ever.
        lease
            Held already; None: taken for this call.

        Raises
        ------
        ReleaseConflict
            If the base is not the newest release: rebase and try again.
        LeaseHeld
            If another writer is at work.
        ContractViolation
            If the files do not keep the tables' contract, or a document is in the corpus already or under a tombstone.
        """
        if done := self.find(batch_id, fingerprint):
            return done
        with self._under(lease, f"publish of {batch_id}") as held:
            if done := self.find(batch_id, fingerprint):  # by another process, in the meantime
                return done
            newest = self._still_newest(base)
            files = {"documents": documents, "signatures": signatures, "decisions": decisions}
            so_far = digest_of(newest)
            addition = check_addition(self.store, batch_id, files, so_far, self.tombstones(newest))
            index = self.index(newest)
            if index is not None:
                check_new(batch_id, len(index.places(addition.ids.to_pylist())))
            else:
                check_new(batch_id, count_in(self.documents(newest, ["document_id"]), addition.ids))
            add = {**addition.files, "metrics": self._write_metrics(held, batch_id, fingerprint, metrics)}
            return self._commit(
                held,
                newest,
                add=add,
                kind="publish",
                batch_id=batch_id,
                fingerprint=fingerprint,
                digest=addition.digest,
                added=addition.digest.rows - so_far.rows,
                index=self._index_with(held, newest, index, addition.files, batch_id),
                signings=_signings_with(newest, signing, signed=bool(signatures)),
                redactions=_redactions_with(newest, redacting),
                kpis=dict(kpis or {}),
                marks=tuple(marks),
                approved=approved,
            )

    def takedown(
        self, ids: Iterable[str], reason: str, text_digests: Iterable[str] = (), lease: Lease | None = None
    ) -> Release | None:
        """Take documents out of the corpus for good, and keep them and their texts from ever coming back.

        Parameters
        ----------
        ids
            Documents, published or not. A published one's text is barred too, and leaves with every document that has it.
        reason
            Why, without personal values; kept for ever.
        text_digests
            Further texts to bar, by sha256 (of the text before redaction, so that `ingest` knows it again).

        Returns
        -------
        Release | None
            The new release; the newest one (None: the empty corpus) if all of this was taken down before.

        Raises
        ------
        UserError
            If an id or digest has another form, or none is given.
        """
        asked = Selection(_checked(ids, 32, "document id"), _checked(text_digests, 64, "text digest"))
        if not asked:
            raise UserError("takedown: name at least one document id or text digest")
        with self._under(lease, "takedown") as held:
            newest = self.newest()
            found = self._published(newest, asked)
            # Other documents may have the same text.
            found |= self._published(newest, Selection(digests=frozenset(found.values())))
            barred = Selection(asked.ids | found.keys(), asked.digests | set(found.values()))
            known = self.tombstones(newest)
            if barred.ids <= known.ids and barred.digests <= known.digests:
                return newest
            digest, add, remove = self._without(newest, barred)
            add["tombstones"] = [self._write_tombstones(held, barred, known, found, reason)]
            return self._commit(
                held,
                newest,
                add=add,
                remove=remove,
                kind="takedown",
                digest=digest,
                removed=(newest.documents if newest else 0) - digest.rows,
                index=newest.index if newest else (),
                reason=reason,
                kpis=newest.kpis if newest else {},
                marks=newest.marks if newest else (),
            )

    def rollback(self, to: int, reason: str, approved: Approval | None = None, lease: Lease | None = None) -> Release:
        """Make the corpus what it was at release `to`, as a new release; what was taken down since stays out.

        Decisions and tombstones are never rolled back. Rolled back to already, or the newest itself: it is returned.

        Raises
        ------
        UserError
            If there is no such release.
        """
        with self._under(lease, f"rollback to {to}") as held:
            target, newest = self.get(to), self._newest()
            if to in (newest.number, newest.rolled_back_to):
                return newest
            start = {table: (target if table in _ROLLED_BACK else newest).tables[table] for table in TABLES}
            digest, add, remove = self._without(target, self.tombstones(newest))
            now = set(self.files("documents", target)) - set(remove["documents"]) | set(add["documents"])
            gone, new = self._apart(self.files("documents", newest), sorted(now))
            before, after = set(self._ids(gone)), set(self._ids(new))
            return self._commit(
                held,
                newest,
                start=start,
                add=add,
                remove=remove,
                kind="rollback",
                digest=digest,
                added=len(after - before),
                removed=len(before - after),
                reason=reason,
                rolled_back_to=to,
                signings=target.signings,
                # One that retention took is made anew by the next publish.
                index=target.index if self.index(target) is not None else None,
                kpis=target.kpis,
                marks=target.marks,
                approved=approved,
            )

    def reindex(self, lease: Lease | None = None) -> Release:
        """Make the index of near-duplicates anew from the tables, as a new release with the same documents.

        It mends an index that was lost, and forgets at once what was taken down. The newest release, if it is one of these and its
        index is whole, is returned.

        Raises
        ------
        UserError
            If there is no release yet.
        """
        with self._under(lease, "reindex") as held:
            newest = self._newest()
            if newest.kind == "reindex" and self._is_whole(newest):
                return newest
            made = self._segment(held, newest, {}, {})
            return self._commit(
                held,
                newest,
                kind="reindex",
                digest=digest_of(newest),
                index=(made,) if made else (),
                kpis=newest.kpis,
                marks=newest.marks,
            )

    # -- inside --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _under(self, lease: Lease | None, holder: str) -> Iterator[Lease]:
        """Use the caller's lease or take one."""
        if lease is not None:
            yield lease
            return
        with self.lease(holder) as own:
            yield own

    def _newest(self) -> Release:
        newest = self.newest()
        if newest is None:
            raise UserError("the corpus has no release yet: publish a batch first")
        return newest

    def _still_newest(self, base: int | None) -> Release | None:
        newest = self.newest()
        number = newest.number if newest else 0
        if number != (base or 0):
            raise ReleaseConflict(
                f"the batch builds on release {base or 0}, the newest is {number}: rebase it and publish again"
            )
        return newest


def _signings_with(newest: Release | None, signing: Signing | None, *, signed: bool) -> tuple[Signing, ...] | None:
    """Return the signings of a corpus that a batch joins; None where it is not known how some of its documents were signed."""
    known = newest.signings if newest else ()
    if known is None or (signed and signing is None):
        return None
    return known if signing is None or signing in known else (*known, signing)


def _redactions_with(newest: Release | None, redacting: Redacting | None) -> tuple[RedactedSince, ...]:
    """Return how the documents of a corpus that a batch joins were redacted."""
    known = newest.redactions if newest else ()
    if redacting is None or (known and known[-1].redacting == redacting):
        return known
    return (*known, RedactedSince(since=newest.number + 1 if newest else 1, redacting=redacting))


def _checked(values: Iterable[str], length: int, what: str) -> frozenset[str]:
    """Check ids or digests; a wrong one is not quoted, as it may be a name or an address."""
    checked = frozenset(values)
    if not all(re.fullmatch(rf"[0-9a-f]{{{length}}}", value) for value in checked):
        raise UserError(f"takedown: a {what} has {length} hexadecimal digits; look it up with `sluice explain`")
    return checked
