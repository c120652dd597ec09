"""A batch: one run's input, the settings it is run with and the base it is pinned to.

`batches/<batch_id>/batch.json` says what came in and which release the batch is compared with; it is written once, when the batch
is first opened, and never again. The batch's id is a digest of its input, so the same files are the same batch whatever they are
called with; each configuration it is run with lies beside it as `settings-<digest>.json`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from pipeline import config
from pipeline.errors import SnapshotError, SourceChanged, SourceUnreadable, UserError
from pipeline.faults import point
from pipeline.fingerprint import digest
from pipeline.lake.format import opened, prepared
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.settings import Settings
from pipeline.source import Format, Source, unfit_address
from pipeline.sources.access import OPEN, Access
from pipeline.sources.files import SourceFile, list_files
from pipeline.sources.parts import Part

FORMAT_VERSION = 1
logger = logging.getLogger(__name__)


class InputFile(BaseModel):
    """One file of a batch's input."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str
    path: str
    """Relative to its source; the place that records name."""
    uri: str
    size: int
    format: Format
    sha256: str

    def opened(self, access: Access = OPEN, part: Part | None = None) -> SourceFile:
        """Return the file, or a part of it, in the form that readers take."""
        return SourceFile(self.source, self.uri, self.path, self.size, self.format, access, part)


class UnreadFile(BaseModel):
    """A file that lies in a source and is not read: no reader knows its format, or it is a link out of the source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str
    path: str
    reason: str


class FailedSource(BaseModel):
    """A source that was left out whole, because a file or a listing of it could not be read when the batch was opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str
    path: str
    """The file; empty where the source could not be listed."""
    error: str
    """Class of the error."""


class BatchRecord(BaseModel):
    """What `batch.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format_version: int = FORMAT_VERSION
    batch_id: str
    inputs: tuple[InputFile, ...]
    unread: tuple[UnreadFile, ...] = ()
    """Files that lie in a source and are not read."""
    failed: tuple[FailedSource, ...] = ()
    """Sources that could not be read: the batch is one of the others."""
    base: int | None
    """Number of the release that the batch is compared with; None before the first one."""
    key_epoch: int = 0
    """Of the pseudonyms' key; it goes before the configuration's."""


@dataclass(frozen=True)
class Batch:
    """An opened batch."""

    record: BatchRecord
    settings: Settings
    settings_digest: str

    @property
    def batch_id(self) -> str:
        """The batch's id."""
        return self.record.batch_id

    @cached_property
    def lake(self) -> Store:
        """Where everything but raw text lies."""
        return lake_store(self.settings)

    @cached_property
    def raw(self) -> Store:
        """Where text before redaction lies."""
        return Store(self.settings.lake.raw_root or self.lake.child("raw"))

    @cached_property
    def corpus(self) -> Corpus:
        """The published corpus."""
        return corpus(self.settings)

    def reference(self) -> dict[str, str]:
        """Return the small reference that tasks pass on."""
        return {"lake": self.settings.lake.root, "batch_id": self.batch_id, "settings": self.settings_digest}


def lake_store(settings: Settings) -> Store:
    """Return the store of the settings' lake, in a format that this program reads."""
    return opened(Store(settings.lake.root))


def corpus(settings: Settings) -> Corpus:
    """Return the published corpus of the settings' lake."""
    return Corpus(lake_store(settings), settings.lake.catalog)


def open_batch(
    settings: Settings,
    inputs: Mapping[str, Sequence[str]] | None = None,
    only: Sequence[str] | None = None,
    expected: str | None = None,
) -> Batch:
    """Open the batch of the settings' input, new or known.

    Parameters
    ----------
    settings
        The configuration.
    inputs
        Paths that replace a source's own, by source name.
    only
        Sources to take; all, if not given.
    expected
        Id of the batch that the input must make; any, if not given.

    Raises
    ------
    UserError
        If a named source is not configured.
    SourceChanged
        If the input makes another batch than the expected one.
    SourceUnavailable
        If a source's files cannot be found.
    """
    settings = _with_inputs(settings, inputs or {}, only)
    files, unread, failed = _list(settings)
    batch_id = batch_id_of(files, failed)
    if expected not in {None, batch_id}:
        names = ", ".join(sorted({source.name for source in settings.ingestion.sources}))
        raise SourceChanged(
            f"source '{names}': its input changed since it was found (then batch {expected}, now {batch_id}), and nothing was opened; "
            "the next nightly finds it again once it is complete"
        )
    lake = prepared(lake_store(settings))
    name = f"batches/{batch_id}/batch.json"
    if not lake.exists(name):
        newest = corpus(settings).newest()
        record = BatchRecord(
            batch_id=batch_id,
            inputs=files,
            unread=unread,
            failed=failed,
            base=newest.number if newest else None,
            key_epoch=settings.pii.key_epoch,
        )
        # Two may open the same batch at once: the first one's base is the batch's base.
        point("batch.record.before")
        lake.create_exclusive(name, record.model_dump_json(indent=1).encode())
        point("batch.record.after")
    settings_digest = digest(settings.model_dump(mode="json"))[:16]
    point("batch.settings.before")
    lake.write_atomic(
        f"batches/{batch_id}/settings-{settings_digest}.json", settings.model_dump_json(indent=1).encode()
    )
    point("batch.settings.after")
    return load_batch({"lake": settings.lake.root, "batch_id": batch_id, "settings": settings_digest})


