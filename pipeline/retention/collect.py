"""`sluice gc`: marks what may go, then removes it; killed anywhere and run again, it ends the same.

Nothing is decided by a listing alone. What a release names stays; a batch's files are looked at anew right before they are marked;
and files of the corpus are removed under the writer's lease only, so that no release can come to name one meanwhile.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.batch import corpus, lake_store, list_batches, load_batch
from pipeline.errors import SluiceError
from pipeline.faults import point
from pipeline.lake import expired
from pipeline.lake.expired import Expiry
from pipeline.lake.manifest import manifest_name
from pipeline.lake.places import FOLDER as PLACES
from pipeline.lake.places import snapshot_of
from pipeline.lake.release import Release
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Entry, Store
from pipeline.lake.tables import NAMESPACE, TABLES, WAREHOUSE
from pipeline.retention.closing import state_of
from pipeline.retention.index_files import dead_index_files
from pipeline.retention.plan import KINDS, Due, View, candidates, due, expiries, is_old, is_temporary
from pipeline.review import cases
from pipeline.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with what is looked at, how many are done and how many there are."""


@dataclass
class Report:
    """What went, or would go."""

    dry_run: bool
    gone: list[Due] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """What could not be looked at or had to wait, one sentence each."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a kind: files, bytes, when the oldest was changed last, and by which settings."""
        return [_row(kind, [item for item in self.gone if item.kind == kind]) for kind in KINDS]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {"dry_run": self.dry_run, "kinds": self.rows(), "skipped": self.skipped}


def collect(settings: Settings, now: dt.datetime, *, dry_run: bool = False, progress: Progress | None = None) -> Report:
    """Remove what the retention settings let go; with `dry_run` only say what that is.

    Parameters
    ----------
    settings
        The configuration; its section `retention` says what may go.
    now
        The time that ages are taken from.
    dry_run
        Change nothing.
    progress
        Told of every batch that was looked at.
    """
    collector = _Collector(settings, now, Report(dry_run))
    views = list(collector.views(progress))
    collector.collect_candidates(views)
    for number, view in enumerate(views):
        collector.collect_batch(view)
        if progress:
            progress("batches collected", number + 1, len(views))
    collector.collect_places()
    collector.collect_temporary()
    return collector.report


