"""DataTrove's quality filters on a file of texts; run by `benchmarks.quality_peers` in DataTrove's environment.

    python quality_peer_datatrove.py TEXTS.json ANSWER.json FILTER,... [DEFINITION ...]

Every filter runs on every document, though DataTrove itself stops at the first that rejects. Each named definition of ours is put in
place of DataTrove's: a difference that goes away with it is that definition's. `tokens` among them answers with the texts written as
DataTrove's tokens as well, a space between each two, and changes nothing.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datatrove.pipeline.filters.c4_filters as c4
import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
import datatrove.pipeline.filters.gopher_quality_filter as gopher
import datatrove.pipeline.filters.gopher_repetition_filter as repetition
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.utils.text import split_into_words

from pipeline.text.characters import TERMINAL_PUNCTUATION
from pipeline.text.function_words import GOPHER_STOP_WORDS
from pipeline.text.measures_reference import core, sentences, top_n_gram


class _Cores:
    """Gopher's stop words, looked for among words in lower case without the marks around them."""

    def intersection(self, words: Iterable[str]) -> frozenset[str]:
        return GOPHER_STOP_WORDS & {core(word) for word in words}


def _words() -> None:
    for module in (fineweb, gopher, repetition):
        module.split_into_words = lambda text, _=None: text.split()


def _once() -> None:
    def top(grams: list[str]) -> int:
        words = grams[0].split() + [gram.split()[-1] for gram in grams[1:]]
        return top_n_gram(words, len(grams[0].split()))

    repetition.find_top_duplicate = top


def _symbols() -> None:
    gopher.PUNCTUATION_SET = frozenset()


def _sentences() -> None:
    c4.split_into_sentences = lambda line, _=None: [None] * sentences(line.split())


PATCHES: dict[str, Callable[[], None]] = {
    "words": _words,
    "once": _once,
    "symbols": _symbols,
    "sentences": _sentences,
}
OTHERS = {"cores", "ends", "tokens"}
"""Definitions that need no patch of a module: see `main`."""


def main(texts: str, answer: str, wanted: str, *ours: str) -> None:
    if unknown := set(ours) - PATCHES.keys() - OTHERS:
        raise SystemExit(f"no definition of ours is called {', '.join(sorted(unknown))}")
    for name in PATCHES.keys() & set(ours):
        PATCHES[name]()
    filters: dict[str, Callable[[], tuple[BaseFilter, ...]]] = {
        "gopher": lambda: (gopher.GopherQualityFilter(), repetition.GopherRepetitionFilter()),
        "fineweb": lambda: (
            fineweb.FineWebQualityFilter(stop_chars=tuple(TERMINAL_PUNCTUATION))
            if "ends" in ours
            else fineweb.FineWebQualityFilter(),
        ),
        "c4": lambda: (c4.C4QualityFilter(),),
    }
    rows = json.loads(Path(texts).read_text(encoding="utf-8"))
    split_into_words("Load the tokeniser.", "eng")
    decisions: dict[str, list[list[str]]] = {}
    seconds: dict[str, float] = {}
    for name in wanted.split(","):
        members = filters[name]()
        if "cores" in ours and name == "gopher":
            members[0].stop_words = _Cores()
        start = time.process_time()
        decisions[name] = [[reason for member in members for reason in _reasons(member, text)] for text in rows]
        seconds[name] = time.process_time() - start
    tokens = (
        ["\n".join(" ".join(split_into_words(line, "eng")) for line in text.split("\n")) for text in rows]
        if "tokens" in ours
        else []
    )
    found: dict[str, Any] = {"decisions": decisions, "seconds": seconds, "tokens": tokens}
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


def _reasons(member: BaseFilter, text: str) -> list[str]:
    """Return the reason of one filter, as a list of one or none; a filter that stumbles over a text says so."""
    try:
        result = member.filter(Document(text=text, id=""))
    except ZeroDivisionError:
        return ["error"]
    return [] if result is True else [result[1]]


if __name__ == "__main__":
    main(*sys.argv[1:])
