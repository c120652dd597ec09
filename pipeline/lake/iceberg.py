"""The published tables in Apache Iceberg: the only module that imports pyiceberg (2 s), so import it where it is needed.

A change never touches a table's `main` before its release is recorded. Each writer appends to a branch of its own that starts at
the snapshot which the newest release names; what a dead or outrun writer left on its branch is in no reader's way and in no later
release. `main` and a tag `release-00000001` are set afterwards, for readers that come without our records.
"""

from __future__ import annotations

import contextlib
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.table.update import RemoveSnapshotRefUpdate, SetSnapshotRefUpdate, TableUpdate
from pyiceberg.typedef import Record
from pyiceberg.types import DoubleType, FloatType, ListType, LongType, NestedField, PrimitiveType, StringType
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError

from pipeline.errors import ConfigError, ReleaseConflict, SnapshotError
from pipeline.lake.fileio import StoreIO, name_in
from pipeline.lake.format import TABLES_PRESENT, check_table
from pipeline.lake.store import Store
from pipeline.lake.tables import NAMESPACE, STATISTICS, TABLES, WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyiceberg.table import Table

_TYPES: dict[pa.DataType, PrimitiveType] = {
    pa.string(): StringType(),
    pa.int64(): LongType(),
    pa.float32(): FloatType(),
    pa.float64(): DoubleType(),
}
_WRITER = "writer-"
FORMAT = "sluice.format-version"
"""The table property that says which format a table has."""
_ATTEMPTS = 5


