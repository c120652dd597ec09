"""The account of each file of a batch: what its reader counted, what became of it, and what the batch's gate makes of that.

One row a file in a small table of its own beside ingest's shards, named by its manifest. What was read is the readers' own count;
what was written, kept, rejected and failed is counted afterwards from the rows as they stand, so that the two can differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline.document import VERDICT_COLUMN
from pipeline.lake.manifest import ShardFile
from pipeline.lake.snapshots import Chain, read_file_columns, write_shard
from pipeline.lake.store import Store
from pipeline.verdict import outcome, reasons

ROLE = "accounts"
_COUNTS = pa.map_(pa.string(), pa.int64())

ACCOUNTS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        # Relative to its source: the `record_file` of its records.
        pa.field("file", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        # Records by the reader's own count, and rows that were written of them.
        pa.field("read", pa.int64(), nullable=False),
        pa.field("written", pa.int64(), nullable=False),
        pa.field("kept", pa.int64(), nullable=False),
        # By reason.
        pa.field("rejected", _COUNTS, nullable=False),
        pa.field("failed", _COUNTS, nullable=False),
        # The failed by class of error, as the reader counted them.
        pa.field("errors", _COUNTS, nullable=False),
        # Units that are no records, by kind.
        pa.field("other", _COUNTS, nullable=False),
        # Texts, kept or not, in which normalisation changed something, by what it was; one text counts under each.
        pa.field("normalised", _COUNTS, nullable=False),
    ]
)
_BY_NAME = ("rejected", "failed", "errors", "other", "normalised")
UNNAMED = "unnamed"
"""Kind of the other units that a reader does not tell apart."""


@dataclass
class Counted:
    """What the rows of a file say: by deciding reason (kept ones under the empty name), and by what normalisation changed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    normalised: Counter[str] = field(default_factory=Counter)


def read_account(path: str, size: int, account: Any) -> dict[str, Any]:
    """Return a reader's account of a file in the form in which a worker hands it on; `path` as the rows state it."""
    other = dict(account.kinds)
    if unnamed := account.other_records - sum(other.values()):
        other[UNNAMED] = unnamed
    return {"file": path, "bytes": size, "read": account.records_read, "errors": account.errors, "other": other}


def write(
    lake: Store,
    folder: str,
    shards: Sequence[ShardFile],
    readers: Mapping[str, Sequence[Mapping[str, Any]]],
    attempt: str,
) -> ShardFile:
    """Count the rows of the shards by file, and write them beside what the readers counted.

    Parameters
    ----------
    readers
        By source, what `read_account` gave of each file.
    """
    found = _counted(lake, shards)
    rows = [
        _row(source, file, accounts, found.pop((source, file), Counted()))
        for source in sorted(readers)
        for file, accounts in sorted(_by_file(readers[source]).items())
    ]
    # Rows of a file that no reader knows of: they are stated, and the gate sees that nobody read them.
    rows += [
        _row(source, file, [], counted) for (source, file), counted in sorted(found.items(), key=lambda item: item[0])
    ]
    columns = [pa.array([row[field.name] for row in rows], field.type) for field in ACCOUNTS]
    return write_shard(lake, folder, 0, ROLE, pa.Table.from_arrays(columns, schema=ACCOUNTS), attempt)


def rows_of(chain: Chain) -> list[dict[str, Any]]:
    """Return the accounts of a batch's files by source and path; none where ingest ran before there were accounts."""
    files = chain.manifest("ingest").shards(ROLE)
    rows = [row for file in files for row in read_file_columns(chain.lake, file, None).to_pylist()]
    # A batch that was read by an earlier version lacks the counts that came later.
    return [{**row, **{name: dict(row.get(name) or ()) for name in _BY_NAME}} for row in rows]


def figures(accounts: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> dict[str, float]:
    """Return what the gate compares: within the batch, and by source with its history.

    `volume` is the records that the reader counted, `failed_share` and `no_text_share` are shares of them; `normalised`, by source and
    change, is texts.
    """
    found: dict[str, float] = {"reader_difference": sum(abs(row["read"] - row["written"]) for row in accounts)}
    for source in sources:
        own = [row for row in accounts if row["source"] == source]
        read = sum(row["read"] for row in own)
        found[f"volume/{source}"] = read
        for change, texts in sorted(sum((Counter(row["normalised"]) for row in own), Counter[str]()).items()):
            found[f"normalised/{source}/{change}"] = texts
        if read:
            found[f"failed_share/{source}"] = sum(sum(row["failed"].values()) for row in own) / read
            found[f"no_text_share/{source}"] = (
                sum(n for row in own for reason, n in row["rejected"].items() if reason.startswith("ingest.no_text@"))
                / read
            )
    return found


def _by_file(accounts: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the accounts by path; two paths that differ in unprintable characters only are one place to the rows."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for account in accounts:
        found.setdefault(account["file"], []).append(account)
    return found


def _row(source: str, file: str, accounts: Sequence[Mapping[str, Any]], counted: Counted) -> dict[str, Any]:
    def total(name: str) -> list[tuple[str, int]]:
        if len(accounts) == 1:
            return sorted(accounts[0][name].items())
        return sorted(sum((Counter(account[name]) for account in accounts), Counter()).items())

    def side(name: str) -> list[tuple[str, int]]:
        return sorted((reason, n) for reason, n in counted.outcomes.items() if reason and outcome(reason) == name)

    return {
        "source": source,
        "file": file,
        "bytes": sum(account["bytes"] for account in accounts),
        "read": sum(account["read"] for account in accounts),
        "written": counted.outcomes.total(),
        "kept": counted.outcomes[""],
        "rejected": side("rejected"),
        "failed": side("failed"),
        "errors": total("errors"),
        "other": total("other"),
        "normalised": sorted(counted.normalised.items()),
    }


def _counted(lake: Store, shards: Sequence[ShardFile]) -> dict[tuple[str, str], Counted]:
    """Return what the rows say, by source and file."""
    found: dict[tuple[str, str], Counted] = {}
    for source, file, reason, changes, count in _groups(lake, shards):
        own = found.setdefault((source, file), Counted())
        own.outcomes[reason or ""] += count
        for change in changes.split(",") if changes else ():
            own.normalised[change] += count
    return found


def _groups(lake: Store, shards: Sequence[ShardFile]) -> Iterator[tuple[str, str, str | None, str | None, int]]:
    for shard in shards:
        table = read_file_columns(lake, shard, ["source", "record_file", "normalised", VERDICT_COLUMN])
        named = table.drop_columns([VERDICT_COLUMN]).append_column("reason", reasons(table.column(VERDICT_COLUMN)))
        keys = ["source", "record_file", "reason", "normalised"]
        grouped = named.group_by(keys).aggregate([([], "count_all")])
        columns = (grouped.column(name).to_pylist() for name in (*keys, "count_all"))
        yield from zip(*columns, strict=True)