@dataclass
class _Collector:
    settings: Settings
    now: dt.datetime
    report: Report

    @cached_property
    def lake(self) -> Store:
        return lake_store(self.settings)

    @cached_property
    def corpus(self) -> Corpus:
        return corpus(self.settings)

    @cached_property
    def raws(self) -> dict[str, tuple[Store, ...]]:
        """The raw roots of each batch: one, unless its configurations say otherwise."""
        found: dict[str, dict[str, Store]] = {}
        for reference in list_batches(self.settings):
            batch = reference["batch_id"]
            try:
                raw = load_batch(reference).raw
            except SluiceError as error:
                self.report.skipped.append(f"batch {batch} is left as it is: {error}")
                found[batch] = {}
                continue
            found.setdefault(batch, {raw.root: raw})
            if found[batch]:
                found[batch][raw.root] = raw
        return {batch: tuple(stores.values()) for batch, stores in found.items() if stores}

    def views(self, progress: Progress | None) -> Iterator[View]:
        """Yield every batch that can be read as it lies there now."""
        standing = self._standing()
        for number, batch in enumerate(self.raws):
            if progress:
                progress("batches looked at", number, len(self.raws))
            try:
                view = self._look(batch, standing)
                if view.snapshots or view.entries:
                    yield view
            except SluiceError as error:
                self.report.skipped.append(f"batch {batch} is left as it is: {error}")

    # -- files of the corpus -------------------------------------------------------------------------------------------

    def collect_candidates(self, views: list[View]) -> None:
        """Remove the files below `warehouse/` that no release names and no batch waits to publish."""
        if not self._dead(views, self.corpus.released_files()):
            return
        try:
            with nullcontext() if self.report.dry_run else self.corpus.lease("gc"):
                # Under the lease no release is made: what none names now, none will name. Batches may have moved on till then.
                if not self.report.dry_run:
                    standing = self._standing()
                    views = [self._look(view.batch_id, standing) for view in views]
                dead = self._dead(views, released := self.corpus.released_files())
                for view in views:
                    self._mark(view, candidates(view, self.settings.retention, self.now, released))
                self._remove(dead)
        except SluiceError as error:
            self.report.skipped.append(f"files of the corpus are left as they are: {error}")

    def _dead(self, views: Sequence[View], released: set[str]) -> list[Due]:
        """Return the data files that may go: of candidates that expired, and what nobody names and nobody has just written."""
        policy = self.settings.retention
        kept, reasons = set(released), dict[str, str]()
        # What a batch that cannot be read waits to publish is not known: whatever is called after it stays.
        unread = {name.split("/")[1] for name in self.lake.list("batches")} - {view.batch_id for view in views}
        for view in views:
            marks = (*view.gone.entries, *candidates(view, policy, self.now, released))
            gone = {name: mark.policy for mark in marks if mark.role in TABLES for name in mark.files}
            reasons |= gone
            kept.update(f.name for m in view.snapshots for f in m.files if f.role in TABLES and f.name not in gone)
        found = []
        for entry in self.lake.entries(f"{WAREHOUSE}/{NAMESPACE}"):
            if entry.name.split("/")[3] != "data" or entry.name in kept or is_temporary(entry.name):
                continue
            if entry.name in reasons:
                found.append(Due("candidate", self.lake, entry, reasons[entry.name]))
            elif is_old(entry, policy, self.now) and entry.name.split("/")[4].split("-")[0] not in unread:
                found.append(Due("orphan", self.lake, entry, f"retention.orphan_hours: {policy.orphan_hours}"))
        return [*found, *dead_index_files(self.lake, self.corpus.history(), policy, self.now)]

    # -- files of batches ----------------------------------------------------------------------------------------------

    def collect_batch(self, view: View) -> None:
        """Let a batch's texts and replaced snapshots expire, and remove what nothing names."""
        policy = self.settings.retention
        if not due(view, policy, self.now, expiries(view, policy, self.now)):
            return
        try:
            if not self.report.dry_run:
                view = self._look(view.batch_id, self._standing())  # it may have been opened again meanwhile
            marks = expiries(view, policy, self.now)
            found = due(view, policy, self.now, marks)
            self._mark(view, marks)
            self._remove(found)
        except SluiceError as error:
            self.report.skipped.append(f"batch {view.batch_id} is left as it is: {error}")

    def collect_temporary(self) -> None:
        """Remove what killed writers left half written."""
        policy = self.settings.retention
        why = f"retention.orphan_hours: {policy.orphan_hours}"
        elsewhere = {
            raw for raws in self.raws.values() for raw in raws if not raw.root.startswith(f"{self.lake.root}/")
        }
        for store, prefix in [
            (self.lake, ""),
            *((raw, "batches") for raw in sorted(elsewhere, key=lambda raw: raw.root)),
        ]:
            left = [entry for entry in store.entries(prefix) if is_temporary(entry.name)]
            self._remove(Due("orphan", store, entry, why) for entry in left if is_old(entry, policy, self.now))

    def collect_places(self) -> None:
        """Remove the places of documents of snapshots that are gone, or never were committed."""
        policy = self.settings.retention
        for entry in self.lake.entries(PLACES):
            batch, fingerprint = snapshot_of(entry.name)
            if is_temporary(entry.name) or self.lake.exists(manifest_name(batch, "ingest", fingerprint)):
                continue
            if is_old(entry, policy, self.now):
                self._remove([Due("orphan", self.lake, entry, f"retention.orphan_hours: {policy.orphan_hours}")])

    # -- inside --------------------------------------------------------------------------------------------------------

    def _look(self, batch: str, standing: dict[str, Release]) -> View:
        """Return a batch as it lies there now."""
        folder = f"batches/{batch}"
        entries = _by_name(self.lake.entries(folder))
        raws = tuple((raw, _by_name(raw.entries(folder))) for raw in self.raws[batch])
        times = [entry.modified for found in (entries, *(found for _, found in raws)) for entry in found.values()
                 if entry.name != expired.record_name(batch)]  # fmt: skip
        database = cases.database_of(self.settings)
        known = cases.list_cases(database, batch_id=batch) if cases.is_begun(database) else []
        heads = [name for name in entries if name.startswith(f"{folder}/head-")]
        return View(
            lake=self.lake,
            batch_id=batch,
            state=state_of(batch, standing, known, max(times, default=self.now), self.now),
            entries=entries,
            raws=raws,
            heads=frozenset((stage, mark) for name in heads for stage, mark in json.loads(self.lake.read_bytes(name))),
            gone=expired.read(self.lake, batch),
        )

    def _standing(self) -> dict[str, Release]:
        return {release.batch_id: release for release in self.corpus.standing() if release.batch_id}

    def _mark(self, view: View, marks: list[Expiry]) -> None:
        """Write down what expires, unless an earlier call that was killed did."""
        known = {(entry.role, entry.files) for entry in view.gone.entries}
        new = [mark for mark in marks if (mark.role, mark.files) not in known]
        if new and not self.report.dry_run:
            expired.mark(self.lake, expired.read(self.lake, view.batch_id), new)

    def _remove(self, found: Iterable[Due]) -> None:
        for item in found:
            if not self.report.dry_run:
                point("gc.file.before")
                item.store.remove(item.entry.name)
                point("gc.file.after")
            self.report.gone.append(item)


def _by_name(entries: Iterable[Entry]) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}


def _row(kind: str, items: list[Due]) -> dict[str, Any]:
    oldest = min((item.entry.modified for item in items), default=None)
    return {
        "kind": kind,
        "files": len(items),
        "bytes": sum(item.entry.bytes for item in items),
        "oldest": oldest.isoformat(timespec="seconds") if oldest else None,
        "why": ", ".join(sorted({item.why for item in items})) or None,
    }
