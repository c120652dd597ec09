"""The funnel: what became of every record, source by stage."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from pipeline.lake.snapshots import Chain


def funnel(chain: Chain) -> list[dict[str, Any]]:
    """Return one row a stage and source: read, kept, rejected by reason, failed by reason, lost."""
    return [
        {
            "stage": manifest.stage,
            "source": count.source,
            "read": count.read,
            "kept": count.kept,
            "rejected": count.rejected,
            "failed": count.failed,
            "lost": count.lost,
            "switched_off": manifest.switched_off,
        }
        for manifest in chain.manifests
        for count in manifest.counts
    ]


def balanced(rows: list[dict[str, Any]]) -> bool:
    """Return whether read = kept + rejected + failed holds in every row."""
    return all(row["lost"] == 0 for row in rows)


def funnel_table(rows: list[dict[str, Any]], title: str = "Funnel") -> Table:
    """Return the funnel for the terminal."""
    table = Table(title=title, caption=_balance(rows), header_style="bold")
    for name in ("stage", "source"):
        table.add_column(name)
    for name in ("read", "kept", "rejected", "failed"):
        table.add_column(name, justify="right")
    table.add_column("reasons", overflow="fold")
    last = ""
    for row in rows:
        if last and row["stage"] != last:
            table.add_section()
        reasons = {**row["rejected"], **row["failed"]}
        names = [f"{short_reason(reason)} {n:,}" for reason, n in sorted(reasons.items(), key=lambda item: -item[1])]
        table.add_row(
            row["stage"] if row["stage"] != last else "",
            row["source"],
            f"{row['read']:,}",
            f"{row['kept']:,}",
            f"{sum(row['rejected'].values()):,}",
            f"{sum(row['failed'].values()):,}",
            "switched off" if row["switched_off"] else ", ".join(names),
        )
        last = row["stage"]
    return table


def short_reason(reason: str) -> str:
    """Return a reason's name without its stage and version."""
    return reason.split(".", 1)[1].rsplit("@", 1)[0]


def _balance(rows: list[dict[str, Any]]) -> str:
    if balanced(rows):
        return "read = kept + rejected + failed holds in every row"
    wrong = [f"{row['stage']}/{row['source']}: {row['lost']:,}" for row in rows if row["lost"]]
    return "LOST: " + ", ".join(wrong)
