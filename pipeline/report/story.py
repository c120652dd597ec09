"""How `sluice explain` tells a document's story. Everything from outside is escaped."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.report.twin import print_twin


def print_story(out: Console, story: dict[str, Any], *, all_rules: bool = False) -> None:
    """Print a document's story; the rules of the stage that rejected it, or of every stage."""
    out.print(f"document [bold]{escape(story['document_id'])}[/]")
    for batch in story["batches"]:
        out.print(
            f"\nbatch [bold]{batch['batch_id']}[/] against release {batch['base'] or 'none'}: {escape(batch['outcome'])}"
        )
        out.print(_stages(batch["stages"]))
        for entry in batch["stages"]:
            if entry["rules"] and (all_rules or entry["findings"]):
                out.print(_rules(entry))
            if "score" in entry:
                _print_score(out, entry)
            if entry.get("twin"):
                print_twin(out, entry["twin"])
        for case in batch["curators"]:
            out.print(f"curators: {escape(case['flagged'])}: {case['state']}")
            for decision in case["decisions"]:
                said = f"{decision['decision']} by {decision['who']}, {decision['at']}: {decision['why']}"
                out.print(f"  {escape(said)}")
    for sentence in story["unreadable_batches"]:
        out.print(f"[yellow]not read[/] {escape(sentence)}")


def _print_score(out: Console, entry: dict[str, Any]) -> None:
    """Print what the score is made of, and what would have decided otherwise."""
    score = entry["score"]
    table = Table(
        title=f"quality score {score['value']:.3f}, demanded {score['limit']:.3f}: {score['log_odds']:+.2f} in log-odds",
        title_justify="left",
        header_style="bold",
    )
    table.add_column("term")
    table.add_column("adds", justify="right")
    table.add_column("")
    longest = max(abs(term["log_odds"]) for term in score["contributions"])
    for term in score["contributions"]:
        colour = "green" if term["log_odds"] > 0 else "red"
        bar = "█" * max(1, round(24 * abs(term["log_odds"]) / longest))
        table.add_row(escape(term["term"]), f"{term['log_odds']:+.3f}", f"[{colour}]{bar}[/]")
    out.print(table)
    out.print(change_text(entry["nearest_change"]))


def change_text(change: dict[str, Any] | None) -> str:
    """Return a nearest change in words."""
    if change is None:
        return "no change of its measures alone would decide otherwise"
    moves = " and ".join(
        f"{move['measure']} were {value_text(move['needed'])} (it is {value_text(move['value'])})"
        for move in change["changes"]
    )
    return f"it would be {change['decision']} if {moves}; the score would be {change['score']:.3f}"


def relation(rule: dict[str, Any]) -> str:
    """Return what a rule demands, in words.

    >>> relation({"side": "below", "limit": 50.0})
    'at least 50'
    """
    if rule["side"] is None or rule["limit"] is None:
        return ""
    return f"at {'least' if rule['side'] == 'below' else 'most'} {value_text(rule['limit'])}"


def value_text(value: Any) -> str:
    """Return a value as it is shown: numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _stages(stages: list[dict[str, Any]]) -> Table:
    table = Table(header_style="bold")
    for name in ("stage", "gate", "verdict", "values"):
        table.add_column(name, overflow="fold")
    for entry in stages:
        said = "\n".join(_finding(finding) for finding in entry["findings"]) or (
            "off" if entry["switched_off"] else "keep"
        )
        values = ", ".join(
            f"{name}={value_text(value)}" for name, value in entry["values"].items() if name != "lineage"
        )
        table.add_row(entry["stage"], entry["gate"] or "-", escape(said), escape(values))
    return table


def _rules(entry: dict[str, Any]) -> Table:
    against = sum(rule["speaks_against"] for rule in entry["rules"])
    title = f"{entry['stage']}: {len(entry['rules'])} rules, {against} against the document"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("rule", overflow="fold")
    table.add_column("value", justify="right")
    table.add_column("demanded")
    table.add_column("says")
    for rule in sorted(entry["rules"], key=lambda rule: not rule["speaks_against"]):
        value = "" if rule["value"] is None else value_text(rule["value"])
        says = (
            "[red]against[/]"
            if rule["speaks_against"]
            else "passes"
            if value or rule["side"] is None
            else "does not apply"
        )
        table.add_row(escape(rule["reason"]), value, relation(rule), says)
    return table


def _finding(finding: dict[str, Any]) -> str:
    against = (
        "" if finding["value"] is None else f" {value_text(finding['value'])} against {value_text(finding['limit'])}"
    )
    evidence = f" [{finding['evidence']}]" if finding["evidence"] else ""
    return f"{finding['reason']}:{against} {finding['meaning']}{evidence}"
