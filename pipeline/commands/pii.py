"""The commands on personal data: see what a text would become."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import config
from pipeline.commands.options import Json, Set, log, overrides_of, show
from pipeline.errors import UserError
from pipeline.settings import Pii, Settings

app = typer.Typer(help="Personal data: see what a text would become.", no_args_is_help=True)


@app.command("try")
def try_text(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="The text; without it, or as -, standard input is read.")
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="SLUICE_CONFIG", help="The YAML file; default: the defaults."),
    ] = None,
    set_: Set = None,
    language: Annotated[
        str, typer.Option(help="The text's BCP 47 code, which decides whether names are looked for.")
    ] = "en",
    as_json: Json = False,
) -> None:
    """Show what the pii stage would make of a text: the new text, and each span with type, place, recogniser and score.

    Other settings by --set, such as --set pii.replacement=cut or --set pii.names=true. The text is not stored anywhere.
    """
    loaded = config.load(config_file) if config_file else Settings()
    settings = config.override(loaded, overrides_of(set_)).pii
    if text is None or text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError("the text is not UTF-8; give it on standard input to have what is not replaced")
    with log.status("looking"):
        found = _redacted(text, settings, language)
    show(found, as_json, _print, ascii_only=True)


def _redacted(text: str, settings: Pii, language: str) -> dict[str, Any]:
    from pipeline.pii.redact import redact
    from pipeline.pii.rescan import rescan

    done = redact(pa.array([text], pa.large_string()), settings, [language])
    return {
        "text": done.texts[0].as_py(),
        "spans": done.spans[0].as_py(),
        "left": rescan(done.texts, settings)[0].as_py(),
    }


def _print(out: Console, found: dict[str, Any]) -> None:
    # Control characters of the text must not drive the terminal.
    out.print(Text("".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in found["text"])))
    table = Table("type", "start", "end", "recognizer", "score")
    for span in found["spans"]:
        table.add_row(span["type"], str(span["start"]), str(span["end"]), span["recognizer"], f"{span['score']:.2f}")
    out.print(table)
    if found["left"]:
        out.print(f"the second search finds {found['left']} more: the pii gate would block")
