"""The command `sluice`: the same calls that the DAGs make."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline import api, config, listing
from pipeline.errors import GateBlocked, SluiceError, TransientError, UnexpectedError, UserError
from pipeline.recipe import STAGES
from pipeline.report import terminal

app = typer.Typer(
    name="sluice",
    help="Turn raw text into a training corpus that can answer for itself: eight stages, each with a gate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
releases = typer.Typer(help="Published versions of the corpus.", no_args_is_help=True)
batches = typer.Typer(help="Batches of the lake.", no_args_is_help=True)
quarantined = typer.Typer(help="What was rejected or failed, and why.", no_args_is_help=True)
reviews = typer.Typer(help="Flagged batches and curators' decisions.", no_args_is_help=True)
lakes = typer.Typer(help="The lake as a whole.", no_args_is_help=True)
app.add_typer(releases, name="release")
app.add_typer(batches, name="batch")
app.add_typer(quarantined, name="quarantine")
app.add_typer(reviews, name="review")
app.add_typer(lakes, name="lake")

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
    log.print(f"batch [bold]{reference['batch_id']}[/] in {reference['lake']}")
    with terminal.Progress(log) as progress:
        result = api.run_all(reference, on_event=progress.event, progress=progress.shards, replay=replay)
    summary = {
        **result,
        "funnel": api.funnel(reference),
        "indicators": api.indicators(reference),
        "batch": reference,
        "report": api.run_gate(reference, "publish")["data_docs"],
    }
    if as_json:
        _json(summary)
    else:
        terminal.print_summary(out, summary)


@app.command()
def stage(
    name: StageName, config_file: ConfigOption, set_: Set = None, input_: Input = None, as_json: Json = False
) -> None:
    """Run one stage; the gate of the stage before it must be open."""
    reference = _open(config_file, set_, input_)
    with terminal.Progress(log) as progress:
        result = api.run_stage(reference, name, progress=progress.shards)
    _json(result) if as_json else terminal.print_stage(out, result)


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
    _json(result) if as_json else terminal.print_gate(out, result)
    if result["verdict"] == "block":
        raise typer.Exit(3)


@app.command()
def explain(
    document_id: Annotated[str, typer.Argument(metavar="DOCUMENT_ID")], config_file: ConfigOption, as_json: Json = False
) -> None:
    """Tell a document's whole story: every stage, value, finding and gate, in every batch that saw it."""
    from pipeline.explain import explain as story_of

    story = story_of(config.load(config_file), document_id)
    _json(story) if as_json else terminal.print_story(out, story)


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(metavar="STAGE", help="language, pii, quality, dedup or validate.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSONL with labels; docs/evaluate.md has each stage's format.")
    ],
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="Thresholds and entities; default: the defaults.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one stage on labelled data of yours and print its figures with 95 % intervals."""
    from pipeline.evaluate import evaluate as measure

    settings = config.load(config_file) if config_file else config.Settings()
    with log.status(f"evaluating {name}"):
        figures = measure(name, file, settings)
    _json(figures) if as_json else terminal.print_figures(out, figures)


