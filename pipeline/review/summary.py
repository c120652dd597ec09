"""The words a curator reads before deciding: expectations and figures, never text of a document."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ROWS = 50
"""Flagged expectations shown in the form; the rest are counted and stand in the case."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~])")


def markdown(
    batch_id: str,
    digest: str,
    flagged: Sequence[dict[str, Any]],
    *,
    figures: Sequence[tuple[str, str]] = (),
    report: str | None = None,
) -> str:
    """Return what the approval form shows.

    Parameters
    ----------
    flagged
        Expectations that flagged: stage, expectation, says, observed.
    figures
        Names and values about the batch (documents kept, removal rates), in order.
    report
        Address of the gate report to read before deciding.
    """
    lines = [
        (
            f"Batch **{_escape(batch_id)}** passed its gates with {_count(len(flagged))} flagged. "
            "Nothing is published until you approve; without an answer in time it is rejected, and a rejected batch keeps everything."
        ),
        "",
        "| stage | expectation | it says | observed |",
        "|---|---|---|---|",
    ]
    lines += [
        "| " + " | ".join(_cell(entry.get(key)) for key in ("stage", "expectation", "says", "observed")) + " |"
        for entry in flagged[:MAX_ROWS]
    ]
    if len(flagged) > MAX_ROWS:
        lines += ["", f"… and {len(flagged) - MAX_ROWS} more in the report."]
    if figures:
        lines += ["", *(f"- {_escape(name)}: {_escape(value)}" for name, value in figures)]
    if report:
        lines += ["", f"Report: `{report.replace('`', '')}`"]
    lines += ["", f"Your decision is bound to what this shows (digest `{digest[:16]}`)."]
    return "\n".join(lines)


def _count(number: int) -> str:
    return "1 expectation" if number == 1 else f"{number} expectations"


def _cell(value: Any) -> str:
    """Return one table cell: one line, no markup of its own."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return _escape(" ".join(text.split()))[:500]


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
