"""Curators' verdicts as training data, and what a new quality model would change on batches that ran, before anybody adopts it.

Nothing here reads a text of the lake: the quality stage stored every measure of every document, and a score follows from those.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.batch import Batch
from pipeline.chain import full_chain
from pipeline.document import MEASURES
from pipeline.errors import UserError
from pipeline.evaluate import read_rows
from pipeline.lake.snapshots import Chain
from pipeline.quality.calibrate import platt_near
from pipeline.quality.score import Model, parse, score
from pipeline.quality.train import Labelled, Origin, origin_of_reviews, train
from pipeline.recipe import quality_stage
from pipeline.text.arrow import one
from pipeline.verdict import evaluate_rules
from pipeline.whatif import ALL, LANGUAGE, SOURCE, Change

_KINDS = ("web", "social", "licensed")


class Reviews(NamedTuple):
    """What curators said of documents whose measures are stored."""

    measures: npt.NDArray[np.float64]
    kinds: list[str | None]
    keep: npt.NDArray[np.bool_]
    unknown: int
    """Verdicts on documents that none of the batches holds."""


def labelled(files: Sequence[Path]) -> list[Labelled]:
    """Read labelled texts: ``{"text", "label": "good" | "bad"}``, and `origin`, `kind`, `language` where they are known.

    The origin is the file's name where none is given; leaving out one origin at a time says how the score carries over, so give each
    source of texts its own.

    Raises
    ------
    UserError
        If a line has another form, or one of the two sides is missing.
    """
    found = []
    for file in files:
        for number, row in enumerate(read_rows(file, {"text": str, "label": str}), 1):
            kind, label = row.get("kind", "web"), row["label"]
            if label not in {"good", "bad"} or kind not in _KINDS:
                raise UserError(
                    f"{file}, object {number}: label must be good or bad, and kind one of {', '.join(_KINDS)}"
                )
            # One origin is on one side, so that a side can be left out.
            origin = f"{row.get('origin', file.name.split('.')[0])}/{label}"
            found.append(Labelled(row["text"], label, origin, kind, row.get("language", "en")))
    if {row.label for row in found} != {"good", "bad"}:
        raise UserError("training needs texts of both labels, good and bad")
    return found


def read_verdicts(file: Path) -> dict[str, bool]:
    """Return what curators said: ``{"document_id", "verdict": "keep" | "reject"}`` a line; the last one of a document counts.

    Raises
    ------
    UserError
        If a line has another form.
    """
    found = {}
    for number, row in enumerate(read_rows(file, {"document_id": str, "verdict": str}), 1):
        if row["verdict"] not in {"keep", "reject"}:
            raise UserError(f"{file}, object {number}: verdict must be keep or reject, not {row['verdict']!r}")
        found[row["document_id"]] = row["verdict"] == "keep"
    return found


def reviews_in(batches: Sequence[Batch], verdicts: Mapping[str, bool]) -> Reviews:
    """Return the stored measures of the reviewed documents; each counts once, as the last batch measured it."""
    rows: dict[str, tuple[npt.NDArray[np.float64], str | None]] = {}
    for batch in batches:
        for table, _ in _measured(full_chain(batch), ["document_id", "source_kind"]):
            ids = table.column("document_id").to_pylist()
            wanted = [i for i, name in enumerate(ids) if name in verdicts]
            kinds = table.column("source_kind").to_pylist()
            values = _matrix(table)
            rows |= {ids[i]: (values[i], kinds[i]) for i in wanted}
    names = sorted(rows)
    return Reviews(
        np.array([rows[name][0] for name in names], np.float64).reshape(len(names), len(MEASURES)),
        [rows[name][1] for name in names],
        np.array([verdicts[name] for name in names], bool),
        len(verdicts.keys() - rows.keys()),
    )


def with_reviews(current: str, reviews: Reviews) -> dict[str, Any]:
    """Return the current model (JSON text) with each kind's calibration moved towards what curators said of its documents.

    Weights stay: verdicts come from documents that somebody chose to look at, and a few dozen say how strict the score is, not what a good
    text looks like. To learn weights from them too, train on labelled data with them.

    Raises
    ------
    UserError
        If there is no verdict on a document that the batches hold.
    """
    if not len(reviews.keep):
        raise UserError("no verdict is on a document of these batches; look further back with --batches")
    data = json.loads(current)
    model = parse(current)
    plain = score(reviews.measures, model._replace(calibration=()))
    logits = np.log(plain / (1 - plain))
    kinds = np.array(reviews.kinds, dtype=object)
    known = {kind: (offset, slope) for kind, offset, slope in model.calibration}
    for kind in sorted({kind for kind in reviews.kinds if kind}):
        here = kinds == kind
        data["calibration"][kind] = list(platt_near(logits[here], reviews.keep[here], known.get(kind, (0.0, 1.0))))
    data["card"] = {**data["card"], "reviews": {kind: int((kinds == kind).sum()) for kind in data["calibration"]}}
    return dict(data)


def trained(rows: Sequence[Labelled], reviews: Reviews | None, seed: int = 1) -> dict[str, Any]:
    """Return a model that is trained on labelled texts, and on reviewed documents as two origins more."""
    extra: dict[str, Origin] = {}
    if reviews is not None:
        for good in (True, False):
            mine = reviews.keep == good
            if mine.any():
                kinds = np.array(reviews.kinds, dtype=object)[mine]
                extra[f"reviews/{'keep' if good else 'reject'}"] = origin_of_reviews(
                    reviews.measures[mine], kinds, good=good
                )
    return train(rows, seed, extra)


def compare(batches: Sequence[Batch], model: Model) -> list[dict[str, Any]]:
    """Return, batch by batch, what the quality stage would decide otherwise with another model: in all, by source and by language.

    A batch that was measured before the present measures existed is named with `note`, and nothing is guessed of it.
    """
    found = []
    for batch in batches:
        chain = full_chain(batch)
        if "quality" not in chain.stages:
            continue
        stage = quality_stage(batch.settings)
        changes = {key: Change() for key in (ALL, SOURCE, LANGUAGE)}
        languages = ["language"] if LANGUAGE in chain.stages else []
        counted: Counter[str] = Counter()
        for table, before in _measured(chain, ["quality_score", "source_kind", "source", *languages]):
            counted["documents"] += table.num_rows
            kinds = one(table.column("source_kind"))
            scores = score(_matrix(table), model, kinds.to_pylist()).astype(np.float32)
            stored = [pa.array(scores), *(one(table.column(name)) for name in MEASURES), kinds]
            rules = stage.rules(pa.RecordBatch.from_arrays(stored, names=list(stage.decides_by)))
            after = np.asarray(evaluate_rules(table.num_rows, rules).is_null().to_numpy(zero_copy_only=False), bool)
            keys = {ALL: pa.array([ALL] * table.num_rows), SOURCE: one(table.column("source"))}
            keys |= {LANGUAGE: one(table.column("language"))} if languages else {}
            for key, values in keys.items():
                changes[key].add(values, before, after)
        row: dict[str, Any] = {"batch_id": batch.batch_id}
        if not counted["documents"]:
            found.append({**row, "note": "no document with the present measures; run its quality stage again first"})
            continue
        (total,) = changes[ALL].rows()
        found.append({**row, **total, "by_source": changes[SOURCE].rows(), "by_language": changes[LANGUAGE].rows()})
    return found


def _measured(chain: Chain, columns: list[str]) -> Iterator[tuple[pa.Table, npt.NDArray[np.bool_]]]:
    """Yield, shard by shard, the documents that came to the quality stage, with their measures, and which of them it kept."""
    if "quality" not in chain.stages:
        return
    for shard in range(chain.shards):
        rows = np.flatnonzero(chain.upto("quality").live(shard)).astype(np.int64)
        if not len(rows):
            continue
        try:
            table = chain.documents(shard, [*columns, *MEASURES, "quality.verdict"], rows)
        except (KeyError, ValueError):  # measured by an earlier version, which stored other columns
            return
        table = table.rename_columns([*columns, *MEASURES, "verdict"])
        kept = np.asarray(one(table.column("verdict")).is_null().to_numpy(zero_copy_only=False), bool)
        yield table, kept


def _matrix(table: pa.Table) -> npt.NDArray[np.float64]:
    """Return measures of shape (documents, len(MEASURES)), NaN where one is null."""
    columns = [table.column(name).to_numpy().astype(np.float64) for name in MEASURES]
    return np.column_stack(columns) if columns else np.zeros((0, 0))
