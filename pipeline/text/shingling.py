"""What a text is cut into before it is compared: plain values, nothing is compiled or loaded here."""

from __future__ import annotations

from typing import Literal, NamedTuple

WordRule = Literal["unicode", "plain"]
r"""What a word is: `unicode` as `pipeline.text.words` says, each character of a script without spaces a word of its own; `plain` whatever
``\w+`` matches, a whole Chinese phrase, as text-dedup and most scripts have it."""


class Shingling(NamedTuple):
    """How shingles are made."""

    size: int
    """Words in a shingle."""
    words: WordRule = "unicode"
