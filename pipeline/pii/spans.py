"""Spans: what was found, made exact, disjoint and replaceable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import regex

from pipeline.pii.tokens import Token


class Found(NamedTuple):
    """A recogniser's raw result: start, end and score within the text that it was given."""

    start: int
    end: int
    score: float
    stated: bool = False
    """The text beside it says what it is."""


class Hit(NamedTuple):
    """Personal data at code points `start` to `end` of a text."""

    start: int
    end: int
    type: str
    recognizer: str
    score: float


class Span(NamedTuple):
    """A placeholder at code points `start` to `end` of the new text; the fields of `pipeline.document.SPAN`."""

    type: str
    start: int
    end: int
    recognizer: str
    score: float
    token: str


PLACEHOLDER = (
    r"<(?:EMAIL_ADDRESS|PHONE_NUMBER|CREDIT_CARD|IBAN_CODE|US_SSN|IP_ADDRESS|CRYPTO|URL_CREDENTIALS|SECRET|NATIONAL_ID|PERSON|LOCATION)"
    r"(?::[ghjkmnpqrstvwxyz]{4}-[ghjkmnpqrstvwxyz]{20})?>"
)
"""A token, a placeholder or a pseudonym, ours or one that stood in the text before: all are left alone. Valid in RE2, `re` and `regex`.

No recogniser can match within or across one: none knows the angle brackets (`pipeline.pii.windows`), and between them stand no digit
and no name. Only widening to a grapheme cluster could reach one, and stops there.
"""

_PLACEHOLDER_BEFORE = regex.compile(rf"(?r){PLACEHOLDER}")
# Unicode Standard Annex 29, rules GB9, GB9a and GB9b. The others cannot apply to a hit: it begins and ends with a letter, a digit
# or a symbol next to a character that is none, so it cuts neither a Hangul syllable nor an Indic conjunct, flag or emoji.
_ATTACHED = regex.compile(
    r"[\p{Grapheme_Cluster_Break=Extend}\p{Grapheme_Cluster_Break=ZWJ}\p{Grapheme_Cluster_Break=SpacingMark}]+"
)
_PREPENDED = regex.compile(r"(?r)\p{Grapheme_Cluster_Break=Prepend}+")
_BASE = regex.compile(
    r"(?r).?[\p{Grapheme_Cluster_Break=Extend}\p{Grapheme_Cluster_Break=ZWJ}\p{Grapheme_Cluster_Break=SpacingMark}]*",
    regex.DOTALL,
)


def resolve(text: str, hits: Iterable[Hit]) -> list[Hit]:
    """Return disjoint hits in order, on grapheme clusters' boundaries.

    Hits that overlap become one that covers them all, so that no remainder of the weaker one is left; it is named by the hit with
    the highest score, then the longest, then the first, then by the alphabet. Hits that only touch stay apart.
    """
    result: list[Hit] = []
    best: Hit | None = None
    for hit in sorted({_widen(text, hit) for hit in hits}):
        if best is not None and hit.start < result[-1].end:
            best = min(best, hit, key=_preference)
            result[-1] = best._replace(start=result[-1].start, end=max(result[-1].end, hit.end))
        else:
            best = hit
            result.append(hit)
    return result


def replace(text: str, hits: Sequence[Hit], token_of: Token, spans: Sequence[Span] = ()) -> tuple[str, list[Span]]:
    """Replace disjoint hits, in order, by their tokens.

    Parameters
    ----------
    text
        The text that the hits were found in.
    hits
        Result of `resolve`.
    token_of
        What stands in place of a value (`pipeline.pii.tokens`).
    spans
        Tokens that an earlier pass put into `text`; they are moved along. An empty one, of what was cut, that lies within a hit goes
        to the hit's place.

    Returns
    -------
    tuple
        The new text, and the tokens in it, old and new, in order.
    """
    pieces: list[str] = []
    moved: list[Span] = []
    earlier = iter(spans)
    waiting = next(earlier, None)
    done = shift = 0
    for hit in hits:
        while waiting is not None and waiting.end <= hit.start:
            moved.append(waiting._replace(start=waiting.start + shift, end=waiting.end + shift))
            waiting = next(earlier, None)
        token = token_of(hit.type, text[hit.start : hit.end])
        start = hit.start + shift
        while waiting is not None and waiting.end < hit.end:
            moved.append(waiting._replace(start=start, end=start))
            waiting = next(earlier, None)
        moved.append(Span(hit.type, start, start + len(token), hit.recognizer, hit.score, token))
        pieces += (text[done : hit.start], token)
        shift += len(token) - (hit.end - hit.start)
        done = hit.end
    while waiting is not None:
        moved.append(waiting._replace(start=waiting.start + shift, end=waiting.end + shift))
        waiting = next(earlier, None)
    return "".join((*pieces, text[done:])), moved


def _preference(hit: Hit) -> tuple[float, int, int, str]:
    return (-hit.score, hit.start - hit.end, hit.start, hit.type)


def _widen(text: str, hit: Hit) -> Hit:
    """Extend a hit to the boundaries of the grapheme clusters that it cuts."""
    start, end = hit.start, hit.end
    attached = _ATTACHED.match(text, end)
    if attached:
        end = attached.end()
    if _ATTACHED.match(text, start, end):
        base = _BASE.match(text, 0, start)
        start = base.start() if base else start
    prepended = _PREPENDED.match(text, 0, start)
    if prepended:
        start = prepended.start()
    if start < hit.start:
        before = _PLACEHOLDER_BEFORE.search(text, max(0, start - 64), hit.start)
        if before and before.end() > start:
            start = before.end()
    return hit._replace(start=start, end=end)
