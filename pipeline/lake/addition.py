"""What a batch wants to add to the corpus, checked before anything is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import ContractViolation
from pipeline.lake.digest import DIGESTED, CorpusDigest
from pipeline.lake.rows import read
from pipeline.lake.tables import STATISTICS, TABLES, WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.lake.rows import Selection
    from pipeline.lake.store import Store

_IDS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Addition:
    """Checked files of a batch, without the empty ones, and the ids of its documents."""

    files: dict[str, list[str]]
    ids: pa.ChunkedArray
    digest: CorpusDigest


def check_addition(
    store: Store, batch_id: str, files: Mapping[str, Sequence[str]], base: CorpusDigest, tombstones: Selection
) -> Addition:
    """Check a batch's files against what the tables promise and against the tombstones.

    Parameters
    ----------
    store
        The lake.
    batch_id
        The batch that the documents must name.
    files
        Names by table.
    base
        The corpus' digest so far; the addition's digest continues from it.
    tombstones
        What may not come back.

    Raises
    ------
    ContractViolation
        If a file lies outside `warehouse/`, has other columns or forbidden statistics, an id comes twice, a document is under a
        tombstone or of another batch, or some documents have signatures and some have none.
    """
    checked = {table: [name for name in names if _check_file(store, table, name)] for table, names in files.items()}
    digest = CorpusDigest(base.state, base.rows)
    ids = []
    for batch in read(store, checked["documents"], [*DIGESTED, "batch_id"]):
        if pc.any(pc.not_equal(batch["batch_id"], batch_id)).as_py():
            raise ContractViolation(f"documents of another batch are among those of '{batch_id}'")
        if tombstones and pc.any(tombstones.mask(pa.Table.from_batches([batch]))).as_py():
            raise ContractViolation(
                f"batch '{batch_id}' holds a document that was taken down: rebase it on the newest release"
            )
        digest.add(batch)
        ids.append(batch["document_id"])
    known = pa.chunked_array(ids, pa.string())
    _check_unique(known, f"batch '{batch_id}'")
    signed = pa.chunked_array(
        [batch["document_id"] for batch in read(store, checked["signatures"], ["document_id"])], pa.string()
    )
    if len(signed) and (len(signed) != len(known) or not pc.all(pc.is_in(signed, value_set=known)).as_py()):
        raise ContractViolation(f"batch '{batch_id}': its signatures are not those of its documents, one for each")
    _check_unique(signed, f"the signatures of batch '{batch_id}'")
    return Addition(checked, known, digest)


def check_new(batch_id: str, known: int) -> None:
    """Check that none of a batch's documents is in the corpus already; `ContractViolation` if some are known there."""
    if known:
        raise ContractViolation(
            f"{known} documents of batch '{batch_id}' are in the corpus already: rebase it on the newest release"
        )


def count_in(corpus: Iterable[pa.RecordBatch], ids: pa.ChunkedArray) -> int:
    """Return how many of some ids a corpus holds; it gives the column `document_id`."""
    if not len(ids):
        return 0
    waiting, rows, found = list[pa.Array](), 0, 0
    # Each comparison hashes the batch's ids once, so it pays to compare with many at a time.
    for batch in corpus:
        waiting.append(batch["document_id"])
        rows += batch.num_rows
        if rows >= _IDS_AT_ONCE:
            found += _count(waiting, ids)
            waiting, rows = [], 0
    return found + _count(waiting, ids)


def _count(published: list[pa.Array], ids: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.is_in(pa.chunked_array(published, pa.string()), value_set=ids)).as_py() or 0)


def _check_unique(ids: pa.ChunkedArray, where: str) -> None:
    if pc.count_distinct(ids).as_py() != len(ids):
        raise ContractViolation(f"{where}: a document_id comes twice")


def _check_file(store: Store, table: str, name: str) -> int:
    """Check one file's place, columns and footer; return its rows."""
    if not name.startswith(f"{WAREHOUSE}/"):
        raise ContractViolation(f"{name} does not lie under {WAREHOUSE}/: published files may not go with an old batch")
    try:
        with store.open_input(name) as source, pq.ParquetFile(source) as file:
            schema, metadata = file.schema_arrow, file.metadata
    except (FileNotFoundError, pa.ArrowInvalid):
        raise ContractViolation(
            f"{name} is missing or is not Parquet: write it again with pipeline.lake.tables.write_rows"
        ) from None
    if not schema.equals(TABLES[table]):
        raise ContractViolation(
            f"{name} does not have the columns of '{table}': write it with pipeline.lake.tables.write_rows"
        )
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.path_in_schema not in STATISTICS and column.statistics is not None:
                raise ContractViolation(
                    f"{name} has statistics on '{column.path_in_schema}', which may hold a personal value"
                )
    return int(metadata.num_rows)
