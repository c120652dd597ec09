"""The commands on near-duplicates: what a configuration's bands will find and what that costs; what was found in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import config
from pipeline.commands.options import BatchOption, ConfigOption, Json, Set, log, overrides_of, reference_of, show
from pipeline.dedup.plan import BACKGROUND, derive
from pipeline.report.plan import print_plan
from pipeline.settings import Settings

app = typer.Typer(help="Near-duplicates: plan the search for them, look at what was found.", no_args_is_help=True)

SIMILARITIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@app.command("plan")
def plan(
    config_file: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="SLUICE_CONFIG", help="The YAML file; default: the defaults."),
    ] = None,
    set_: Set = None,
    documents: Annotated[int, typer.Option(min=1, help="Documents that a new one is compared with.")] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Show the bands that follow from threshold and recall, which pairs they catch, and how many comparisons are for nothing.

    Only what is caught is compared, and only a comparison removes a document: missed pairs stay in the corpus, needless ones cost time.
    Try other values with --set dedup.threshold=0.7 and --set dedup.recall=0.999.
    """
    loaded = config.load(config_file) if config_file else Settings()
    settings = config.override(loaded, overrides_of(set_)).dedup
    chosen = derive(settings.threshold, settings.recall)
    show(
        {
            "threshold": settings.threshold,
            "recall": settings.recall,
            "shingle_size": settings.shingle_size,
            "words": settings.words,
            "bands": chosen.bands,
            "rows_per_band": chosen.rows,
            "permutations": chosen.permutations,
            "bytes_per_document": 8 * chosen.bands,
            "documents": documents,
            "catch": {str(s): chosen.catch(s) for s in sorted({*SIMILARITIES, settings.threshold})},
            "needless_comparisons": {str(s): chosen.load(documents, s) for s in (BACKGROUND, 0.1, 0.2, 0.3)},
        },
        as_json,
        print_plan,
    )


@app.command("report")
def report(
    config_file: ConfigOption,
    batch: BatchOption = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Also write a page to this file, with texts side by side: they may hold personal data."),
    ] = None,
    clusters: Annotated[int, typer.Option(min=1, max=200, help="List so many clusters, the largest first.")] = 10,
    as_json: Json = False,
) -> None:
    """Show what was removed from a batch: by source, which source loses to which, clusters, pairs near the threshold, capped buckets.

    The tables and the JSON hold numbers and ids, never text.
    """
    # Heavy, and of no use to other commands.
    from pipeline.batch import load_batch
    from pipeline.chain import full_chain
    from pipeline.clusters import report as report_of
    from pipeline.clusters import with_differences
    from pipeline.report.cluster_page import cluster_page
    from pipeline.report.clusters import print_clusters
    from pipeline.report.pages import write_page

    opened = load_batch(reference_of(config_file, batch))
    chain = full_chain(opened)
    with log.status("reading what dedup wrote"):
        found = report_of(opened, chain, largest=clusters)
        page = cluster_page(with_differences(opened, chain, found)) if html else None
    if html and page:
        write_page(opened.settings, html, page)
        log.print(f"page: {html}", markup=False)
    show(found, as_json, print_clusters, ascii_only=True)
