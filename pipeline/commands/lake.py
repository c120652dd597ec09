"""The commands on the lake: releases, batches, the quarantine, the review cases, what may leave it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline import api, config, listing
from pipeline.batch import corpus, lake_store
from pipeline.commands.options import (
    BatchOption,
    CaseId,
    ConfigFile,
    ConfigOption,
    DocumentId,
    Json,
    Set,
    Who,
    Why,
    log,
    out,
    overrides_of,
    reference_of,
    show,
)
from pipeline.lake.format import moved_from
from pipeline.report import terminal
from pipeline.report.escaped import escaped, hexdump
from pipeline.retention.collect import collect

releases = typer.Typer(help="Published versions of the corpus.", no_args_is_help=True)
batches = typer.Typer(help="Batches of the lake.", no_args_is_help=True)
quarantined = typer.Typer(help="What was rejected or failed, and why.", no_args_is_help=True)
reviews = typer.Typer(help="Flagged batches and curators' decisions.", no_args_is_help=True)
lakes = typer.Typer(help="The lake as a whole.", no_args_is_help=True)


@releases.command("list")
def release_list(config_file: ConfigOption, as_json: Json = False) -> None:
    """List the releases of the corpus, newest last."""
    found = listing.releases(config_file)
    show(found, as_json, terminal.print_releases)


@releases.command("show")
def release_show(
    config_file: ConfigOption,
    number: Annotated[int | None, typer.Argument(help="Release number; default: the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Show a release: documents, digest, indicators with their bounds, who approved it."""
    found = listing.release(config_file, number)
    show(found, as_json, terminal.print_release)


@batches.command("list")
def batch_list(config_file: ConfigOption, as_json: Json = False) -> None:
    """List the lake's batches and how far each came."""
    found = listing.batches(config_file)
    show(found, as_json, terminal.print_batches)


@batches.command("funnel")
def batch_funnel(config_file: ConfigOption, batch: BatchOption = None, as_json: Json = False) -> None:
    """Show source by stage what was read, kept, rejected by reason, failed."""
    found = api.funnel(reference_of(config_file, batch))
    show(found, as_json, terminal.print_funnel)


@batches.command("files")
def batch_files(
    config_file: ConfigOption,
    batch: BatchOption = None,
    source: Annotated[str | None, typer.Option(help="Only this source's.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many in the table; JSON has them all.")] = 50,
    as_json: Json = False,
) -> None:
    """Show file by file what was read, kept, rejected by reason, failed by class of error, and passed over by kind."""
    found = listing.batch_files(reference_of(config_file, batch), source)
    show(found, as_json, lambda console, rows: terminal.print_files(console, rows, limit))


@batches.command("report")
def batch_report(
    config_file: ConfigOption,
    batch: BatchOption = None,
    html: Annotated[Path | None, typer.Option(help="Also write it to this file, as a page with pictures.")] = None,
    as_json: Json = False,
) -> None:
    """Show whom a batch speaks of and who is kept, beside comparable documents; the page has funnel, scores and drift too. No text."""
    # Heavy, and of no use to other commands.
    from pipeline.batch import load_batch
    from pipeline.batch_report import report
    from pipeline.chain import full_chain
    from pipeline.report.batch import print_batch_report
    from pipeline.report.batch_page import batch_page
    from pipeline.report.pages import write_page

    opened = load_batch(reference_of(config_file, batch))
    found = report(opened, full_chain(opened))
    if html:
        write_page(opened.settings, html, batch_page(found))
        log.print(f"page: {html}", markup=False)
    show(found, as_json, print_batch_report, ascii_only=True)


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
    found = listing.quarantined(reference_of(config_file, batch), stage_name, reason, limit)
    show(found, as_json, terminal.print_quarantine)


@quarantined.command("show")
def quarantine_show(
    document_id: DocumentId,
    config_file: ConfigOption,
    batch: BatchOption = None,
    as_hex: Annotated[bool, typer.Option("--hex", help="As a hexadecimal dump.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes themselves, for a file or a pipe: they may drive a terminal.")
    ] = False,
) -> None:
    """Write a document's raw text (or its record's bytes), with all that could drive a terminal spelt out. It may hold personal data."""
    content = listing.quarantined_content(reference_of(config_file, batch), document_id)
    if raw:
        sys.stdout.buffer.write(content)
    elif as_hex:
        sys.stdout.writelines(f"{line}\n" for line in hexdump(content))
    else:
        sys.stdout.write(escaped(content))


@reviews.command("list")
def review_list(config_file: ConfigOption, as_json: Json = False) -> None:
    """List review cases: flagged batches, their state, who decided what and why."""
    found = listing.reviews(config_file)
    show(found, as_json, terminal.print_reviews)


@reviews.command("decide")
def review_decide(
    case_id: CaseId,
    decision: Annotated[str, typer.Argument(metavar="approve|reject")],
    config_file: ConfigOption,
    who: Who,
    why: Why,
    as_json: Json = False,
) -> None:
    """Approve or reject a flagged batch; an approved one is published."""
    result = listing.decide_case(config_file, case_id, decision, who, why)
    show(result, as_json, terminal.print_decision)


@reviews.command("reopen")
def review_reopen(
    case_id: CaseId,
    config_file: ConfigOption,
    who: Who,
    why: Why,
    as_json: Json = False,
) -> None:
    """Let a decided case be decided again; the batch kept everything."""
    result = listing.reopen_case(config_file, case_id, who, why)
    show(result, as_json, terminal.print_decision)


@lakes.command("moved-from")
def lake_moved_from(
    former: Annotated[str, typer.Argument(metavar="OLD_ROOT", help="The folder or URI where the lake lay before.")],
    config_file: ConfigOption,
) -> None:
    """Tell a lake where it lay before, if its tables hold addresses there that it does not know itself."""
    for root in moved_from(lake_store(config.load(config_file)), former):
        out.print(root)


@lakes.command("reindex")
def lake_reindex(config_file: ConfigOption, as_json: Json = False) -> None:
    """Make the index of near-duplicates anew from the published signatures, and forget at once what was taken down."""
    with log.status("making the index anew"):
        corpus(config.load(config_file)).reindex()
    show(listing.release(config_file, None), as_json, terminal.print_release)


def gc(
    config_file: ConfigFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go.")] = False,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Remove what the section `retention` lets go: expired text, replaced results, files that nothing names."""
    settings = config.override(config.load(config_file), overrides_of(set_))
    with log.status("looking at the lake") as status:
        report = collect(
            settings,
            datetime.now(UTC),
            dry_run=dry_run,
            progress=lambda what, done, total: status.update(f"{what}: {done:,} of {total:,}"),
        )
    show(report.to_json(), as_json, terminal.print_collected)
