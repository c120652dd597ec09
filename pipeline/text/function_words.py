"""Function words by language: articles, pronouns, prepositions, conjunctions, auxiliaries. Other languages have no list, and their measures are null.

A list makes up about two words in five of running text of its language, so that one share means the same in each. The English list is
ours; the others are spaCy's stop words (MIT), cut to that length by `pipeline/quality/language_tables.py`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parent / "function_words.json"

GOPHER_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
"""The eight words of Gopher's rule (arXiv 2112.11446, section A1.1); English only."""

ENGLISH = frozenset(
    # A text split in place reads better than one word a line.
    """
    a about after all also am an and any are as at be because been before being both but by can could did do does don't
    each for from had has have he her here him his how i if in into is it it's its just may me might more most must my no
    nor not of off on one only or other our out over own she should so some such than that that's the their them then
    there these they this those through to too under until up very was we were what when where which while who whom why
    will with would you your yours i'm you're we're they're can't didn't doesn't isn't i've won't
    """.split()  # noqa: SIM905 - as above
)


@lru_cache(maxsize=1)
def lists() -> dict[str, frozenset[str]]:
    """Return each language's list, in lower case."""
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {"en": ENGLISH, **{language: frozenset(words) for language, words in found.items()}}
