"""`python -m pipeline.demo`: what `make demo` runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from pipeline.demo.run import Demo, run_demo
from pipeline.errors import SluiceError

WIDTH = 140
"""Columns of the tables where the output is no terminal."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(
        "python -m pipeline.demo", description="Curate real text through Airflow and Spark."
    )
    parser.add_argument("input", nargs="?", type=Path, help="your folder of text; default: text of this machine")
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where everything lies (default: demo)")
    parser.add_argument("--wait", action="store_true", help="leave a flagged batch to a person")
    parser.add_argument("--keep", action="store_true", help="leave Airflow's pages up until Ctrl-C")
    parser.add_argument("--no-connect", action="store_true", help="a Spark session for each task instead of one server")
    given = parser.parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)
    try:
        return run_demo(Demo(given.folder, given.input, given.wait, given.keep, not given.no_connect), out)
    except SluiceError as error:
        out.print(f"[bold red]error[/] {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        out.print("stopped; the same command resumes from the last finished stage")
        return 130


if __name__ == "__main__":
    sys.exit(main())
