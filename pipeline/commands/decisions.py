"""The commands that ask what was decided, and why: of one document, of one reason, of another configuration."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline import config
from pipeline.batch import load_batch
from pipeline.commands.options import (
    BatchOption,
    ConfigOption,
    DocumentId,
    Json,
    log,
    overrides_of,
    reference_of,
    show,
)
from pipeline.report import decisions, terminal
from pipeline.report.story import print_story


def explain(
    document_id: DocumentId,
    config_file: ConfigOption,
    text: Annotated[
        bool,
        typer.Option(help="Show where a removed duplicate's text differs from its survivor's; may hold personal data."),
    ] = True,
    rules: Annotated[
        bool, typer.Option("--rules", help="Show the rules of every stage, not only of the one that rejected.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Also write the story as a page to this file; with --text it may hold personal data."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell a document's whole story: every stage, value, finding and gate, in every batch that saw it."""
    from pipeline.explain import explain as story_of
    from pipeline.report.pages import write_page
    from pipeline.report.story_page import story_page

    settings = config.load(config_file)
    story = story_of(settings, document_id, texts=text)
    if html:
        write_page(settings, html, story_page(story))
        log.print(f"page: {html}", markup=False)
    show(story, as_json, partial(print_story, all_rules=rules), ascii_only=True)


def why(
    config_file: ConfigOption,
    stage: Annotated[str, typer.Option(help="The stage that rejected.")],
    reason: Annotated[
        str | None, typer.Option(help="One of its reasons, e.g. quality.score; default: all of them.")
    ] = None,
    batch: BatchOption = None,
    samples: Annotated[int, typer.Option(min=0, help="Documents to show, personal data replaced.")] = 5,
    as_json: Json = False,
) -> None:
    """Show whom a stage's reasons removed: how many, from which sources, in which languages, and a few of them."""
    from pipeline.why import why as reasons_of

    with log.status(f"reading what {stage} decided"):
        found = reasons_of(load_batch(reference_of(config_file, batch)), stage, reason, samples)
    show(found, as_json, decisions.print_why, ascii_only=True)


def whatif(
    changes: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE...", help="Settings as they would be, e.g. cleaning.quality_threshold=0.6."),
    ],
    config_file: ConfigOption,
    batch: BatchOption = None,
    as_json: Json = False,
) -> None:
    """Say what other limits would keep and reject of a batch, from what its stages stored: no text is read, nothing is changed."""
    from pipeline.whatif import whatif as decided_again

    with terminal.Progress(log) as progress:
        found = decided_again(
            load_batch(reference_of(config_file, batch)), overrides_of(changes), progress=progress.shards
        )
    show(found, as_json, decisions.print_whatif)
