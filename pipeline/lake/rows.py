"""Reading rows of published files: narrow columns first, text only of the rows that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.lake.store import Store

BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Selection:
    """The rows with one of some ids, or with one of some text digests."""

    ids: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.digests)

    def columns(self, available: Sequence[str]) -> list[str]:
        """Return the columns that are needed to decide."""
        asked = {"document_id": self.ids, "published_digest": self.digests}
        return [name for name, values in asked.items() if values and name in available]

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return which rows are selected."""
        found = pa.chunked_array([pa.repeat(pa.scalar(False), rows.num_rows)])
        for name, values in (("document_id", self._id_array), ("published_digest", self._digest_array)):
            if len(values) and name in rows.schema.names:
                found = pc.or_(found, pc.is_in(rows[name], value_set=values))
        return found

    @cached_property
    def _id_array(self) -> pa.Array:
        return pa.array(self.ids, pa.string())

    @cached_property
    def _digest_array(self) -> pa.Array:
        return pa.array(self.digests, pa.string())


def read(
    store: Store,
    names: Iterable[str],
    columns: Sequence[str],
    *,
    only: Selection | None = None,
    without: Selection | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield rows of Parquet files, file by file.

    Parameters
    ----------
    store
        The lake.
    names
        The files.
    columns
        Columns to return, in this order.
    only
        Return the selected rows only; None: all.
    without
        Leave the selected rows out.

    Yields
    ------
    pa.RecordBatch
        At most 10,000 rows, none empty. Memory: one row group.

    Raises
    ------
    SnapshotError
        If a file is missing or is not Parquet.
    """
    for name in names:
        try:
            with store.open_input(name) as source, pq.ParquetFile(source, pre_buffer=True) as file:
                yield from _read_file(file, columns, only, without)
        except FileNotFoundError:
            raise SnapshotError(f"{name} is missing, and a release names it: restore it from a backup") from None
        except pa.ArrowInvalid:
            raise SnapshotError(f"{name} is damaged, and a release names it: restore it from a backup") from None


def _read_file(
    file: pq.ParquetFile, columns: Sequence[str], only: Selection | None, without: Selection | None
) -> Iterator[pa.RecordBatch]:
    """Decide on the narrow columns of the whole file, then read only the row groups that hold something wanted."""
    wanted = _wanted(file, only, without)
    start = 0
    for group in range(file.num_row_groups):
        length = file.metadata.row_group(group).num_rows
        mask = None if wanted is None else wanted.slice(start, length)
        start += length
        if mask is not None and not pc.any(mask).as_py():
            continue
        rows = file.read_row_group(group, columns=list(columns)).select(columns)
        if mask is not None:
            rows = rows.filter(mask)
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            if batch.num_rows:
                yield batch


def _wanted(file: pq.ParquetFile, only: Selection | None, without: Selection | None) -> pa.ChunkedArray | None:
    """Return which rows of a file are wanted, None if all are."""
    if only is None and not without:
        return None
    available = file.schema_arrow.names
    needed = {name for selection in (only, without) if selection for name in selection.columns(available)}
    narrow = file.read(columns=sorted(needed)) if needed else None
    wanted = pa.chunked_array([pa.repeat(pa.scalar(True), file.metadata.num_rows)])
    if only is not None:
        wanted = pc.and_(wanted, only.mask(narrow)) if narrow is not None else pc.invert(wanted)
    if without and narrow is not None:
        wanted = pc.and_(wanted, pc.invert(without.mask(narrow)))
    return wanted