class Tables:
    """The tables of one lake."""

    def __init__(self, store: Store, url: str | None = None) -> None:
        self.store = store
        self._url = url
        self._files: dict[tuple[str, int], list[DataFile]] = {}

    def prepare(self) -> dict[str, int]:
        """Create what does not exist yet and return each table's first, empty snapshot; call it under the lease.

        A branch needs a snapshot to start from, so every table has an empty one below all others.
        """
        with contextlib.suppress(NamespaceAlreadyExistsError):  # between its look and its insert
            self._catalog.create_namespace_if_not_exists(NAMESPACE)
        return {name: self._first_snapshot(self._upgrade(self._create(name))) for name in TABLES}

    def _create(self, name: str) -> Table:
        identifier = (NAMESPACE, name)
        if not self._catalog.table_exists(identifier):
            iceberg = _iceberg_schema(TABLES[name])
            location = self.store.uri(Store.join(WAREHOUSE, NAMESPACE, name))
            with contextlib.suppress(TableAlreadyExistsError):
                properties = _properties(TABLES[name], iceberg)
                return self._catalog.create_table(identifier, iceberg, location=location, properties=properties)
        return self._load(name)

    @staticmethod
    def _upgrade(table: Table) -> Table:
        """Take a table to the present format; 0, from before tables said theirs, differs in nothing else."""
        if check_table(table.name()[-1], table.properties.get(FORMAT)) < TABLES_PRESENT:
            with table.transaction() as transaction:
                transaction.set_properties({FORMAT: str(TABLES_PRESENT)})
        return table

    @staticmethod
    def _first_snapshot(table: Table) -> int:
        if not table.metadata.snapshots:
            with table.transaction() as transaction:
                transaction.update_snapshot().fast_append().commit()
        return min(table.metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0).snapshot_id

    def files(self, table: str, snapshot: int) -> list[str]:
        """Return the names of the files that make up a snapshot, sorted."""
        return sorted(self._name(file.file_path) for file in self._data_files(table, snapshot))

    def named(self, table: str, snapshots: Iterable[int]) -> set[str]:
        """Return the names of the files of several snapshots; a manifest that they share is read once."""
        loaded = self._load(table)
        found: set[str] = set()
        read: set[str] = set()
        for snapshot in map(loaded.metadata.snapshot_by_id, set(snapshots)):
            if snapshot is None:
                raise SnapshotError(
                    f"the table '{table}' has lost a snapshot that a release names: restore its catalogue"
                )
            for manifest in snapshot.manifests(loaded.io):
                if manifest.manifest_path not in read:
                    read.add(manifest.manifest_path)
                    entries = manifest.fetch_manifest_entry(loaded.io)
                    found.update(self._name(entry.data_file.file_path) for entry in entries)
        return found

    def change(self, table: str, base: int, branch: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> int:
        """Make a snapshot that holds the files of `base` with some added and some removed, on a branch of its own.

        Returns
        -------
        int
            The new snapshot; `base` if there is nothing to change.

        Raises
        ------
        ReleaseConflict
            If the branch moved under this writer.
        """
        if not add and not remove:
            return base
        loaded, branch = self._load(table), _WRITER + branch
        gone = {file for file in self._data_files(table, base) if self._name(file.file_path) in set(remove)}
        try:
            self._move(loaded, [_to(branch, base)])
            with loaded.transaction() as transaction:
                update = transaction.update_snapshot(branch=branch)
                with update.overwrite() if gone else update.merge_append() as producer:
                    for file in gone:
                        producer.delete_data_file(file)
                    for name in add:
                        producer.append_data_file(self._data_file(name))
        except (CommitFailedException, ValidationException):
            raise ReleaseConflict(
                f"another writer changes the table '{table}': run again, on the newest release"
            ) from None
        made = loaded.metadata.snapshot_by_name(branch)
        if made is None or made.parent_snapshot_id != base:
            raise ReleaseConflict(f"another writer changed the branch of '{table}': run again, on the newest release")
        return int(made.snapshot_id)

    def settle(self, tables: Mapping[str, int], tag: str) -> None:
        """Let `main` and the tag of a release point where its record does, and remove the writers' branches.

        A convenience for other readers: if it fails here, the next change does it.
        """
        for name, snapshot in tables.items():
            try:
                loaded = self._load(name)
                refs = loaded.metadata.refs
                branches = [ref for ref in refs if ref.startswith(_WRITER)]
                main = refs["main"].snapshot_id if "main" in refs else None
                if main == snapshot and tag in refs and not branches:
                    continue
                updates = [_to("main", snapshot), *([] if tag in refs else [_to(tag, snapshot, "tag")])]
                self._move(loaded, [*updates, *(RemoveSnapshotRefUpdate(ref_name=branch) for branch in branches)])
            except (CommitFailedException, OperationalError):
                logging.getLogger(__name__).warning(
                    "table %s: main was not moved to %s; the next change does it", name, tag
                )

    # -- inside --------------------------------------------------------------------------------------------------------

    @cached_property
    def _catalog(self) -> Catalog:
        url = self._url
        if url is None:
            if not self.store.is_local:
                raise ConfigError("an object store needs a catalogue outside it: set lake.catalog to a SQLAlchemy URL")
            path = self.store.local_path(Store.join(WAREHOUSE, "catalog.db"))
            path.parent.mkdir(parents=True, exist_ok=True)
            # Another process may hold SQLite's lock for a moment: wait up to 30 s instead of 5.
            url = URL.create("sqlite", database=str(path), query={"timeout": "30"}).render_as_string(
                hide_password=False
            )
        properties = {
            "uri": url,
            "warehouse": self.store.uri(WAREHOUSE),
            "py-io-impl": f"{StoreIO.__module__}.{StoreIO.__name__}",
            StoreIO.ROOT: self.store.root,
        }
        if url.startswith(("http://", "https://")):
            return load_catalog("sluice", **properties)
        return SqlCatalog("sluice", **properties)

    def _move(self, table: Table, updates: Sequence[TableUpdate]) -> None:
        """Move branches and tags in one commit: `ManageSnapshots` copies the whole metadata for each of them."""
        for attempt in range(_ATTEMPTS):
            try:
                self._catalog.commit_table(table, (), tuple(updates))
                break
            except CommitFailedException:  # an outrun writer committed in the same moment
                if attempt == _ATTEMPTS - 1:
                    raise
        table.refresh()

    def _load(self, table: str) -> Table:
        try:
            loaded = self._catalog.load_table((NAMESPACE, table))
        except NoSuchTableError:
            raise SnapshotError(
                f"the catalogue does not know the table '{table}', which a release names: restore it, or check lake.catalog"
            ) from None
        check_table(table, loaded.properties.get(FORMAT))
        return loaded

    def _data_files(self, table: str, snapshot: int) -> list[DataFile]:
        """Return the data files of a snapshot; a snapshot never changes, so it is read once."""
        if (table, snapshot) not in self._files:
            loaded = self._load(table)
            found = loaded.metadata.snapshot_by_id(snapshot)
            if found is None:
                raise SnapshotError(
                    f"the table '{table}' has lost snapshot {snapshot}, which a release names: restore its catalogue"
                )
            manifests = found.manifests(loaded.io)
            files = [entry.data_file for manifest in manifests for entry in manifest.fetch_manifest_entry(loaded.io)]
            if any(file.content != DataFileContent.DATA for file in files):
                raise SnapshotError(
                    f"snapshot {snapshot} of '{table}' holds delete files of another tool: compact the table with it"
                )
            self._files[table, snapshot] = files
        return self._files[table, snapshot]

    def _data_file(self, name: str) -> DataFile:
        """Describe a file without statistics: how many rows and bytes, nothing of what they say."""
        import pyarrow.parquet as pq

        with self.store.open_input(name) as source:
            rows = pq.read_metadata(source).num_rows
        return DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=self.store.uri(name),
            file_format=FileFormat.PARQUET,
            partition=Record(),
            record_count=rows,
            file_size_in_bytes=self.store.size(name),
            spec_id=0,
        )

    def _name(self, location: str) -> str:
        return name_in(self.store, location)


