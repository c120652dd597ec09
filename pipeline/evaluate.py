"""One stage on labelled data that the user brings: its figures with 95 % intervals. docs/evaluate.md has the formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.intervals import Interval
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.language.evaluate import Evaluation

Row = dict[str, Any]

WORST_LANGUAGES = 10
"""Languages whose own figures are printed: those with the lowest F1. The page has all."""


def evaluate(stage: str, file: Path, settings: Settings) -> dict[str, Any]:
    """Return a stage's figures on a labelled file.

    Returns
    -------
    dict
        ``stage``, ``documents`` and ``figures``: rows of ``figure``, ``value``, ``lower``, ``upper`` and ``of``, the number
        of cases the share is of (bounds are null where a figure has no interval).

    Raises
    ------
    UserError
        If the stage has no labelled form, or the file does not have its form; the message names the line.
    """
    if stage not in EVALUATIONS:
        raise UserError(f"stage '{stage}' cannot be evaluated on labelled data; these can: {', '.join(EVALUATIONS)}")
    documents, figures = EVALUATIONS[stage](file, settings)
    return {"stage": stage, "documents": documents, "figures": figures}


def read_rows(file: Path, fields: dict[str, type | tuple[type, ...]]) -> list[Row]:
    """Read a JSONL file (or .gz) whose objects have at least `fields`.

    Raises
    ------
    UserError
        If a line is no such object; the message names file, line and field.
    """
    rows = []
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except ValueError:
            raise UserError(f"{file}, line {number}: not JSON") from None
        _check(row, fields, f"{file}, line {number}")
        rows.append(row)
    if not rows:
        raise UserError(f"{file} has no line; it needs one JSON object a line with {', '.join(fields)}")
    return rows


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {file}: {getattr(error, 'strerror', None) or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text") from None


def _check(row: Any, fields: dict[str, type | tuple[type, ...]], place: str) -> None:
    if not isinstance(row, dict):
        raise UserError(f"{place}: expected an object with {', '.join(fields)}")
    for name, kind in fields.items():
        if name not in row:
            raise UserError(f"{place}: the field '{name}' is missing")
        if not isinstance(row[name], kind):
            raise UserError(f"{place}: the field '{name}' has the wrong type")


def figure(name: str, value: float | Interval, of: int) -> Row:
    """Return one row of the answer."""
    if isinstance(value, Interval):
        return {"figure": name, "value": value.share, "lower": value.lower, "upper": value.upper, "of": of}
    return {"figure": name, "value": value, "lower": None, "upper": None, "of": of}


def _dedup(file: Path, settings: Settings) -> tuple[int, list[Row]]:
    """Documents `{id, text}` and pairs `{a, b, jaccard}` in one file, in any order."""
    from pipeline.dedup.evaluate import evaluate as measure
    from pipeline.dedup.plan import derive

    documents, pairs = [], []
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except ValueError:
            raise UserError(f"{file}, line {number}: not JSON") from None
        if isinstance(row, dict) and "jaccard" in row:
            _check(row, {"a": str, "b": str, "jaccard": (int, float)}, f"{file}, line {number}")
            pairs.append((row["a"], row["b"], float(row["jaccard"])))
        else:
            _check(row, {"id": str, "text": str}, f"{file}, line {number}")
            documents.append(row)
    own = settings.dedup
    found = measure(
        [row["id"] for row in documents],
        [row["text"] for row in documents],
        pairs,
        derive(own.threshold, own.recall),
        threshold=own.threshold,
        shingling=own.shingling,
        seed=own.seed,
        max_bucket=own.max_bucket,
    )
    return len(documents), [
        figure(f"recall of pairs >= {own.threshold:g}", found.recall, found.pairs),
        figure("precision of removed documents", found.precision, found.removed),
    ]


def _language(file: Path, settings: Settings) -> tuple[int, list[Row]]:
    """Rows `{text, language}` with BCP 47 codes, and `source_kind` where what is expected of a kind is to count."""
    from pipeline.language.evaluate import STAGE

    found = _languages(file, settings)
    own = found.scores[STAGE]
    figures = [figure(f"macro F1, {name}", entry.macro_f1, entry.texts) for name, entry in found.scores.items()]
    figures += [figure(f"accuracy, {name}", entry.accuracy, entry.texts) for name, entry in found.scores.items()]
    figures += [
        figure("macro precision", own.macro_precision, own.texts),
        figure("macro recall", own.macro_recall, own.texts),
        figure("undetermined", float(own.undetermined), own.texts),
        figure("calibration error of language_score", found.after.error, own.texts),
        figure("calibration error of lid.176's score", found.before.error, own.texts),
    ]
    for code, entry in list(own.by_language.items())[:WORST_LANGUAGES]:
        figures += [
            figure(f"{code} F1", entry.f1, entry.texts),
            figure(f"{code} precision", entry.precision, entry.predicted),
            figure(f"{code} recall", entry.recall, entry.texts),
        ]
    return own.texts, figures


def _languages(file: Path, settings: Settings) -> Evaluation:
    from pipeline.language.evaluate import evaluate as measure

    rows = read_rows(file, {"text": str, "language": str})
    for number, row in enumerate(rows, 1):
        if "source_kind" in row:
            _check(row, {"source_kind": str}, f"{file}, object {number}")
    own = settings.language
    return measure(rows, own.window_characters, own.min_score, own.expected)


def write_page(stage: str, file: Path, settings: Settings, page: Path) -> None:
    """Write the page of an evaluation: of languages, reliability diagrams and every language's figures. It quotes no text.

    Raises
    ------
    UserError
        If the stage has no page, or it cannot be written.
    """
    from pipeline.report.reliability_page import reliability_page

    if stage != "language":
        raise UserError(f"stage '{stage}' has no page; only language has one")
    text = reliability_page(_languages(file, settings), file.name)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {page}: {error.strerror}") from None


def _pii(file: Path, settings: Settings) -> tuple[int, list[Row]]:
    """Rows `{text, spans: [{start, end, type}]}`, offsets in code points."""
    from pipeline.pii.evaluate import evaluate as measure

    rows = read_rows(file, {"text": str, "spans": list})
    for number, row in enumerate(rows, 1):
        for span in row["spans"]:
            _check(span, {"start": int, "end": int, "type": str}, f"{file}, object {number}, spans")
    figures: list[Row] = []
    for entity, found in measure(rows, settings.pii).items():
        figures += [
            figure(f"{entity} precision", found.precision, found.predicted),
            figure(f"{entity} recall", found.recall, found.gold),
            figure(f"{entity} F1", found.f1, found.gold),
            figure(f"{entity} F2", found.f2, found.gold),
        ]
    return len(rows), figures


def _quality(file: Path, settings: Settings) -> tuple[int, list[Row]]:
    """Rows `{text, label: good|bad}`."""
    from pipeline.quality.evaluate import evaluate as measure

    rows = read_rows(file, {"text": str, "label": str})
    threshold = settings.cleaning.quality_threshold
    found = measure(rows, threshold)
    return len(rows), [
        figure("AUC", found.auc, found.documents),
        figure(f"precision of keep at {threshold:g}", found.precision, found.documents),
        figure(f"recall of good at {threshold:g}", found.recall, found.documents),
        figure("expected calibration error", found.calibration_error, found.documents),
    ]


def _validate(file: Path, settings: Settings) -> tuple[int, list[Row]]:
    """Rows `{text, item: id or null}`."""
    from pipeline.slices.decontaminate import index_of
    from pipeline.slices.evaluate import evaluate as measure

    rows = read_rows(file, {"text": str, "item": (str, type(None))})
    own = settings.validation
    found = measure(rows, index_of(own.benchmark_slices, own.contamination_shingle_size))
    return len(rows), [
        figure("precision", found.precision, found.found),
        figure("recall", found.recall, found.contaminated),
        figure("right item named", found.right_item, found.found),
    ]


EVALUATIONS: dict[str, Callable[[Path, Settings], tuple[int, list[Row]]]] = {
    "dedup": _dedup,
    "language": _language,
    "pii": _pii,
    "quality": _quality,
    "validate": _validate,
}
