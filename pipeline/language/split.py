"""The fixed split of labelled texts: what models are tuned on, and what they are measured on."""

from __future__ import annotations

import hashlib
from typing import Literal

Half = Literal["tuning", "test"]


def half(text: str) -> Half:
    """Return which half a text belongs to: by the first bit of its digest, so that no copy of it is in the other half.

    >>> half("Guten Tag"), half("Hello")
    ('test', 'tuning')
    """
    return "test" if hashlib.sha256(text.encode()).digest()[0] % 2 else "tuning"
