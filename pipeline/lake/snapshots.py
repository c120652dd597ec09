"""Snapshots: a stage's committed columns for one batch, and the one reader that assembles documents from them.

A shard of a batch is one file of columns a stage, all with the same rows in the same order; the reader zips what is asked for.
Text lies in files of its own, so that it can expire while the columns stay. It is read from where it was written last: by a stage
that changes it, or raw by `ingest` before that. Only files that a manifest names are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.document import COLUMNS, TEXT, VERDICT_COLUMN
from pipeline.errors import SnapshotError
from pipeline.faults import point
from pipeline.lake import expired
from pipeline.lake.manifest import Manifest, ShardFile
from pipeline.lake.store import Store
from pipeline.text.cuts import without

COLUMNS_ROLE = "columns"
TEXT_ROLE = "text"
RAW_ROLE = "raw"


@dataclass(frozen=True)
class Chain:
    """The committed snapshots of a batch's stages, in order; small enough to be handed to every worker."""

    lake: Store
    raw: Store
    manifests: tuple[Manifest, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in order."""
        return tuple(manifest.stage for manifest in self.manifests)

    @property
    def shards(self) -> int:
        """Number of shards; the same for every stage."""
        return len(self.manifests[0].shards()) if self.manifests else 0

    def fingerprints(self) -> dict[str, str]:
        """Return each stage's fingerprint."""
        return {manifest.stage: manifest.fingerprint for manifest in self.manifests}

    def manifest(self, stage: str) -> Manifest:
        """Return a stage's manifest.

        Raises
        ------
        SnapshotError
            If the stage is not in the chain.
        """
        for manifest in self.manifests:
            if manifest.stage == stage:
                return manifest
        raise SnapshotError(f"stage {stage} has no snapshot yet; run `sluice stage {stage}` first")

    def upto(self, stage: str) -> Chain:
        """Return the chain of the stages before `stage`."""
        names = self.stages
        end = names.index(stage) if stage in names else len(names)
        return Chain(self.lake, self.raw, self.manifests[:end])

    def through(self, stage: str) -> Chain:
        """Return the chain of the stages up to `stage`, itself included."""
        return Chain(self.lake, self.raw, self.manifests[: self.stages.index(stage) + 1])

    def read(self, stage: str, shard: int, columns: Sequence[str]) -> pa.Table:
        """Return columns of one stage's shard, all rows; its text is what `texts` reads."""
        return self._read(self.lake, self.manifest(stage), COLUMNS_ROLE, shard, columns)

    def read_row(self, stage: str, shard: int, row: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return columns of one row of a stage's shard, as Python values, reading no more of the file than a piece around it."""
        manifest = self.manifest(stage)
        there = [name for name in columns if not _came_later(manifest, name)]
        file = self._file(manifest, COLUMNS_ROLE, shard)
        with _snapshot_errors(file), self.lake.open_input(file.name) as source:
            parquet = pq.ParquetFile(source)
            group, first = 0, 0
            while row >= first + (length := parquet.metadata.row_group(group).num_rows):
                group, first = group + 1, first + length
            found = parquet.read_row_group(group, columns=there).slice(row - first, 1).to_pylist()[0]
        return {name: found.get(name) for name in columns}

    def read_raw(self, shard: int, columns: Sequence[str] = (TEXT,)) -> pa.Table:
        """Return columns of the raw shard, all rows."""
        return self._read(self.raw, self.manifest("ingest"), RAW_ROLE, shard, columns)

    def live(self, shard: int) -> npt.NDArray[np.bool_]:
        """Return which rows of a shard no stage of this chain has rejected or failed."""
        alive: npt.NDArray[np.bool_] | None = None
        for manifest in self.manifests:
            verdict = self.read(manifest.stage, shard, [VERDICT_COLUMN]).column(0)
            kept = np.asarray(verdict.is_null().to_numpy(zero_copy_only=False), bool)
            alive = kept if alive is None else alive & kept
        if alive is None:
            raise SnapshotError("the batch has no snapshot yet; run `sluice stage ingest` first")
        return alive

    def texts(self, shard: int) -> pa.ChunkedArray:
        """Return the shard's text as the last stage of this chain sees it; null where a row was rejected before that stage."""
        manifest = self._text_manifest()
        if manifest.stage == "ingest":
            return self._cut(shard, self.read_raw(shard).column(0))
        return self._read(self.lake, manifest, TEXT_ROLE, shard, [TEXT]).column(0)

    def _cut(self, shard: int, raw: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return raw text without what dedup cut: only the places are stored, so raw text lies in one place."""
        if "dedup" not in self.stages or self.manifest("dedup").switched_off:
            return raw
        cuts = pc.struct_field(self.read("dedup", shard, ["repetition"]).column(0).combine_chunks(), "cuts")
        return raw if cuts.null_count == len(cuts) else pa.chunked_array([without(raw.combine_chunks(), cuts)])

    def require_texts(self) -> None:
        """Make sure that the text which `texts` would read has not expired, before work is begun that needs it.

        Raises
        ------
        SnapshotError
            If it has; the message says when, by which policy, and how to get it back.
        """
        manifest = self._text_manifest()
        if entry := expired.expiry_of(self.lake, manifest):
            raise SnapshotError(expired.sentence(manifest.batch_id, entry))

    def documents(self, shard: int, columns: Sequence[str], rows: npt.NDArray[np.int64] | None = None) -> pa.Table:
        """Return documents of a shard: `columns` from whichever stage of the chain wrote them last, `text` among them.

        Parameters
        ----------
        shard
            Index of the shard.
        columns
            Names of columns, or ``stage.column`` where two stages have one of that name.
        rows
            Row numbers to take; all, if not given.
        """
        wanted: dict[str, list[str]] = {}
        for name in columns:
            if name != TEXT:
                stage, column = self._place(name)
                wanted.setdefault(stage, []).append(column)
        tables = {stage: self.read(stage, shard, names) for stage, names in wanted.items()}
        arrays = []
        for name in columns:
            if name == TEXT:
                array = self.texts(shard)
            else:
                stage, column = self._place(name)
                array = tables[stage].column(column)
            arrays.append(array if rows is None else array.take(pa.array(rows, pa.int64())))
        return pa.Table.from_arrays(arrays, names=list(columns))

    def each_live(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Return the live documents shard by shard."""
        for shard in range(self.shards):
            yield self.documents(shard, columns, np.flatnonzero(self.live(shard)).astype(np.int64))

    def _place(self, name: str) -> tuple[str, str]:
        if "." in name:
            stage, column = name.split(".", 1)
            return stage, column
        for stage in reversed(self.stages):
            if name in COLUMNS[stage].names and (name != "document_id" or stage == "ingest"):
                return stage, name
        raise SnapshotError(f"no stage before this one has a column '{name}' (stages: {', '.join(self.stages)})")

    def _text_manifest(self) -> Manifest:
        """Return the snapshot that changed the text last."""
        for manifest in reversed(self.manifests):
            if TEXT in COLUMNS[manifest.stage].names and not manifest.switched_off:
                return manifest
        return self.manifest("ingest")

    def _read(self, store: Store, manifest: Manifest, role: str, shard: int, columns: Sequence[str]) -> pa.Table:
        """Return columns of one file; if it is gone, say whether a policy took it.

        A column that came into a stage's schema after the snapshot was written is null; one that the snapshot promised must be there.
        """
        file = self._file(manifest, role, shard)
        later = [name for name in columns if role == COLUMNS_ROLE and _came_later(manifest, name)]
        try:
            found = read_file_columns(store, file, [name for name in columns if name not in later])
            if not later:
                return found
            nulls = {name: pa.nulls(file.rows, COLUMNS[manifest.stage].field(name).type) for name in later}
            return pa.table({name: nulls[name] if name in nulls else found.column(name) for name in columns})
        except SnapshotError:
            if entry := expired.expiry_of(self.lake, manifest, (role,)):
                raise SnapshotError(expired.sentence(manifest.batch_id, entry)) from None
            raise

    def _file(self, manifest: Manifest, role: str, shard: int) -> ShardFile:
        for file in manifest.shards(role):
            if file.shard == shard:
                return file
        raise SnapshotError(f"the manifest of stage {manifest.stage} names no {role} file for shard {shard}")


def _came_later(manifest: Manifest, column: str) -> bool:
    """Return whether a column of the stage is younger than a snapshot, by the schema that the snapshot's manifest states."""
    stated = manifest.columns
    return bool(stated) and column in COLUMNS[manifest.stage].names and f"\n{column}: " not in f"\n{stated}"


def write_shard(store: Store, folder: str, shard: int, role: str, table: pa.Table, attempt: str) -> ShardFile:
    """Write one shard file under a name of this attempt's own and return its entry for the manifest.

    Statistics are left out: they would carry values of texts and addresses (design: Parquet statistics hold no personal data).
    """
    name = f"{folder}/shard-{shard:05d}-{role}-{attempt}.parquet"
    point("stage.shard.before")
    with store.open_output(name) as sink:
        pq.write_table(
            table, sink, compression="zstd", compression_level=1, write_statistics=False, row_group_size=20_000
        )
    point("stage.shard.after")
    size, sha256 = store.digest(name)
    return ShardFile(shard=shard, role=role, name=name, rows=table.num_rows, bytes=size, sha256=sha256)


def read_file_columns(store: Store, file: ShardFile, columns: Sequence[str] | None) -> pa.Table:
    """Return columns of one file that a manifest names; None for all that it has.

    Raises
    ------
    SnapshotError
        If the file is gone or damaged.
    """
    with _snapshot_errors(file), store.open_input(file.name) as source:
        return pq.read_table(source, columns=None if columns is None else list(columns))


@contextmanager
def _snapshot_errors(file: ShardFile) -> Iterator[None]:
    """Say what is wrong with a file and what to do."""
    try:
        yield
    except FileNotFoundError:
        raise SnapshotError(f"{file.name} is named by a manifest but gone; run the stage again") from None
    except pa.ArrowInvalid as error:
        raise SnapshotError(
            f"{file.name} is damaged ({type(error).__name__}); remove it and run the stage again"
        ) from None


def unify(schema: pa.Schema, arrays: dict[str, Any], length: int) -> pa.Table:
    """Return a table of `schema` from some of its columns; the others are null."""
    return pa.table({f.name: arrays.get(f.name, pa.nulls(length, f.type)) for f in schema}, schema=schema)
