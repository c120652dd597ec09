"""What a run's tasks look like while they work: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

COLOURS = {
    "success": "green",
    "failed": "bold red",
    "upstream_failed": "red",
    "skipped": "dim",
    "running": "cyan",
    "queued": "blue",
    "awaiting_input": "bold yellow",
    "up_for_retry": "yellow",
}
QUIET = ("scheduled", "queued", "none")
"""States that pass within a moment; they make no line of their own."""


class RunProgress:
    """Shows a run; give it the tasks as often as you like."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._started = time.monotonic()
        self._seen: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None

    def show(self, tasks: list[dict[str, Any]]) -> None:
        """Show the tasks as they are now."""
        if self._live:
            self._live.update(self._table(tasks))
            return
        for task in sorted(tasks, key=lambda task: task["start_date"] or "~"):
            state = task["state"] or "none"
            if self._seen.get(task["task_id"]) != state:
                self._seen[task["task_id"]] = state
                if state not in QUIET:
                    took = f"{seconds:.1f} s" if state == "success" and (seconds := duration(task)) else ""
                    passed = time.monotonic() - self._started
                    self._console.print(f"{passed:6.1f} s  {task['task_id']:<18} {state:<15} {took}".rstrip())

    def _table(self, tasks: list[dict[str, Any]]) -> Table:
        """Return one row a stage (run, gate), then one for each other task."""
        table = Table(title=f"{self._title}, {time.monotonic() - self._started:.0f} s", header_style="bold")
        for name in ("", "run", "gate"):
            table.add_column(name)
        known = {task["task_id"]: task for task in tasks}
        for name, task in known.items():
            group, _, step = name.partition(".")
            if not step:
                table.add_row(name, _cell(task), "")
            elif step == "run":
                table.add_row(group, _cell(task), _cell(known.get(f"{group}.gate", {})))
            elif step != "gate":
                table.add_row(name, _cell(task), "")
        return table

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()


def duration(task: dict[str, Any]) -> float | None:
    """Return how many seconds a task took, None while it has not ended.

    Airflow's own figure is not used: on SQLite its API server counts the seconds of a minute twice or takes them off (3.3.0: a task from
    10.50 to 12.25 is said to have taken 3.75 s, one from 59.7 to 01.0 s of the next minute -56.7 s).
    """
    if not task.get("start_date") or not task.get("end_date"):
        return None
    start, end = (datetime.fromisoformat(task[name]) for name in ("start_date", "end_date"))
    return (end - start).total_seconds()


def _cell(task: dict[str, Any]) -> str:
    """Return a state with its colour, and how long it took."""
    state = task.get("state") or ""
    took = f" {seconds:.1f} s" if state in ("success", "failed") and (seconds := duration(task)) else ""
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/]{took}" if colour else state
