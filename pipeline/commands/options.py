"""What the commands share: their options, where they print, and how they find a batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline import api, listing
from pipeline.errors import UserError
from pipeline.recipe import STAGES

out = Console(highlight=False)
log = Console(stderr=True, highlight=False)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML file; examples/pipeline.yaml is one.")]
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="SLUICE_CONFIG", help="The YAML file that names the lake.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="KEY=VALUE", help="Another value for a setting, e.g. cleaning.quality_threshold=0.5."
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="SOURCE=PATH",
        help="Take this path for a source; repeatable. Only these sources are read.",
    ),
]
BatchOption = Annotated[
    str | None,
    typer.Option("--batch", "-b", help="A batch id; default: the batch of the configuration's present input."),
]
StageName = Annotated[str, typer.Argument(metavar="STAGE", help=f"One of: {', '.join(STAGES)}.")]
DocumentId = Annotated[str, typer.Argument(metavar="DOCUMENT_ID")]
CaseId = Annotated[str, typer.Argument(metavar="CASE_ID")]
Who = Annotated[str, typer.Option(help="Your name, for the record.")]
Why = Annotated[str, typer.Option(help="Your reason, for the record.")]


def show(found: Any, as_json: bool, print_table: Callable[[Console, Any], None], *, ascii_only: bool = False) -> None:
    """Print what a command found: as JSON, or in its own form for people.

    With `ascii_only` JSON spells out every other character: texts of hostile origin stay whole and drive no terminal.
    """
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=ascii_only, default=str))  # noqa: T201 - the command's output
    else:
        print_table(out, found)


def reference_of(config_file: Path, batch: str | None) -> dict[str, Any]:
    """Return the reference of a batch by its id; without one, of the batch of the configuration's present input.

    Raises
    ------
    UserError
        If the lake has no such batch.
    """
    return listing.find_batch(config_file, batch) if batch else api.open_batch(str(config_file))


def overrides_of(entries: list[str] | None) -> dict[str, Any]:
    """Return the settings that ``--set KEY=VALUE`` gives, by dotted key; values are YAML.

    Raises
    ------
    UserError
        If an entry has no key or its value is not YAML.
    """
    import yaml

    found = {}
    for entry in entries or []:
        key, sign, value = entry.partition("=")
        if not sign:
            raise UserError(f"--set wants KEY=VALUE, not '{entry}'")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--set {key}: the value is not YAML; quote it if it is meant as text") from None
    return found
