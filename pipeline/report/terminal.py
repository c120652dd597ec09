"""What the command prints: tables where a person would rather look than read. Everything from outside is escaped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from pipeline.report.files import files_table
from pipeline.report.funnel import funnel_table
from pipeline.report.story import value_text

COLOURS = {"pass": "green", "flag": "yellow", "block": "red"}
INDICATOR_NAMES = {
    "quality_lower": "data quality score, lower bound",
    "duplicate_upper": "duplicate content rate, upper bound",
    "provenance_completeness": "provenance completeness",
    "bias_coverage": "bias detection coverage",
}


class Progress:
    """A line for each stage while it works, and its gate's verdict behind it."""

    def __init__(self, console: Console) -> None:
        self.bars = Bars(
            SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(bar_width=20), MofNCompleteColumn(),
            TextColumn("shards"), TimeElapsedColumn(), console=console, transient=True,
        )  # fmt: skip
        self.console = console
        self.task: Any = None
        self.started = time.monotonic()

    def __enter__(self) -> Self:
        """Start drawing."""
        self.bars.start()
        self.task = self.bars.add_task("starting", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self.bars.stop()

    def shards(self, stage: str, done: int, total: int) -> None:
        """Show how many shards of a stage are done."""
        self.bars.update(self.task, description=stage, completed=done, total=total or None)

    def event(self, kind: str, result: dict[str, Any]) -> None:
        """Print a finished stage or gate."""
        if kind == "stage":
            how = "reused" if result["reused"] else f"{result['seconds']:.1f} s"
            self.console.print(
                f"{result['stage']:<11} read {result['read']:>8,}  kept {result['kept']:>8,}  "
                f"rejected {result['rejected']:>7,}  failed {result['failed']:>5,}  {how}"
            )
            self.bars.reset(self.task, description=f"{result['stage']} gate", total=None)
        else:
            colour = COLOURS[result["verdict"]]
            self.console.print(f"{'':<11} gate [{colour}]{result['verdict']}[/]")


def print_summary(out: Console, summary: dict[str, Any]) -> None:
    """Print the end of a run: funnel, indicators, release or what it waits for."""
    out.print(funnel_table(summary["funnel"]))
    out.print(indicator_table(summary["indicators"]))
    if summary.get("report"):
        out.print(f"report: {escape(summary['report'])}")
    if summary["release"] is not None:
        out.print(
            f"release [bold]{summary['release']}[/]: {summary['documents']:,} documents in the corpus, "
            f"digest {summary['digest'][:16]} ({escape(summary['why'])})"
        )
        return
    out.print(f"[yellow]held[/]: case [bold]{summary['case_id']}[/] waits for a curator, because")
    for flag in summary["flagged"]:
        out.print(f"  {flag['stage']}: {escape(flag['says'])} (observed {escape(str(flag['observed']))})")
    out.print(f"decide with: sluice review decide {summary['case_id']} approve --who NAME --why REASON -c CONFIG")


def indicator_table(values: dict[str, Any]) -> Table:
    """Return the four indicators of a release with the bound that counts."""
    table = Table(title="Indicators", header_style="bold")
    table.add_column("indicator")
    table.add_column("value", justify="right")
    for name, label in INDICATOR_NAMES.items():
        value = values.get(name)
        table.add_row(label, "not measured" if value is None else f"{value:.4f}")
    return table


def print_stage(out: Console, result: dict[str, Any]) -> None:
    """Print one stage's totals."""
    out.print(_table("Stage", ["stage", "read", "kept", "rejected", "failed", "reused", "seconds"], [result]))


def print_gate(out: Console, result: dict[str, Any]) -> None:
    """Print one gate's expectations."""
    colour = COLOURS[result["verdict"]]
    table = Table(
        title=f"Gate {result['stage']}: {result['verdict']}", title_style=f"bold {colour}", header_style="bold"
    )
    for name in ("outcome", "severity", "what it says", "observed"):
        table.add_column(name)
    for entry in result["expectations"]:
        seen = (
            entry["observed"]
            if entry["unexpected_count"] is None
            else f"{entry['unexpected_count']:,} of {entry['element_count']:,}"
        )
        table.add_row(entry["outcome"], entry["severity"], escape(str(entry["says"])), escape(str(seen)))
    out.print(table)
    out.print(f"report: {escape(result['report'])}")


def print_figures(out: Console, figures: dict[str, Any]) -> None:
    """Print an evaluation: one row a figure with its interval."""
    rows = [{**row, "lower": row.get("lower"), "upper": row.get("upper")} for row in figures["figures"]]
    out.print(
        _table(
            f"{figures['stage']} on {figures['documents']:,} documents",
            ["figure", "value", "lower", "upper", "of"],
            rows,
        )
    )


def print_releases(out: Console, found: Sequence[dict[str, Any]]) -> None:
    """Print the chain of releases."""
    out.print(
        _table(
            "Releases", ["release", "kind", "documents", "added", "removed", "digest", "batch", "published_at"], found
        )
    )


def print_release(out: Console, found: dict[str, Any]) -> None:
    """Print one release."""
    out.print_json(data=found)


def print_batches(out: Console, found: Sequence[dict[str, Any]]) -> None:
    """Print the lake's batches."""
    out.print(
        _table(
            "Batches",
            ["batch", "configuration", "base", "files", "last_stage", "kept", "gates", "release"],
            found,
        )
    )


def print_funnel(out: Console, found: list[dict[str, Any]]) -> None:
    """Print a funnel."""
    out.print(funnel_table(found))


def print_files(out: Console, found: Sequence[dict[str, Any]], limit: int) -> None:
    """Print the accounts of a batch's files."""
    out.print(files_table(found, limit))


def print_quarantine(out: Console, found: Sequence[dict[str, Any]]) -> None:
    """Print quarantined documents."""
    out.print(_table("Quarantine", ["document_id", "source", "stage", "reason", "place"], found))


def print_reviews(out: Console, found: Sequence[dict[str, Any]]) -> None:
    """Print review cases."""
    out.print(_table("Review cases", ["case_id", "batch_id", "state", "flags", "who", "why", "when"], found))


def print_decision(out: Console, result: dict[str, Any]) -> None:
    """Print what a decision led to."""
    out.print_json(data=result)


def print_collected(out: Console, found: dict[str, Any]) -> None:
    """Print what was removed, or would be."""
    title = "Would be removed" if found["dry_run"] else "Removed"
    rows = found["kinds"]
    total = {"kind": "all", "files": sum(r["files"] for r in rows), "bytes": sum(r["bytes"] for r in rows)}
    out.print(_table(title, ["kind", "files", "bytes", "oldest", "why"], [*rows, total]))
    for sentence in found["skipped"]:
        out.print(f"[yellow]not now[/] {escape(sentence)}")


def _table(title: str, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title=title, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(name) is None else escape(value_text(row[name])) for name in names))
    return table
