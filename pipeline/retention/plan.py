"""What of a batch may go: decided from its manifests, its releases and review cases and the store's times, file by file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from pipeline.document import COLUMNS
from pipeline.lake import manifest as manifests
from pipeline.lake.expired import Expired, Expiry
from pipeline.lake.manifest import Manifest
from pipeline.lake.store import TEMPORARY, Entry, Store
from pipeline.lake.tables import TABLES
from pipeline.retention.closing import State
from pipeline.settings import Retention

Kind = Literal["raw text", "text", "superseded", "candidate", "orphan"]
KINDS: tuple[Kind, ...] = ("raw text", "text", "superseded", "candidate", "orphan")
KIND_OF_ROLE: dict[str, Kind] = {"raw": "raw text", "text": "text", "snapshot": "superseded"}
_DEPTH = 4
"""Slashes in the name of a file of a snapshot: batches/<batch>/<stage>/<fingerprint>/<file>."""


class Due(NamedTuple):
    """A file that may go."""

    kind: Kind
    store: Store
    entry: Entry
    why: str


@dataclass(frozen=True)
class View:
    """Everything that lies in the lake of one batch, at one moment."""

    lake: Store
    batch_id: str
    state: State
    entries: Mapping[str, Entry]
    """Files of the batch's folder, by name."""
    raws: tuple[tuple[Store, Mapping[str, Entry]], ...]
    """Files of the batch's folder in each raw root that it was run with."""
    heads: frozenset[tuple[str, str]]
    """Stage and fingerprint of every snapshot that a run's head names."""
    gone: Expired

    @cached_property
    def snapshots(self) -> tuple[Manifest, ...]:
        """The committed snapshots of the batch."""
        names = (name for name in self.entries if name.count("/") == _DEPTH and name.endswith("/manifest.json"))
        return tuple(manifests.read(self.lake, name) for name in names)

    def is_superseded(self, manifest: Manifest) -> bool:
        """Return whether no run of the batch came to this snapshot last."""
        return (manifest.stage, manifest.fingerprint) not in self.heads

    def find(self, name: str) -> Iterator[tuple[Store, Entry]]:
        """Yield a file wherever it lies: in the batch's folder, in a raw root, in both."""
        if name in self.entries:
            yield self.lake, self.entries[name]
        for store, found in self.raws:
            if name in found:
                yield store, found[name]


def expiries(view: View, policy: Retention, now: dt.datetime) -> list[Expiry]:
    """Return what of a batch expires now: text of a closed batch, and snapshots that a later run replaced."""
    found = []
    texts = {"raw": ("raw_text_days", policy.raw_text_days), "text": ("text_days", policy.text_days)}
    known = view.gone.files()
    for manifest in view.snapshots:
        if view.is_superseded(manifest) and _is_due(view, days(policy.superseded_days), now):
            names = tuple(file.name for file in manifest.files if file.role not in TABLES)
            found.append(_expiry(manifest, "snapshot", f"superseded_days: {policy.superseded_days:g}", now, names))
            continue
        for role, (key, period) in texts.items():
            names = tuple(file.name for file in manifest.shards(role) if file.name not in known)
            if names and _is_due(view, days(period), now):
                found.append(_expiry(manifest, role, f"{key}: {period:g}", now, names))
    return found


def candidates(view: View, policy: Retention, now: dt.datetime, released: set[str]) -> list[Expiry]:
    """Return the files of release candidates that were not released and will not be as they are.

    A candidate that waits for a curator stays. One whose commit was never tried holds text, and goes when text does.
    """
    found = []
    known = view.gone.files()
    for manifest in view.snapshots:
        if view.state.kind == "unfinished" and not view.is_superseded(manifest):
            period, why = days(policy.text_days), f"text_days: {policy.text_days}"
        else:
            period, why = hours(policy.orphan_hours), f"orphan_hours: {policy.orphan_hours}"
        for role in TABLES if _is_due(view, period, now) else ():
            names = tuple(f.name for f in manifest.shards(role) if f.name not in released and f.name not in known)
            if names:
                found.append(_expiry(manifest, role, why, now, names))
    return found


def due(view: View, policy: Retention, now: dt.datetime, marks: Sequence[Expiry]) -> list[Due]:
    """Return the files of a batch's folders that may go: what expires now or expired before, and what nothing names.

    Manifests come first: a snapshot that can be found is whole.
    """
    dead = {name: mark for mark in (*view.gone.entries, *marks) for name in mark.files}
    for mark in marks:
        if mark.role == "snapshot":
            folder = f"batches/{view.batch_id}/{mark.stage}/{mark.fingerprint}/"
            dead |= {name: mark for name in view.entries if name.startswith(folder) and name not in dead}
    found = [
        Due(KIND_OF_ROLE.get(mark.role, "candidate"), store, entry, mark.policy)
        for name, mark in dead.items()
        for store, entry in view.find(name)
    ]
    if _is_due(view, hours(policy.orphan_hours), now):
        why = f"retention.orphan_hours: {policy.orphan_hours}"
        found += [Due("orphan", store, entry, why) for store, entry in _orphans(view) if entry.name not in dead]
    return sorted(found, key=lambda item: (not item.entry.name.endswith("/manifest.json"), item.entry.name))


def _orphans(view: View) -> Iterator[tuple[Store, Entry]]:
    """Yield the shards and scratch files that no manifest names, and whatever lies where a snapshot would and has no manifest."""
    committed = {manifest.name.rpartition("/")[0] for manifest in view.snapshots}
    named = {file.name for manifest in view.snapshots for file in manifest.files}
    for store, entries in ((view.lake, view.entries), *view.raws):
        for name, entry in entries.items():
            folder, _, file = name.rpartition("/")
            if is_temporary(name) or name.count("/") != _DEPTH or folder.split("/")[2] not in COLUMNS:
                continue
            if folder not in committed or (file.startswith(("shard-", "scratch-")) and name not in named):
                yield store, entry


def is_temporary(name: str) -> bool:
    """Return whether a file was never finished."""
    return name.rpartition("/")[2].startswith(TEMPORARY)


def is_old(entry: Entry, policy: Retention, now: dt.datetime) -> bool:
    """Return whether a file that nothing names is older than the grace time."""
    grace = hours(policy.orphan_hours)
    return grace is not None and now - entry.modified >= grace


def hours(count: float | None) -> dt.timedelta | None:
    """Return a period of hours; None, for ever, stays None."""
    return None if count is None else dt.timedelta(hours=count)


def days(count: float | None) -> dt.timedelta | None:
    """Return a period of days; None, for ever, stays None."""
    return None if count is None else dt.timedelta(days=count)


def _is_due(view: View, period: dt.timedelta | None, now: dt.datetime) -> bool:
    return period is not None and view.state.is_older(now, period)


def _expiry(manifest: Manifest, role: str, policy: str, now: dt.datetime, names: tuple[str, ...]) -> Expiry:
    where = {"stage": manifest.stage, "fingerprint": manifest.fingerprint, "role": role}
    return Expiry(**where, policy=f"retention.{policy}", at=now, files=names)