def _to(ref: str, snapshot: int, kind: Literal["branch", "tag"] = "branch") -> TableUpdate:
    """Let a branch or tag point to a snapshot; no ancestry is checked, which is why only the holder of the lease does it."""
    return SetSnapshotRefUpdate(
        ref_name=ref,
        type=kind,
        snapshot_id=snapshot,
        max_ref_age_ms=None,
        max_snapshot_age_ms=None,
        min_snapshots_to_keep=None,
    )


def _iceberg_schema(schema: pa.Schema) -> Schema:
    """Return the Iceberg form of a schema, numbered in the columns' order."""
    fields, nested = [], len(schema)
    for number, field in enumerate(schema, start=1):
        if pa.types.is_list(field.type):
            nested += 1
            kind: Any = ListType(
                nested, _TYPES[field.type.value_type], element_required=not field.type.value_field.nullable
            )
        else:
            kind = _TYPES[field.type]
        fields.append(NestedField(number, field.name, kind, required=not field.nullable))
    return Schema(*fields)


def _properties(schema: pa.Schema, iceberg: Schema) -> dict[str, str]:
    """Return a table's properties: no statistics but of the listed columns, whichever engine writes to it later."""
    metrics = {f"write.metadata.metrics.column.{name}": "none" for name in schema.names if name not in STATISTICS}
    return {
        FORMAT: str(TABLES_PRESENT),
        "write.metadata.metrics.default": "none",
        **metrics,
        "write.parquet.compression-codec": "zstd",
        # Our files carry no Iceberg field numbers: columns are found by name.
        "schema.name-mapping.default": iceberg.name_mapping.model_dump_json(),
        # A nightly append makes a manifest each; merged from a hundred on.
        "commit.manifest-merge.enabled": "true",
        "write.metadata.delete-after-commit.enabled": "true",
        # Snapshots belong to releases: another engine's clean-up must not expire them.
        "gc.enabled": "false",
    }
