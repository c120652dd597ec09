"""How a text divides among languages: each of its segments is detected alone, and counts by its length.

It is for doubtful texts only (see `doubtful`): a text of which every model says one language is not cut up.
"""

# ruff: noqa: RUF001 - punctuation of other scripts is meant as it stands

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.language.codes import UNDETERMINED
from pipeline.language.detect import SURE_SCORE, Reading, read
from pipeline.language.weigh import Priors

SEGMENT_CHARACTERS = 200
"""Length that a segment may have: two or three sentences, on which detection is right in 97 % of the cases."""

MAX_SEGMENTS = 12
"""Of longer texts, so many segments are read, at equal distances."""

Shares = dict[str, float]
"""Share of a text's characters by language, largest first; what no language is sure of is `und`."""

_END = re.compile(r"(?<=[.!?…。！？।؟։])\s+|\n+")


def doubtful(reading: Reading, column: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which of the texts of a column that were read may be in more than one language.

    Long enough for two segments, and CLD2 divides it, the models disagree, or the answer is not sure.
    """
    long = pc.utf8_length(column).to_numpy(zero_copy_only=False)[reading.rows] >= 2 * SEGMENT_CHARACTERS
    disagree = np.array([agree is False for agree in reading.agree], bool)
    return np.asarray(long & (reading.divided | disagree | (reading.scores[:, 0] < SURE_SCORE)))


def shares(texts: Sequence[str], min_score: float = 0.5, prior: Priors | None = None) -> list[Shares]:
    """Return each text's shares; {} for one without a letter. `prior` is that of each text."""
    segments: list[str] = []
    owner: list[int] = []
    for number, text in enumerate(texts):
        own = cut(text)
        segments += own
        owner += [number] * len(own)
    reading = read(pa.array(segments, pa.string()), prior=prior.take(np.array(owner, np.int64)) if prior else None)
    sums: list[Shares] = [{} for _ in texts]
    for place, row in enumerate(reading.rows.tolist()):
        sure = reading.best[place, 0] is not None and reading.scores[place, 0] >= min_score
        language = reading.best[place, 0] if sure else UNDETERMINED
        own_sums = sums[owner[row]]
        own_sums[language] = own_sums.get(language, 0) + len(segments[row])
    return [
        {
            language: size / sum(own.values())
            for language, size in sorted(own.items(), key=lambda item: (-item[1], item[0]))
        }
        for own in sums
    ]


def cut(text: str) -> list[str]:
    r"""Return a text's segments: whole lines and sentences, up to `SEGMENT_CHARACTERS` together.

    >>> cut("Erste Zeile.\nUnd noch ein Satz.")
    ['Erste Zeile. Und noch ein Satz.']
    """
    segments: list[str] = []
    current = ""
    for piece in _END.split(text):
        for start in range(0, len(piece), SEGMENT_CHARACTERS):
            part = piece[start : start + SEGMENT_CHARACTERS].strip()
            if current and len(current) + len(part) >= SEGMENT_CHARACTERS:
                segments.append(current)
                current = ""
            current = f"{current} {part}" if current and part else current or part
    if current:
        segments.append(current)
    if len(segments) <= MAX_SEGMENTS:
        return segments
    return [segments[place] for place in np.linspace(0, len(segments) - 1, MAX_SEGMENTS).round().astype(int)]
