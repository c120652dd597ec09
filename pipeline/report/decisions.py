"""How `sluice why` and `sluice whatif` print what they found. Everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.report.escaped import escaped

SHOWN = 12
"""Rows of a table that are printed; `--json` has all."""


def print_why(out: Console, found: dict[str, Any]) -> None:
    """Print whom a stage's reasons removed."""
    out.print(
        f"batch [bold]{found['batch_id']}[/], {found['stage']}: {found['came']:,} documents came, {found['documents']:,} were spoken against"
    )
    reasons = [
        (row["reason"], f"{row['documents']:,}", f"{row['decided']:,}", f"{row['alone']:,}", row["meaning"])
        for row in found["reasons"]
    ]
    _table(out, "Reasons", ("reason", "documents", "decided", "alone", "meaning"), reasons)
    for title, key in (("By source", "by_source"), ("By language", "by_language")):
        rows = [
            (
                row["value"],
                f"{row['came']:,}",
                f"{row['documents']:,}",
                f"{row['share']:.1%}",
                f"{row['lower']:.1%} to {row['upper']:.1%}",
            )
            for row in found[key]
        ]
        _table(out, title, (key.removeprefix("by_"), "came", "documents", "share", "95 % interval"), rows)
    for sample in found["samples"]:
        said = "; ".join(_finding(finding) for finding in sample["findings"])
        out.print(
            f"\n[bold]{sample['document_id']}[/] {escape(sample['source'])} {sample['language'] or ''} {escape(said)}"
        )
        text = sample.get("excerpt")
        shown = f"({sample['not_shown']})" if text is None else escaped(text.encode()).replace("\n", " ")
        out.print(f"  {escape(shown)}", soft_wrap=True)


def print_whatif(out: Console, found: dict[str, Any]) -> None:
    """Print what other settings would change."""
    changes = ", ".join(f"{key}={value}" for key, value in found["changes"].items())
    out.print(f"batch [bold]{found['batch_id']}[/] with {escape(changes)}")
    for stage in found["stages"]:
        out.print(
            f"\n{stage['stage']}: of {stage['came']:,} documents {stage['kept_before']:,} were kept and {stage['kept_after']:,} would be: "
            f"[green]{stage['newly_kept']:,} more[/], [red]{stage['newly_rejected']:,} fewer[/]"
        )
        changed = [row for row in stage["reasons"] if row["before"] != row["after"]]
        _table(
            out,
            "Deciding reasons",
            ("reason", "now", "then"),
            [(row["reason"], f"{row['before']:,}", f"{row['after']:,}") for row in changed],
        )
        for key in ("source", "language", "group", "topic"):
            rows = [
                (row["value"], f"{row['came']:,}", f"{row['kept_before']:,}", f"{row['kept_after']:,}",
                 f"{row['newly_kept']:,}", f"{row['newly_rejected']:,}")
                for row in stage[f"by_{key}"] if row["newly_kept"] or row["newly_rejected"]
            ]  # fmt: skip
            _table(out, f"By {key}", (key, "came", "kept", "would be kept", "more", "fewer"), rows)
    corpus = found["corpus"]
    if found["stages"]:
        out.print(
            f"\nOf {corpus['kept_now']:,} documents that {corpus['last_stage']} keeps now, {corpus['would_stay']:,} would stay; "
            f"{corpus['newly_kept']:,} would go on to stages that have not seen them."
        )
    for sentence in found["unknown"]:
        out.print(f"[yellow]not known[/] {escape(sentence)}")


def _finding(finding: dict[str, Any]) -> str:
    against = "" if finding["value"] is None else f" {finding['value']:.4g}"
    limit = "" if finding["limit"] is None else f" against {finding['limit']:.4g}"
    return f"{finding['reason']}{against}{limit}"


def _table(out: Console, title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    left = len(rows) - SHOWN
    table = Table(
        title=title, title_justify="left", header_style="bold", caption=f"and {left:,} more" if left > 0 else None
    )
    for i, name in enumerate(names):
        table.add_column(name, overflow="fold", justify="left" if i == 0 or name == "meaning" else "right")
    for row in rows[:SHOWN]:
        table.add_row(*(escape(cell) for cell in row))
    out.print(table)
