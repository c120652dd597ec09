"""The published tables: their columns, and the one writer of their files.

The writer needs pyarrow only, so that Spark's workers can write the files which the publisher then commits. Statistics go into
a file's footer for a closed list of columns: a minimum or maximum of any other column could be text or a personal value.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ContractViolation
from pipeline.faults import point
from pipeline.lake.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

WAREHOUSE = "warehouse"
NAMESPACE = "corpus"

DOCUMENTS = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        # BCP 47.
        pa.field("language", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_kind", pa.string(), nullable=False),
        pa.field("uri", pa.string()),
        pa.field("license", pa.string()),
        pa.field("quality_score", pa.float32()),
        # Canonical JSON of the lineage record, and its sha256.
        pa.field("lineage", pa.string()),
        pa.field("lineage_digest", pa.string()),
        # sha256 of `text` in UTF-8.
        pa.field("published_digest", pa.string(), nullable=False),
        pa.field("batch_id", pa.string(), nullable=False),
    ]
)

SIGNATURES = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("published_digest", pa.string(), nullable=False),
        # Band hashes: what a later batch is compared with.
        pa.field("bands", pa.list_(pa.field("element", pa.int64(), nullable=False))),
    ]
)

DECISIONS = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("limit", pa.float64()),
        # An id, a type, a digest or a class of error: never text.
        pa.field("evidence", pa.string()),
    ]
)

METRICS = pa.schema(
    [
        pa.field("release", pa.int64(), nullable=False),
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        # Null for a figure of the whole batch.
        pa.field("source", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        # Null where it was not measured.
        pa.field("value", pa.float64()),
    ]
)

TOMBSTONES = pa.schema(
    [
        # Either may be null, not both: an id that may not come back, a text that may not come back.
        pa.field("document_id", pa.string()),
        pa.field("text_digest", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("at_release", pa.int64(), nullable=False),
    ]
)

TABLES: dict[str, pa.Schema] = {
    "documents": DOCUMENTS,
    "signatures": SIGNATURES,
    "decisions": DECISIONS,
    "metrics": METRICS,
    "tombstones": TOMBSTONES,
}
"""Every table, in the order in which a change commits them."""

STATISTICS = ("document_id", "batch_id", "source", "language", "stage", "reason", "release", "at_release")
"""Columns that may have a minimum and a maximum in a file's footer: ids, configured names and numbers of ours."""

_TEXT_ROWS, _NARROW_ROWS = 2_000, 50_000
_ROW_GROUP_BYTES = 64 * 2**20


class Metric(NamedTuple):
    """One figure of a batch, kept for the gates' history."""

    stage: str
    name: str
    value: float | None
    source: str | None = None


def data_name(table: str, batch_id: str, fingerprint: str, shard: int) -> str:
    """Return a new name for a data file, unique to this attempt, relative to the lake."""
    file = f"{batch_id}-{fingerprint[:16]}-{shard:05d}-{uuid.uuid4().hex}.parquet"
    return Store.join(WAREHOUSE, NAMESPACE, table, "data", file)


def stem_of(name: str) -> str:
    """Return the part of a data file's name that it shares with what is written in its place.

    >>> stem_of(data_name("documents", "b1", "feedfacecafebeef", 3))
    'b1-feedfacecafebeef-00003'
    """
    return name.rpartition("/")[2].rpartition("-")[0]


def renewed(name: str) -> str:
    """Return a new name for what is written in place of a data file: the same stem, so that the index finds its rows there."""
    folder, _, _ = name.rpartition("/")
    return Store.join(folder, f"{stem_of(name)}-{uuid.uuid4().hex}.parquet")


def write_rows(store: Store, table: str, name: str, rows: Iterable[pa.RecordBatch | pa.Table]) -> int:
    """Write rows of a published table to one Parquet file; the file appears complete or not at all.

    Parameters
    ----------
    store
        The lake.
    table
        Key of `TABLES`.
    name
        Where, as `data_name` gives it.
    rows
        Batches or tables that hold at least the table's columns, by name; a column of another type is cast safely. They are
        consumed one by one: memory stays at one row group.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ContractViolation
        If a column is missing or cannot be cast, or a null is where none may be.
    """
    schema = TABLES[table]
    limit = _TEXT_ROWS if "text" in schema.names else _NARROW_ROWS
    written, pending, pending_rows, pending_bytes = 0, list[pa.Table](), 0, 0
    options = {
        "compression": "zstd",
        "compression_level": 3,
        "write_statistics": [column for column in schema.names if column in STATISTICS],
    }
    point("table.file.before")
    with store.open_output(name) as sink, pq.ParquetWriter(sink, schema, **options) as writer:

        def flush() -> None:
            part = pa.concat_tables(pending)
            by_bytes = part.num_rows * _ROW_GROUP_BYTES // max(1, part.nbytes)
            writer.write_table(part, row_group_size=max(1, min(limit, by_bytes)))
            pending.clear()

        for batch in rows:
            part = conform(batch, table)
            if part.num_rows == 0:
                continue
            pending.append(part)
            written += part.num_rows
            pending_rows, pending_bytes = pending_rows + part.num_rows, pending_bytes + part.nbytes
            if pending_rows >= limit or pending_bytes >= _ROW_GROUP_BYTES:
                flush()
                pending_rows = pending_bytes = 0
        if pending:
            flush()
    point("table.file.after")
    return written


def conform(rows: pa.RecordBatch | pa.Table, table: str) -> pa.Table:
    """Return the columns of `table`, in its order and types; see `write_rows`."""
    schema = TABLES[table]
    if missing := [name for name in schema.names if name not in rows.schema.names]:
        raise ContractViolation(f"rows for the table '{table}' lack the column '{missing[0]}'")
    columns = []
    for field in schema:
        column = rows.column(field.name)
        try:
            # The message of a failed cast may quote the value: name the column only.
            column = column if column.type == field.type else column.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            kind = rows.schema.field(field.name).type
            raise ContractViolation(f"'{table}.{field.name}' cannot be turned from {kind} into {field.type}") from None
        if not field.nullable and column.null_count:
            raise ContractViolation(f"'{table}.{field.name}' is null in {column.null_count} rows; it may not be")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)