def load_batch(reference: Mapping[str, str]) -> Batch:
    """Return the batch of a reference, which `Batch.reference` gave.

    Raises
    ------
    SnapshotError
        If the lake has no such batch or its record is of another format version.
    """
    lake = opened(Store(reference["lake"]))
    folder = f"batches/{reference['batch_id']}"
    try:
        record = cast("dict[str, Any]", json.loads(lake.read_bytes(f"{folder}/batch.json")))
        data = json.loads(lake.read_bytes(f"{folder}/settings-{reference['settings']}.json"))
    except FileNotFoundError:
        raise SnapshotError(
            f"the lake {reference['lake']} has no batch {reference['batch_id']} with settings {reference['settings']}; "
            "`sluice batch list` shows the batches it has"
        ) from None
    if record.get("format_version") != FORMAT_VERSION:
        raise SnapshotError(
            f"batch {reference['batch_id']} has format version {record.get('format_version')}, this program reads {FORMAT_VERSION}"
        )
    settings = _where_it_lies_now(config.validate({"data_pipeline": data}), reference["lake"])
    opened_as = BatchRecord.model_validate(record)
    pinned = settings.pii.model_copy(update={"key_epoch": opened_as.key_epoch})
    return Batch(opened_as, settings.model_copy(update={"pii": pinned}), reference["settings"])


def _where_it_lies_now(settings: Settings, root: str) -> Settings:
    """Return a batch's settings with the lake's present root: it may have been moved since the batch was opened."""
    then, raw = settings.lake.root, settings.lake.raw_root
    if raw is not None and raw.startswith(f"{then}/"):
        raw = root + raw.removeprefix(then)
    return settings.model_copy(update={"lake": settings.lake.model_copy(update={"root": root, "raw_root": raw})})


def list_batches(settings: Settings, batch_id: str | None = None) -> list[dict[str, str]]:
    """Return a reference for every batch of the lake, or for one, and every configuration it was run with, oldest name first."""
    lake = lake_store(settings)
    found = []
    for name in sorted(lake.list(f"batches/{batch_id}" if batch_id else "batches")):
        parts = Path(name).parts
        if len(parts) == 3 and parts[2].startswith("settings-"):
            digest_part = parts[2].removeprefix("settings-").removesuffix(".json")
            found.append({"lake": settings.lake.root, "batch_id": parts[1], "settings": digest_part})
    return found


def batch_id_of(files: Sequence[InputFile], failed: Sequence[FailedSource] = ()) -> str:
    """Return the id of the batch that some files make: a digest of their sources, relative paths and contents.

    A source that could not be read is in the id as that, so that the batch is another one once it can.
    """
    made_of = [[file.source, file.path, file.sha256] for file in files]
    made_of += [[entry.source, entry.path, "unreadable"] for entry in failed]
    return f"b{digest(sorted(made_of))[:16]}"


def input_files(source: Source) -> tuple[tuple[InputFile, ...], tuple[UnreadFile, ...]]:
    """Return a source's files with their digests, and those that are not read."""
    listing = list_files(source)
    files = tuple(
        InputFile(
            source=file.source, path=file.path, uri=file.uri, size=file.size, format=file.format, sha256=file.sha256()
        )
        for file in listing.files
    )
    return files, tuple(UnreadFile(source=source.name, path=file.path, reason=file.reason) for file in listing.unread)


def _list(settings: Settings) -> tuple[tuple[InputFile, ...], tuple[UnreadFile, ...], tuple[FailedSource, ...]]:
    """Return the files of the sources; a source that cannot be read fails alone and whole, unless it is the only one.

    It is decided here, and pinned with the batch, so that the batch is the same however often its stages are tried.
    """
    files: list[InputFile] = []
    unread: list[UnreadFile] = []
    errors: list[tuple[str, SourceUnreadable]] = []
    for source in settings.ingestion.sources:
        try:
            found = input_files(source)
        except SourceUnreadable as error:
            errors.append((source.name, error))
        else:
            files += found[0]
            unread += found[1]
    if len(errors) == len(settings.ingestion.sources):
        raise errors[0][1]
    for _, said in errors:
        logger.warning("%s. The batch is opened without this source; its gate flags that.", said)
    failed = tuple(FailedSource(source=name, path=said.path, error=said.error) for name, said in errors)
    return tuple(files), tuple(unread), failed


def _with_inputs(settings: Settings, inputs: Mapping[str, Sequence[str]], only: Sequence[str] | None) -> Settings:
    names = [source.name for source in settings.ingestion.sources]
    for name in (*inputs, *(only or ())):
        if name not in names:
            raise UserError(f"the configuration has no source '{name}'; it has {', '.join(names)}")
        if complaint := unfit_address(name, list(inputs.get(name, ()))):
            raise UserError(complaint)
    wanted = set(only) if only else set(inputs) or set(names)
    sources = tuple(
        source.model_copy(update={"paths": tuple(inputs[source.name])}) if source.name in inputs else source
        for source in settings.ingestion.sources
        if source.name in wanted
    )
    return settings.model_copy(update={"ingestion": settings.ingestion.model_copy(update={"sources": sources})})
