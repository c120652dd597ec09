"""The command on near-duplicates: what a configuration's bands will find, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import config
from pipeline.commands.options import Json, Set, overrides_of, show
from pipeline.dedup.plan import BACKGROUND, derive
from pipeline.report.plan import print_plan

app = typer.Typer(help="Near-duplicates: plan the search for them.", no_args_is_help=True)

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
    loaded = config.load(config_file) if config_file else config.Settings()
    settings = config.override(loaded, overrides_of(set_)).dedup
    chosen = derive(settings.threshold, settings.recall)
    show(
        {
            "threshold": settings.threshold,
            "recall": settings.recall,
            "shingle_size": settings.shingle_size,
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