@app.command()
def doctor(
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="Check this configuration's lake too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check everything a run needs, models and their digests included, and say what to do."""
    from pipeline import doctor as checks

    lake = config.load(config_file).lake.root if config_file else None
    results = checks.run_checks(lake)
    if as_json:
        _json([check.to_json() for check in results])
    else:
        out.print(checks.render(results))
    if not all(check.ok for check in results):
        raise typer.Exit(1)


@releases.command("list")
def release_list(config_file: ConfigOption, as_json: Json = False) -> None:
    """List the releases of the corpus, newest last."""
    found = listing.releases(config_file)
    _json(found) if as_json else terminal.print_releases(out, found)


@releases.command("show")
def release_show(
    config_file: ConfigOption,
    number: Annotated[int | None, typer.Argument(help="Release number; default: the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Show a release: documents, digest, indicators with their bounds, who approved it."""
    found = listing.release(config_file, number)
    _json(found) if as_json else terminal.print_release(out, found)


@batches.command("list")
def batch_list(config_file: ConfigOption, as_json: Json = False) -> None:
    """List the lake's batches and how far each came."""
    found = listing.batches(config_file)
    _json(found) if as_json else terminal.print_batches(out, found)


@batches.command("funnel")
def batch_funnel(config_file: ConfigOption, batch: BatchOption = None, as_json: Json = False) -> None:
    """Show source by stage what was read, kept, rejected by reason, failed."""
    found = api.funnel(_reference(config_file, batch))
    _json(found) if as_json else terminal.print_funnel(out, found)


@quarantined.command("list")
def quarantine_list(
    config_file: ConfigOption,
    batch: BatchOption = None,
    stage_name: Annotated[str | None, typer.Option("--stage", help="Only this stage's.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this deciding reason's.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List quarantined documents: id, stage, reason, place of the record."""
    found = listing.quarantined(_reference(config_file, batch), stage_name, reason, limit)
    _json(found) if as_json else terminal.print_quarantine(out, found)


@quarantined.command("show")
def quarantine_show(
    document_id: Annotated[str, typer.Argument(metavar="DOCUMENT_ID")],
    config_file: ConfigOption,
    batch: BatchOption = None,
) -> None:
    """Write a document's raw text (or its record's bytes) to standard output. It may hold personal data."""
    sys.stdout.buffer.write(listing.quarantined_content(_reference(config_file, batch), document_id))


@reviews.command("list")
def review_list(config_file: ConfigOption, as_json: Json = False) -> None:
    """List review cases: flagged batches, their state, who decided what and why."""
    found = listing.reviews(config_file)
    _json(found) if as_json else terminal.print_reviews(out, found)


@reviews.command("decide")
def review_decide(
    case_id: Annotated[str, typer.Argument(metavar="CASE_ID")],
    decision: Annotated[str, typer.Argument(metavar="approve|reject")],
    config_file: ConfigOption,
    who: Annotated[str, typer.Option(help="Your name, for the record.")],
    why: Annotated[str, typer.Option(help="Your reason, for the record.")],
    as_json: Json = False,
) -> None:
    """Approve or reject a flagged batch; an approved one is published."""
    result = listing.decide_case(config_file, case_id, decision, who, why)
    _json(result) if as_json else terminal.print_decision(out, result)


@reviews.command("reopen")
def review_reopen(
    case_id: Annotated[str, typer.Argument(metavar="CASE_ID")],
    config_file: ConfigOption,
    who: Annotated[str, typer.Option(help="Your name, for the record.")],
    why: Annotated[str, typer.Option(help="Your reason, for the record.")],
    as_json: Json = False,
) -> None:
    """Let a decided case be decided again; the batch kept everything."""
    result = listing.reopen_case(config_file, case_id, who, why)
    _json(result) if as_json else terminal.print_decision(out, result)


@app.command()
def gc(
    config_file: ConfigFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go.")] = False,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Remove what the section `retention` lets go: expired text, replaced results, files that nothing names."""
    found = _collect(config_file, set_, dry_run)
    _json(found) if as_json else terminal.print_collected(out, found)


def _collect(config_file: Path, set_: list[str] | None, dry_run: bool) -> dict[str, Any]:
    from datetime import UTC, datetime

    from pipeline.retention.collect import collect

    settings = config.override(config.load(config_file), _pairs(set_, "--set"))
    with log.status("looking at the lake") as status:
        return collect(
            settings, datetime.now(UTC), dry_run=dry_run,
            progress=lambda what, done, total: status.update(f"{what}: {done:,} of {total:,}"),
        ).to_json()  # fmt: skip


@lakes.command("moved-from")
def lake_moved_from(
    former: Annotated[str, typer.Argument(metavar="OLD_ROOT", help="The folder or URI where the lake lay before.")],
    config_file: ConfigOption,
) -> None:
    """Tell a lake where it lay before, if its tables hold addresses there that it does not know itself."""
    from pipeline.batch import lake_store
    from pipeline.lake.format import moved_from

    for root in moved_from(lake_store(config.load(config_file)), former):
        out.print(root)


def main() -> None:
    """Run the command; a user's mistake is a sentence, never a traceback."""
    started = time.monotonic()
    try:
        app(standalone_mode=True)
    except GateBlocked as error:
        log.print(f"[bold red]blocked[/] {_plain(error)}")
        raise SystemExit(3) from None
    except TransientError as error:
        log.print(f"[bold yellow]try again[/] {_plain(error)}")
        raise SystemExit(75) from None
    except UnexpectedError as error:
        log.print(f"[bold red]unexpected[/] {_plain(error)}; SLUICE_RAW_ERRORS=1 shows it whole, and may show text")
        raise SystemExit(70) from None
    except SluiceError as error:
        log.print(f"[bold red]error[/] {_plain(error)}")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        log.print(f"stopped after {time.monotonic() - started:.0f} s; run the same command again to resume")
        raise SystemExit(130) from None


def _plain(error: Exception) -> str:
    from rich.markup import escape

    return escape(str(error))


def _open(config_file: Path, set_: list[str] | None, input_: list[str] | None) -> dict[str, Any]:
    with log.status("opening the batch"):
        return api.open_batch(str(config_file), overrides=_pairs(set_, "--set"), inputs=_inputs(input_))


def _reference(config_file: Path, batch: str | None) -> dict[str, Any]:
    return listing.find_batch(config_file, batch) if batch else api.open_batch(str(config_file))


def _pairs(entries: list[str] | None, option: str) -> dict[str, Any]:
    import yaml

    found = {}
    for entry in entries or []:
        key, sign, value = entry.partition("=")
        if not sign:
            raise UserError(f"{option} wants KEY=VALUE, not '{entry}'")
        found[key] = yaml.safe_load(value)
    return found


def _inputs(entries: list[str] | None) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for entry in entries or []:
        name, sign, path = entry.partition("=")
        if not sign:
            raise UserError(f"--input wants SOURCE=PATH, not '{entry}'")
        found.setdefault(name, []).append(path)
    return found or None


def _json(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
