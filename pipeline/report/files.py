"""The accounts of a batch's files, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from pipeline.report.funnel import short_reason


def files_table(rows: Sequence[Mapping[str, Any]], limit: int) -> Table:
    """Return the accounts as a table: those first where something differs or failed, then by source and path; totals below."""
    table = Table(title="Files", caption=_caption(rows, limit), header_style="bold")
    table.add_column("source")
    table.add_column("file", overflow="fold")
    for name in ("read", "written", "kept", "rejected", "failed"):
        table.add_column(name, justify="right")
    table.add_column("reasons, classes of error, +other units, ~texts changed", overflow="fold")
    for row in sorted(rows, key=_weight)[:limit]:
        if row.get("not_read"):
            table.add_row(escape(row["source"]), escape(row["file"]), *["-"] * 5, f"not read: {row['not_read']}")
            continue
        sums = [sum(row[side].values()) for side in ("rejected", "failed")]
        numbers = [row["read"], row["written"], row["kept"], *sums]
        table.add_row(escape(row["source"]), escape(row["file"]), *(f"{n:,}" for n in numbers), escape(_words(row)))
    return table


def _weight(row: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    if row.get("not_read"):
        return (False, 0, row["source"], row["file"])
    return (row["read"] == row["written"], -sum(row["failed"].values()), row["source"], row["file"])


def _words(row: Mapping[str, Any]) -> str:
    reasons = {**row["rejected"], **row["failed"]}
    named = [f"{short_reason(reason)} {n:,}" for reason, n in sorted(reasons.items(), key=lambda item: -item[1])]
    named += [f"({name} {n:,})" for name, n in sorted(row["errors"].items())]
    named += [f"+{kind} {n:,}" for kind, n in sorted(row["other"].items())]
    return ", ".join(named + [f"~{change} {n:,}" for change, n in sorted(row["normalised"].items())])


def _caption(rows: Sequence[Mapping[str, Any]], limit: int) -> str:
    read = [row for row in rows if not row.get("not_read")]
    wrong = sum(row["read"] != row["written"] for row in read)
    said = f"{len(read):,} files read, {len(rows) - len(read):,} not; "
    said += f"{wrong:,} with a DIFFERENCE between read and written" if wrong else "read = written in every file"
    return said + (f"; the first {limit:,} are shown, --limit or --json for more" if len(rows) > limit else "")
