"""The second opinion: CLD2, Chromium's Compact Language Detector 2 (Sites, 2013; Apache 2.0), by the bindings of `pycld2`.

It shares neither method nor training data with fastText's model: naive Bayes over four-letter groups of words with their ends, and over
single characters in scripts of one language. It is the fastest of all (some 16,000 web documents a CPU second, read whole) and says
how a text divides among languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.language.codes import bcp_47

LABELS = 3
"""How many languages it names at most."""

_UNREADABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
"""Characters at which CLD2 refuses a text: controls and noncharacters."""
_NO_LANGUAGE = frozenset({"un", "tlh", "xxx", "zzb", "zze", "zzh", "zzp"})
"""What it calls unknown text, and its jokes (Klingon, Pig Latin, Elmer Fudd, ...)."""


class Opinions(NamedTuple):
    """What each text is written in, the largest share first; the arrays' first dimension is the texts."""

    languages: npt.NDArray[np.object_]
    """BCP 47 codes, shape ``(texts, LABELS)``; None where it names fewer."""
    shares: npt.NDArray[np.float32]
    """Share of the text in that language, in [0, 1]; same shape."""
    reliable: npt.NDArray[np.bool_]
    """Whether it calls its answer reliable."""


def opinions(texts: Sequence[str]) -> Opinions:
    """Ask CLD2 for each text; all of each text is read, as plain text."""
    codes = np.full((len(texts), LABELS), None, object)
    shares = np.zeros((len(texts), LABELS), np.float32)
    reliable = np.zeros(len(texts), np.bool_)
    for row, text in enumerate(texts):
        reliable[row], found = _detect(text)
        place = 0
        for _, name, percent, _ in found:
            if percent and name not in _NO_LANGUAGE and not name.startswith("xx-"):
                codes[row, place], shares[row, place] = bcp_47(name), percent / 100
                place += 1
    return Opinions(codes, shares, reliable)


@cache
def languages() -> frozenset[str]:
    """Return the BCP 47 codes that it can give."""
    import pycld2

    detected = set(pycld2.DETECTED_LANGUAGES)
    names = {code for name, code in pycld2.LANGUAGES if name in detected}
    return frozenset(bcp_47(name) for name in names if name not in _NO_LANGUAGE and not name.startswith("xx-"))


def _detect(text: str) -> tuple[bool, tuple[tuple[str, str, int, float], ...]]:
    import pycld2

    data = text.encode("utf-8", "replace")
    try:
        reliable, _, found = pycld2.detect(data, isPlainText=True, bestEffort=True)
    except pycld2.error:
        try:
            clean = _UNREADABLE.sub(" ", text).encode("utf-8", "replace")
            reliable, _, found = pycld2.detect(clean, isPlainText=True, bestEffort=True)
        except pycld2.error:
            return False, ()
    return bool(reliable), found
