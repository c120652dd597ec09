"""Scratch files between the steps of a stage: hashes and numbers, never text; whoever reads them last removes them."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake.store import Store

Columns = TypeVar("Columns", bound=NamedTuple)


def write_scratch(lake: Store, folder: str, what: str, table: pa.Table) -> str:
    """Write a table and return the file's name, which no other attempt has."""
    name = f"{folder}/scratch-{what}-{uuid.uuid4().hex[:8]}.parquet"
    with lake.open_output(name) as sink:
        # Hashes do not compress, and to look for repetition among them costs more than to write them.
        pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    return name


def read_scratch(lake: Store, name: str) -> pa.Table:
    """Read what `write_scratch` wrote."""
    with lake.open_input(name) as source:
        return pq.read_table(source)


def rows_of(lake: Store, name: str) -> int:
    """Return the number of rows without reading them."""
    with lake.open_input(name) as source:
        return int(pq.ParquetFile(source).metadata.num_rows)


def write_columns(lake: Store, folder: str, what: str, columns: Any) -> str:
    """Write arrays of one length, a named tuple, and return the file's name."""
    return write_scratch(lake, folder, what, pa.table(columns._asdict()))


def read_columns(lake: Store, name: str, kind: type[Columns]) -> Columns:
    """Read what `write_columns` wrote."""
    return kind(*(column.to_numpy() for column in read_scratch(lake, name).columns))
