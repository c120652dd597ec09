"""The commands on the quality model: train one, see what it would change, read its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import config
from pipeline.commands.options import Json, log, show
from pipeline.errors import UserError
from pipeline.report.quality import print_card, print_training
from pipeline.settings import Settings

app = typer.Typer(
    help="The quality score's model: train one of your own, see what it would change.", no_args_is_help=True
)


@app.command("train")
def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the model (JSON).")],
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DATA...]", help="Labelled JSONL files; docs/evaluate.md has the form."),
    ] = None,
    packaged: Annotated[
        Path | None, typer.Option(help="Train on the packaged model's data sets, in this folder, as its recipe says.")
    ] = None,
    with_reviews: Annotated[
        Path | None,
        typer.Option("--with-reviews", help='JSONL of verdicts: {"document_id", "verdict": keep or reject}.'),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="SLUICE_CONFIG", help="Whose last batches to compare on."),
    ] = None,
    batches: Annotated[int, typer.Option(min=1, help="How many of the last batches.")] = 3,
    as_json: Json = False,
) -> None:
    """Train a quality model, and say what it would change on the last batches; nothing changes until the configuration names it.

    From labelled texts weights and calibration are learnt. With verdicts alone the present model is calibrated anew. Adopt it with
    quality.model: FILE.
    """
    # Heavy, and of no use to other commands.
    from pipeline import retrain
    from pipeline.quality.score import parse, source_of
    from pipeline.quality.train import read_origins

    if with_reviews and not config_file:
        raise UserError("--with-reviews needs --config: verdicts are on documents of a lake")
    settings = config.load(config_file) if config_file else Settings()
    last = _last(settings, batches) if config_file else []
    reviews = retrain.reviews_in(last, retrain.read_verdicts(with_reviews)) if with_reviews else None
    with log.status("training"):
        if data or packaged:
            rows = [*(retrain.labelled(data) if data else []), *(read_origins(packaged) if packaged else [])]
            model = retrain.trained(rows, reviews)
        elif reviews is not None:
            model = retrain.with_reviews(source_of(settings.quality.model), reviews)
        else:
            raise UserError("there is nothing to train on: give labelled files, --with-reviews or --packaged")
    text = json.dumps(model, indent=1) + "\n"
    parsed = parse(text)
    with log.status("deciding again"):
        changes = retrain.compare(last, parsed)
    output.write_text(text, encoding="utf-8")
    found: dict[str, Any] = {
        "model": str(output),
        "reviews": None if reviews is None else {"used": len(reviews.keep), "unknown": reviews.unknown},
        "calibration": model["calibration"],
        "figures": model["card"].get("figures"),
        "changes": changes,
    }
    show(found, as_json, print_training)


@app.command("card")
def card(
    model: Annotated[Path | None, typer.Argument(help="A model's file; default: the packaged one.")] = None,
    as_json: Json = False,
) -> None:
    """Show a model's card: what it was made of, how good it is, and its reliability diagram."""
    from pipeline.quality.score import packaged as model_of
    from pipeline.quality.score import source_of

    file = str(model) if model else None
    model_of(file)
    show(json.loads(source_of(file)), as_json, print_card)


def _last(settings: Settings, count: int) -> list[Any]:
    """Return the last batches of the configuration's lake, the newest last, each once."""
    from pipeline.batch import list_batches, load_batch

    found = {reference["batch_id"]: reference for reference in list_batches(settings)}
    return [load_batch(reference) for reference in list(found.values())[-count:]]
