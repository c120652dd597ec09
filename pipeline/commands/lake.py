"""The commands that look into the lake and decide on it: releases, batches, the quarantine, the review cases."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipeline import api, listing
from pipeline.commands.options import BatchOption, CaseId, ConfigOption, DocumentId, Json, Who, Why, reference_of, show
from pipeline.report import terminal

releases = typer.Typer(help="Published versions of the corpus.", no_args_is_help=True)
batches = typer.Typer(help="Batches of the lake.", no_args_is_help=True)
quarantined = typer.Typer(help="What was rejected or failed, and why.", no_args_is_help=True)
reviews = typer.Typer(help="Flagged batches and curators' decisions.", no_args_is_help=True)


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
) -> None:
    """Write a document's raw text (or its record's bytes) to standard output. It may hold personal data."""
    sys.stdout.buffer.write(listing.quarantined_content(reference_of(config_file, batch), document_id))


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
