"""The plan of the search for near-duplicates, as a person would look at it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_WIDTH = 30


def print_plan(console: Console, plan: dict[str, Any]) -> None:
    """Print the bands, the curve of what they catch, and the comparisons that come to nothing."""
    console.print(
        f"{plan['bands']} bands of {plan['rows_per_band']} rows: signatures of {plan['permutations']} values over shingles of "
        f"{plan['shingle_size']} words ({plan['words']}); {plan['bytes_per_document']} bytes a document in the index"
    )
    table = Table("similarity of a pair", "is compared", "", title="what is caught")
    for name, share in plan["catch"].items():
        mark = " (threshold)" if float(name) == plan["threshold"] else ""
        table.add_row(name + mark, f"{100 * share:.2f} %", "█" * round(_WIDTH * share), style="bold" if mark else None)
    console.print(table)
    load = Table(
        "similarity to all of them", "comparisons a document", title=f"against {plan['documents']:,} other documents"
    )
    for name, count in plan["needless_comparisons"].items():
        load.add_row(name, f"{count:,.2f}")
    console.print(load)
