"""What retention took from a batch: `batches/<batch>/expired.json`, written before a file goes, so that its reader can be told.

File names are never used twice, so an entry holds for ever: a snapshot that is made again has other files.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from pipeline.faults import point
from pipeline.lake.manifest import Manifest, StageName
from pipeline.lake.record import BatchId, Digest, Part, Record
from pipeline.lake.store import Store

TEXT_ROLES = ("raw", "text")
"""Roles without which a snapshot can still be read and built upon, if only nobody asks for text."""
_WORDS = {"raw": "the raw text", "text": "the redacted text", "snapshot": "a superseded snapshot"}


class Expiry(Part):
    """One role of one snapshot that expired."""

    stage: StageName
    fingerprint: Digest
    role: str
    """The files' role in the manifest, or `snapshot` for all of it."""
    policy: str
    """The setting that said so, with its value."""
    at: dt.datetime
    files: tuple[str, ...]
    """Relative to the root of their store."""


class Expired(Record):
    """All that expired of one batch."""

    format_version: Literal[1] = 1
    batch_id: BatchId
    entries: tuple[Expiry, ...] = Field(default=())

    def files(self) -> dict[str, Expiry]:
        """Return the entry of each file."""
        return {name: entry for entry in self.entries for name in entry.files}


def record_name(batch_id: str) -> str:
    """Return where a batch's record lies, relative to the lake."""
    return Store.join("batches", batch_id, "expired.json")


def read(lake: Store, batch_id: str) -> Expired:
    """Return what expired of a batch; an empty record, if nothing did."""
    name = record_name(batch_id)
    if not lake.exists(name):
        return Expired(batch_id=batch_id)
    return Expired.load(lake, name, "restore it from a backup, or remove it if the batch's files are all there")


def mark(lake: Store, known: Expired, entries: list[Expiry]) -> Expired:
    """Add entries to a batch's record: from here on their files are gone for everybody, whether they lie there still or not."""
    marked = known.model_copy(update={"entries": (*known.entries, *entries)})
    point("gc.mark.before")
    lake.write_atomic(record_name(known.batch_id), marked.to_bytes())
    point("gc.mark.after")
    return marked


def expiry_of(lake: Store, manifest: Manifest, roles: tuple[str, ...] = TEXT_ROLES) -> Expiry | None:
    """Return why the files of some roles of a snapshot are gone, None if they are not."""
    found = read(lake, manifest.batch_id).files()
    return next((found[file.name] for file in manifest.files if file.role in roles and file.name in found), None)


def is_missing(lake: Store, manifest: Manifest, *, text: bool) -> bool:
    """Return whether files of a snapshot have expired without which it is of no use; those of text only count with `text`."""
    roles = {file.role for file in manifest.files}
    return expiry_of(lake, manifest, tuple(roles if text else roles.difference(TEXT_ROLES))) is not None


def sentence(batch_id: str, entry: Expiry) -> str:
    """Say what is gone, since when and by which policy, and how to get it back."""
    return (
        f"{_WORDS.get(entry.role, f'the {entry.role} of {entry.stage}')} of batch {batch_id} expired on {entry.at:%Y-%m-%d} by "
        f"policy ({entry.policy}); to replay it, bring the source's files again and run `sluice run CONFIG --replay`"
    )
