"""Redaction: personal data becomes a typed placeholder.

The same function serves the stage and whoever must compare a text with published ones, like with like.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config import Pii
from pipeline.document import SPAN
from pipeline.pii.recognizers import Recognizers, recognizers
from pipeline.pii.screens import screen
from pipeline.pii.spans import Hit, Span, replace, resolve

MAX_PASSES = 8
"""A placeholder may bring a context word nearer to what follows it, so that a further pass finds more. A pass without a hit ends the
matter, mostly the second; the limit is for texts made to need many, and the re-scan reports what they keep."""


class Redaction(NamedTuple):
    """Redacted texts with what was replaced; all of the input's length, null where the text is null."""

    texts: pa.Array
    """string: the texts with placeholders."""
    spans: pa.Array
    """list<`pipeline.document.SPAN`>: the placeholders, by code points of the new text, in order."""
    counts: pa.Array
    """int32: how many there are."""


def redact(texts: pa.Array | pa.ChunkedArray, settings: Pii) -> Redaction:
    """Replace the personal data in each text by placeholders such as ``<EMAIL_ADDRESS>``.

    Redacting the result again finds nothing more (within `MAX_PASSES`), and a placeholder that the text held before is left alone.

    Parameters
    ----------
    texts
        Strings or large strings; null stays null.
    settings
        Entities, phone regions and the score from which a hit counts.

    Raises
    ------
    ConfigError
        If an entity or a phone region is unknown.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], texts.type)
    known = recognizers(settings)
    new: dict[int, str] = {}
    spans: dict[int, list[Span]] = {}
    live, rows = texts, np.arange(len(texts))
    for _ in range(MAX_PASSES):
        found = _hits(live, known)
        if not found:
            break
        for place, (text, hits) in found.items():
            row = int(rows[place])
            new[row], spans[row] = replace(text, hits, spans.get(row, ()))
        rows = rows[sorted(found)]
        live = pa.array([new[int(row)] for row in rows], texts.type)
    return Redaction(_texts(texts, new), _spans(texts, spans), _counts(texts, spans))


def _hits(texts: pa.Array, known: Recognizers) -> dict[int, tuple[str, list[Hit]]]:
    """Return the resolved hits of each text that has any."""
    entities = known.settings.entities
    passed = screen(texts, entities)
    found: dict[int, tuple[str, list[Hit]]] = {}
    for place in np.flatnonzero(np.logical_or.reduce(list(passed.values()))).tolist():
        text = texts[place].as_py()
        hits = [hit for entity in entities if passed[entity][place] for hit in known.find(text, entity)]
        if hits:
            found[place] = (text, resolve(text, hits))
    return found


def _texts(texts: pa.Array, new: dict[int, str]) -> pa.Array:
    if not new:
        return texts
    rows = sorted(new)
    return pc.replace_with_mask(texts, _mask(len(texts), rows), pa.array([new[row] for row in rows], texts.type))


def _spans(texts: pa.Array, spans: dict[int, list[Span]]) -> pa.Array:
    flat = [span for row in sorted(spans) for span in spans[row]]
    columns = zip(*flat, strict=True) if flat else [()] * len(SPAN)
    values = pa.StructArray.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, SPAN, strict=True)], fields=list(SPAN)
    )
    offsets = np.zeros(len(texts) + 1, np.int32)
    for row, row_spans in spans.items():
        offsets[row + 1] = len(row_spans)
    return pa.ListArray.from_arrays(
        pa.array(np.cumsum(offsets, dtype=np.int32)),
        values,
        type=pa.list_(pa.field("item", SPAN, nullable=False)),
        mask=pc.is_null(texts) if texts.null_count else None,
    )


def _counts(texts: pa.Array, spans: dict[int, list[Span]]) -> pa.Array:
    counts = np.zeros(len(texts), np.int32)
    for row, row_spans in spans.items():
        counts[row] = len(row_spans)
    return pa.array(counts, mask=pc.is_null(texts).to_numpy(zero_copy_only=False))


def _mask(length: int, rows: list[int]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(length, bool)
    mask[rows] = True
    return mask
