"""The command `sluice`: the same calls that the DAGs make."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline import api, config, listing
from pipeline.commands import decisions, dedup, lake, pii, quality
from pipeline.commands.options import (
    BatchOption,
    ConfigFile,
    ConfigOption,
    Input,
    Json,
    Set,
    StageName,
    log,
    overrides_of,
    show,
)
from pipeline.errors import GateBlocked, SluiceError, TransientError, UnexpectedError, UserError
from pipeline.report import terminal
from pipeline.settings import Settings

app = typer.Typer(
    name="sluice",
    help="Turn raw text into a training corpus that can answer for itself: eight stages, each with a gate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(lake.releases, name="release")
app.add_typer(lake.batches, name="batch")
app.add_typer(lake.quarantined, name="quarantine")
app.add_typer(lake.reviews, name="review")
app.add_typer(lake.lakes, name="lake")
app.add_typer(dedup.app, name="dedup")
app.add_typer(quality.app, name="quality")
app.add_typer(pii.app, name="pii")
app.command()(lake.gc)


@app.command()
def run(
    config_file: ConfigFile,
    set_: Set = None,
    input_: Input = None,
    replay: Annotated[bool, typer.Option("--replay", help="Make expired text anew from the source's files.")] = False,
    as_json: Json = False,
) -> None:
    """Run all eight stages and their gates, then publish; exactly what the DAG does."""
    reference = _open(config_file, set_, input_)
    log.print(f"batch [bold]{reference['batch_id']}[/] in {escape(reference['lake'])}")
    with terminal.Progress(log) as progress:
        result = api.run_all(reference, on_event=progress.event, progress=progress.shards, replay=replay)
    summary = {
        **result,
        "funnel": api.funnel(reference),
        "indicators": api.indicators(reference),
        "batch": reference,
        "report": api.run_gate(reference, "publish")["data_docs"],
    }
    show(summary, as_json, terminal.print_summary)


@app.command()
def stage(
    name: StageName, config_file: ConfigOption, set_: Set = None, input_: Input = None, as_json: Json = False
) -> None:
    """Run one stage; the gate of the stage before it must be open."""
    reference = _open(config_file, set_, input_)
    with terminal.Progress(log) as progress:
        result = api.run_stage(reference, name, progress=progress.shards)
    show(result, as_json, terminal.print_stage)


@app.command()
def gate(
    name: StageName,
    config_file: ConfigOption,
    batch: BatchOption = None,
    set_: Set = None,
    input_: Input = None,
    as_json: Json = False,
) -> None:
    """Judge one stage by its suite in expectations/; exit code 3 if it blocks."""
    reference = listing.find_batch(config_file, batch) if batch else _open(config_file, set_, input_)
    with log.status(f"gate {name}"):
        result = listing.gate_report(reference, name)
    show(result, as_json, terminal.print_gate)
    if result["verdict"] == "block":
        raise typer.Exit(3)


for command in (decisions.explain, decisions.why, decisions.whatif):
    app.command()(command)


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(metavar="STAGE", help="language, pii, quality, dedup or validate.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSONL with labels; docs/evaluate.md has each stage's format.")
    ],
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="Thresholds and entities; default: the defaults.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Of languages: write reliability diagrams and all figures as one page."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one stage on labelled data of yours and print its figures with 95 % intervals."""
    from pipeline.evaluate import evaluate as measure
    from pipeline.evaluate import write_page

    settings = config.load(config_file) if config_file else Settings()
    if page:
        write_page(name, file, settings, page)
        log.print(f"wrote {page}")
        return
    with log.status(f"evaluating {name}"):
        figures = measure(name, file, settings)
    show(figures, as_json, terminal.print_figures)


@app.command()
def doctor(
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="Check this configuration's lake too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check everything a run needs, models and their digests included, and say what to do."""
    from pipeline import doctor as checks

    results = checks.run_checks(config.load(config_file).lake.root if config_file else None)
    show([check.to_json() for check in results], as_json, lambda out, _: out.print(checks.render(results)))
    if not all(check.ok for check in results):
        raise typer.Exit(1)


def main() -> None:
    """Run the command; a user's mistake is a sentence, never a traceback."""
    started = time.monotonic()
    try:
        app(standalone_mode=True)
    except GateBlocked as error:
        log.print(f"[bold red]blocked[/] {escape(str(error))}")
        raise SystemExit(3) from None
    except TransientError as error:
        log.print(f"[bold yellow]try again[/] {escape(str(error))}")
        raise SystemExit(75) from None
    except UnexpectedError as error:
        log.print(
            f"[bold red]unexpected[/] {escape(str(error))}; SLUICE_RAW_ERRORS=1 shows it whole, and may show text"
        )
        raise SystemExit(70) from None
    except SluiceError as error:
        log.print(f"[bold red]error[/] {escape(str(error))}")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        log.print(f"stopped after {time.monotonic() - started:.0f} s; run the same command again to resume")
        raise SystemExit(130) from None


def _open(config_file: Path, set_: list[str] | None, input_: list[str] | None) -> dict[str, Any]:
    with log.status("opening the batch"):
        return api.open_batch(str(config_file), overrides=overrides_of(set_), inputs=_inputs(input_))


def _inputs(entries: list[str] | None) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for entry in entries or []:
        name, sign, path = entry.partition("=")
        if not sign:
            raise UserError(f"--input wants SOURCE=PATH, not '{entry}'")
        found.setdefault(name, []).append(path)
    return found or None


if __name__ == "__main__":
    main()
