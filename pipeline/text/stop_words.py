"""English function words, as measures need them; other languages have no list yet, and their measures are null."""

from __future__ import annotations

GOPHER_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
"""The eight words of Gopher's rule (arXiv 2112.11446, section A1.1)."""

FUNCTION_WORDS = frozenset(
    # A text split in place reads better than one word a line.
    """
    a about after all also am an and any are as at be because been before being both but by can could did do does don't
    each for from had has have he her here him his how i if in into is it it's its just may me might more most must my no
    nor not of off on one only or other our out over own she should so some such than that that's the their them then
    there these they this those through to too under until up very was we were what when where which while who whom why
    will with would you your yours i'm you're we're they're can't didn't doesn't isn't i've won't
    """.split()  # noqa: SIM905 - as above
)
"""Articles, pronouns, prepositions, conjunctions and auxiliaries: about two words in five of running English."""
