"""The report on a batch's duplicates in the terminal: numbers and ids, never text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.report.twin import safe

_WIDTH = 30


def print_clusters(out: Console, found: dict[str, Any]) -> None:
    """Print what was removed and why, what lies near the threshold, what is repeated within documents, and what was capped."""
    against = found["compared_with_release"]
    out.print(
        f"batch [bold]{escape(safe(found['batch_id']))}[/]: {found['removed']:,} of {found['documents']:,} documents removed in "
        f"{found['clusters']:,} clusters, at similarity {found['threshold']:g} or more; "
        + (f"compared with release {against} too" if against else "there was no release to compare with")
    )
    columns = ["source", "read", "kept", "exact", "near", "published_exact", "published_near", "contained"]
    titles = ["source", "read", "kept", "exact", "near", "exact of published", "near published", "of these contained"]
    out.print(_table("Removed by source", titles, [[row[name] for name in columns] for row in found["sources"]]))
    out.print(
        _table(
            "Which source loses to which",
            ["lost by", "to", "documents"],
            [[row["loser"], winner(row), row["documents"]] for row in found["losses"]],
        )
    )
    most = max((row["clusters"] for row in found["sizes"]), default=0)
    out.print(
        _table(
            "Clusters by size",
            ["documents", "clusters", ""],
            [[size_of(row), row["clusters"], _bar(row["clusters"], most)] for row in found["sizes"]],
        )
    )
    out.print(
        _table(
            "Largest clusters",
            ["survivor", "documents", "exact", "sources", "least similar member", "similarity"],
            [
                [c["survivor"], c["documents"], c["exact"], sources_of(c), c["sample"]["document_id"], f"{c['sample']['similarity']:.4f}"]
                for c in found["largest"]
            ],
        )
    )  # fmt: skip
    near = found["near_threshold"]
    most = max((row["documents"] for row in near["bins"]), default=0)
    out.print(
        _table(
            "Near the threshold",
            ["similarity", "outcome", "documents", ""],
            [
                [
                    f"{row['from']:.3f} to {row['to']:.3f}",
                    row["outcome"],
                    row["documents"],
                    _bar(row["documents"], most),
                ]
                for row in near["bins"]
            ],
        )
    )
    out.print(escape(below_in_words(near)))
    if found["repetition"]:
        out.print(
            _table(
                "Repeated within a source",
                ["source", "documents", "with repeated passages", "cut", "mean share of the text", "most of all"],
                [
                    [row["source"], row["documents"], row["repeated"], row["cut"], f"{row['share']:.1%}", row["example"] or ""]
                    for row in found["repetition"]
                ],
            )
        )  # fmt: skip
    if any(row["count"] for row in found["capped"]):
        out.print(_table("Capped", ["what", "count"], [[row["what"], row["count"]] for row in found["capped"]]))
    else:
        out.print("no bucket was capped")


def winner(row: dict[str, Any]) -> str:
    """Return the source that documents were lost to."""
    name = row["winner"] or "no longer known"
    return f"{name} (published)" if row["published"] else str(name)


def size_of(row: dict[str, Any]) -> str:
    """Return a bin of cluster sizes in words."""
    if row["to"] == 1:
        return "1 (and a published one)"
    return str(row["to"]) if row["from"] == row["to"] else f"{row['from']:,} to {row['to']:,}"


def sources_of(cluster: dict[str, Any]) -> str:
    """Return a cluster's documents of this batch by source."""
    return ", ".join(f"{name} {count:,}" for name, count in cluster["sources"].items())


def below_in_words(near: dict[str, Any]) -> str:
    """Say what is known of the pairs below the threshold."""
    if not near["below_known"]:
        return (
            "the batch was deduplicated before pairs below the threshold were remembered: only those above it are known"
        )
    lowest, threshold = (100 * near["share_compared"][name] for name in ("lowest", "threshold"))
    return (
        f"below the threshold only pairs are known that shared a bucket: of those {near['margin']:g} below it about {lowest:.1f} %, of those "
        f"at it {threshold:.2f} %"
    )


def _table(title: str, names: list[str], rows: list[list[Any]]) -> Table:
    table = Table(title=title, header_style="bold")
    for number, name in enumerate(names):
        is_number = bool(rows) and isinstance(rows[0][number], int)
        table.add_column(name, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(safe(str(cell))) for cell in row))
    return table


def _bar(count: int, most: int) -> str:
    return "█" * -(-_WIDTH * count // most) if most else ""
