"""The quality model's card and a training's outcome, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDTH = 40


def print_training(out: Console, found: dict[str, Any]) -> None:
    """Print what a new model would change."""
    out.print(f"model written to {escape(found['model'])}; adopt it with quality.model")
    if found["reviews"]:
        used, unknown = found["reviews"]["used"], found["reviews"]["unknown"]
        out.print(f"{used} verdicts used, {unknown} on documents that these batches do not hold")
    for batch in found["changes"]:
        if "note" in batch:
            out.print(f"batch {batch['batch_id']}: {batch['note']}")
            continue
        table = Table(title=f"batch {batch['batch_id']}", title_justify="left")
        for name in ("", "came", "kept before", "kept after", "newly kept", "newly rejected"):
            table.add_column(name, justify="left" if not name else "right")
        for row in [{**batch, "value": "all"}, *batch["by_source"], *batch["by_language"]]:
            numbers = ("came", "kept_before", "kept_after", "newly_kept", "newly_rejected")
            table.add_row(escape(str(row["value"])), *(str(row[name]) for name in numbers))
        out.print(table)


def print_card(out: Console, model: dict[str, Any]) -> None:
    """Print a model's card."""
    card = model["card"]
    out.print(escape(card["task"]))
    out.print(f"limits: {escape(card['limits'])}")
    table = Table("data set", "side", "kind", "licence")
    for name, entry in card["sets"].items():
        table.add_row(escape(name), *(escape(entry[key]) for key in ("side", "kind", "license")))
    out.print(table)
    figures = card["figures"]
    for name, value in figures.items():
        if name != "kinds":
            out.print(f"{name}: {value}")
    for kind, entry in figures["kinds"].items():
        out.print(
            f"\n{kind}: " + ", ".join(f"{name} {value}" for name, value in entry.items() if name != "reliability")
        )
        for row in entry["reliability"]:
            bar = "#" * round(row["good"] * _WIDTH)
            place = min(round(row["mean_score"] * _WIDTH), _WIDTH - 1)
            line = bar.ljust(_WIDTH)
            out.print(
                f"  score {row['mean_score']:.2f} good {row['good']:.2f} [{line[:place]}|{line[place + 1 :]}] "
                f"weight {row['weight']:.3f}",
                markup=False,
            )
    out.print("\n  # share of good texts, | mean score: they meet where the score is a probability", markup=False)
