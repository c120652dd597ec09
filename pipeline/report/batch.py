"""The report on a batch in the terminal: who is kept, beside which words, what has drifted, what could not be assessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.bias.topics import TOPIC
from pipeline.report.twin import safe

_MOST = 15


def print_batch_report(out: Console, found: dict[str, Any]) -> None:
    """Print what is disparate, the lowest ratios, the most negative contexts, the drifted shares, and the gaps."""
    bias = found["bias"]
    documents = bias["documents"]
    out.print(
        f"batch [bold]{escape(safe(found['batch_id']))}[/]: {documents['compared']:,} documents compared, {documents['kept']:,} kept; "
        f"{bias['limits']['comparisons']:,} comparisons"
    )
    if bias["disparate"]:
        rows = [
            [row["value"], row["responsible"], f"{row['ratio']:.2f}", row["lost"], f"{row['expected']:.1f}", row["read"], " ".join(row["evidence"][:2])]
            for row in bias["disparate"]
        ]  # fmt: skip
        titles = ["whose", "responsible", "ratio", "lost", "expected", "of", "documents nearest to the limit"]
        out.print(_table("Kept much less often than comparable documents", titles, rows))
    else:
        out.print("no group, dialect, topic, region or language is kept much less often than comparable documents")
    compared = sorted((row for row in bias["rows"] if row["ratio"] is not None), key=lambda row: row["ratio"])
    rows = [
        [row["value"], row["read"], row["kept"], f"{row['retention']:.1%}", _number(row["crude_ratio"]), _number(row["ratio"]), f"{_number(row['ratio_lower'])} to {_number(row['ratio_upper'])}"]
        for row in compared[:_MOST]
    ]  # fmt: skip
    titles = ["whose", "read", "kept", "of it", "as it stands", "beside comparable ones", "95 % interval"]
    out.print(_table(f"Lowest ratios of {len(compared)}", titles, rows))
    topics = sorted(
        (row for row in bias["rows"] if row["axis"] == TOPIC), key=lambda row: (-row["representation"], row["value"])
    )
    rows = [
        [row["value"], row["read"], row["kept"], f"{row['representation']:.1%}", _percent(row["representation_kept"]), _number(row["ratio"])]
        for row in topics
    ]  # fmt: skip
    titles = ["topic", "read", "kept", "share before", "share after", "beside comparable ones"]
    out.print(_table("Main topics", titles, rows))
    negative = [row for row in bias["association"] if row["context"] == "negative"]
    rows = [
        [row["value"], row["documents"], f"{row['share']:.1%}", f"{row['expected']:.1%}", _number(row["ratio"])]
        for row in negative[:_MOST]
    ]
    titles = ["whose", "documents", "beside negative words", "as for all groups", "ratio"]
    out.print(_table("Mentions beside negative words (counted by lists)", titles, rows))
    drifted = [row for row in bias["drift"] or [] if row["drifted"]]
    if bias["drift"] is None:
        out.print("no release yet to be compared with")
    else:
        rows = [[row["where"], row["value"], f"{row['before']:.2%}", f"{row['share']:.2%}"] for row in drifted]
        titles = ["source and language", "whose", "before", "now"]
        out.print(_table(f"Drifted of {len(bias['drift'])} shares", titles, rows))
    out.print("not assessed: " + "; ".join(escape(safe(said)) for said in bias["not_assessed"]))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(title=title, header_style="bold")
    for place, name in enumerate(names):
        is_number = bool(rows) and (isinstance(rows[0][place], int) or str(rows[0][place])[:1].isdigit())
        table.add_column(name, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(safe(str(cell))) for cell in row))
    return table
