"""The commit of a stage: which files make up its snapshot, what it counted, and what it was made from.

A manifest is written last. A snapshot without one does not exist; readers take the files that it names and list no folder.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.errors import ContractViolation, SnapshotError
from pipeline.lake.record import BatchId, Digest, Part, Record, canonical
from pipeline.lake.store import Store
from pipeline.verdict import outcome

Count = Annotated[int, Field(ge=0)]
StageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class ShardFile(Part):
    """One file of a snapshot."""

    shard: Count
    """Index of the shard; the same in every stage of a batch."""
    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """What the file holds: `columns`; `text`, which its stage changed; or `raw`, which lies in the raw root."""
    name: str
    """Relative to the root of its store."""
    rows: Count
    bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @field_validator("name")
    @classmethod
    def _relative(cls, value: str) -> str:
        return Store.join(value)


class SourceCount(Part):
    """What a stage did with the documents of one source: read = kept + rejected + failed, unless something was lost."""

    source: str
    read: Count
    kept: Count
    rejected: dict[str, Count] = Field(default_factory=dict)
    """Documents by deciding reason."""
    failed: dict[str, Count] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_reasons(self) -> Self:
        for side, counts in (("rejected", self.rejected), ("failed", self.failed)):
            for reason in counts:
                if outcome(reason) != side:
                    raise ContractViolation(f"source '{self.source}': {reason} is not a reason for '{side}'")
        return self

    @property
    def lost(self) -> int:
        """Documents that were read and are on no side: 0, or the stage's gate blocks."""
        return self.read - self.kept - sum(self.rejected.values()) - sum(self.failed.values())


class Manifest(Record):
    """What one stage made of one batch."""

    undigested: ClassVar[frozenset[str]] = frozenset({"timings", "ingredients", "libraries"})

    format_version: Literal[1] = 1
    batch_id: BatchId
    stage: StageName
    fingerprint: Digest
    """Of input, pinned base, settings, code and models: what decides whether this snapshot may be reused."""
    inputs: dict[StageName, Digest] = Field(default_factory=dict)
    """Fingerprints of the snapshots that were read."""
    files: tuple[ShardFile, ...] = ()
    counts: tuple[SourceCount, ...] = ()
    metrics: dict[str, int | float | str | None] = Field(default_factory=dict)
    """Figures of the whole snapshot; null is *not measured*."""
    columns: str = ""
    """The files' schema, in its string form."""
    settings_digest: Digest
    code_digest: Digest
    models: dict[str, Digest] = Field(default_factory=dict)
    ingredients: dict[str, Digest] = Field(default_factory=dict)
    """Digest of each part of the fingerprint (code, settings, pinned, ...), so that it can be told what changed since. Not in the
    manifest's digest: it decides nothing, and manifests that were written without it stay readable."""
    libraries: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that decided the result; in no digest, as above."""
    switched_off: bool = False
    """True where the configuration switches the stage off: every document passed through, nothing was measured."""
    timings: dict[str, float] = Field(default_factory=dict)
    """Seconds by part of the work; in no digest."""

    @field_validator("files")
    @classmethod
    def _files_in_order(cls, value: tuple[ShardFile, ...]) -> tuple[ShardFile, ...]:
        ordered = tuple(sorted(value, key=lambda file: (file.role, file.shard)))
        places = [(file.role, file.shard) for file in ordered]
        if len(set(places)) < len(places):
            raise ContractViolation("a snapshot has two files of one role and shard")
        return ordered

    @field_validator("counts")
    @classmethod
    def _counts_in_order(cls, value: tuple[SourceCount, ...]) -> tuple[SourceCount, ...]:
        ordered = tuple(sorted(value, key=lambda count: count.source))
        if len({count.source for count in ordered}) < len(ordered):
            raise ContractViolation("a snapshot counts one source twice")
        return ordered

    @property
    def name(self) -> str:
        """Where the manifest lies."""
        return manifest_name(self.batch_id, self.stage, self.fingerprint)

    def content_digest(self) -> str:
        """Return the digest of what the snapshot holds and what it was made from; file names and times have no part in it."""
        files = [[file.role, file.shard, file.rows, file.sha256] for file in self.files]
        counts = [count.model_dump(mode="json") for count in self.counts]
        return hashlib.sha256(canonical([self.stage, self.fingerprint, files, counts])).hexdigest()

    def shards(self, role: str = "columns") -> tuple[ShardFile, ...]:
        """Return the files of one role, by shard."""
        return tuple(file for file in self.files if file.role == role)

    def total(self, side: Literal["read", "kept", "rejected", "failed"]) -> int:
        """Return the documents on one side of the equation, over all sources."""
        counts = (getattr(count, side) for count in self.counts)
        return sum(sum(value.values()) if isinstance(value, dict) else value for value in counts)


def manifest_name(batch_id: str, stage: str, fingerprint: str) -> str:
    """Return where the manifest of a snapshot lies, relative to the lake."""
    return Store.join("batches", batch_id, stage, fingerprint, "manifest.json")


def write(store: Store, manifest: Manifest) -> Manifest:
    """Commit a snapshot: write its manifest, last and atomically.

    Returns
    -------
    Manifest
        The committed one. Of two attempts at the same fingerprint the first stays, and the second learns so here: its files
        become orphans, never a second truth.
    """
    if store.create_exclusive(manifest.name, manifest.to_bytes()):
        return manifest
    return read(store, manifest.name)


def replace(store: Store, manifest: Manifest) -> Manifest:
    """Commit a snapshot in the place of one whose files have expired; a reader sees the one or the other."""
    store.write_atomic(manifest.name, manifest.to_bytes())
    return manifest


def read(store: Store, name: str) -> Manifest:
    """Read a committed manifest.

    Raises
    ------
    SnapshotError
        If it is missing, damaged, or of another format version.
    """
    manifest = Manifest.load(store, name, "remove the file, if it is there, and run the stage again")
    if manifest.name != name:
        raise SnapshotError(f"{name} belongs at {manifest.name}: remove the file and run the stage again")
    return manifest


def find(store: Store, batch_id: str, stage: str, fingerprint: str) -> Manifest | None:
    """Return the committed manifest of a snapshot, or None; a damaged one raises as in `read`."""
    name = manifest_name(batch_id, stage, fingerprint)
    return read(store, name) if store.exists(name) else None


def check_files(store: Store, manifest: Manifest, role: str = "columns", digests: bool = False) -> None:
    """Check that the files of one role are there with their sizes, and with `digests` their contents.

    Raises
    ------
    SnapshotError
        If a file is missing or differs.
    """
    for file in manifest.shards(role):
        try:
            found = store.digest(file.name) if digests else (store.size(file.name), file.sha256)
        except FileNotFoundError:
            found = None
        if found != (file.bytes, file.sha256):
            state = "missing" if found is None else "damaged"
            raise SnapshotError(f"{file.name} is {state}: remove {manifest.name} and run the stage again")
