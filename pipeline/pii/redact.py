"""Redaction: a token takes the place of personal data.

The same function serves the stage and whoever must compare a text with published ones, like with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document import SPAN
from pipeline.pii.names import find_names
from pipeline.pii.recognizers import recognizers
from pipeline.pii.screens import screen
from pipeline.pii.spans import PLACEHOLDER, Hit, Span, replace, resolve
from pipeline.pii.tokens import token_of
from pipeline.settings import Pii, Settings

MAX_PASSES = 8
"""A placeholder may bring a context word nearer to what follows it, so that a further pass finds more. A pass without a hit ends the
matter, mostly the second; the limit is for texts made to need many, and the re-scan reports what they keep."""


class Redaction(NamedTuple):
    """Redacted texts with what was replaced; all of the input's length, null where the text is null."""

    texts: pa.Array
    """string: the texts with tokens."""
    spans: pa.Array
    """list<`pipeline.document.SPAN`>: the tokens, by code points of the new text, in order."""
    counts: pa.Array
    """int32: how many there are."""


def redact(
    texts: pa.Array | pa.ChunkedArray, settings: Pii, languages: Sequence[str | None] | None = None
) -> Redaction:
    """Replace the personal data in each text by tokens such as ``<EMAIL_ADDRESS>``.

    Redacting the result again finds nothing more (within `MAX_PASSES`), and a token that the text held before is left alone.

    Parameters
    ----------
    texts
        Strings or large strings; null stays null.
    settings
        What to look for, and what stands in its place.
    languages
        BCP 47 code of each text, for names; None: all are in a language that the names' model knows.

    Raises
    ------
    ConfigError
        If an entity or a region is unknown, or the key of pseudonyms is missing.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], texts.type)
    token = token_of(settings)
    new: dict[int, str] = {}
    spans: dict[int, list[Span]] = {}
    live, rows = texts, np.arange(len(texts))
    for _ in range(MAX_PASSES):
        found = find(live, settings, None if languages is None else [languages[row] for row in rows.tolist()])
        if not found:
            break
        for place, hits in found.items():
            row = int(rows[place])
            text = new[row] if row in new else live[place].as_py()
            new[row], spans[row] = replace(text, hits, token, spans.get(row, ()))
        rows = rows[sorted(found)]
        live = pa.array([new[int(row)] for row in rows], texts.type)
    return Redaction(_texts(texts, new), _spans(texts, spans), _counts(texts, spans))


def as_published(texts: pa.Array, settings: Settings) -> pa.Array:
    """Return what the pii stage will make of texts that have not been through the language stage yet.

    Nothing, if it is switched off. Names are looked for where the text's language, which is asked for here, is one that they are
    looked for in.
    """
    return _redacted(texts, settings, settings.pii) if settings.cleaning.remove_pii else texts


def without_tokens(texts: pa.Array, settings: Settings) -> pa.Array:
    """Return what two ways of redacting leave alike of a text, raw or redacted in any way: what is neither personal nor a token.

    Nothing can be had from a token but its type, and where texts were cut not even that. What only the other way took for personal
    stays a difference.

    >>> without_tokens(pa.array(["To a@b.org!", "To <EMAIL_ADDRESS>!", "To !"]), Settings.model_validate({"ingestion": {"sources": ["web_crawl"]}}))[0]
    <pyarrow.StringScalar: 'To !'>
    """
    found = _redacted(texts, settings, settings.pii.model_copy(update={"replacement": "placeholder"}))
    return strip_tokens(found)


def strip_tokens(texts: pa.Array) -> pa.Array:
    """Return texts without the tokens in them."""
    return pc.replace_substring_regex(texts, PLACEHOLDER, "")


def _redacted(texts: pa.Array, settings: Settings, wanted: Pii) -> pa.Array:
    languages = None
    if wanted.names:
        from pipeline.language.detect import detect

        own = settings.language
        known = settings.ingestion.language_detection
        languages = (
            detect(texts, own.window_characters, own.min_score).languages.to_pylist() if known else [None] * len(texts)
        )
    return redact(texts, wanted, languages).texts


def find(texts: pa.Array, settings: Pii, languages: Sequence[str | None] | None = None) -> dict[int, list[Hit]]:
    """Return the hits of each text that has any, disjoint and in order, by code points of that text."""
    known = recognizers(settings)
    passed = screen(texts, settings.entities)
    named = find_names(texts, languages) if settings.names else {}
    found: dict[int, list[Hit]] = {}
    screened = np.flatnonzero(np.logical_or.reduce(list(passed.values()))).tolist()
    for place in sorted({*screened, *named}):
        text = texts[place].as_py()
        hits = [hit for entity in settings.entities if passed[entity][place] for hit in known.find(text, entity)]
        if hits or place in named:
            found[place] = resolve(text, [*hits, *named.get(place, ())])
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
