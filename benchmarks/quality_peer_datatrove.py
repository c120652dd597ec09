"""DataTrove's quality filters on a file of texts; run by `benchmarks.quality_peers` in DataTrove's environment.

    python quality_peer_datatrove.py TEXTS.json ANSWER.json spacy|split ENDS

Every filter runs on every document, though DataTrove itself stops at the first that rejects. `split` puts `str.split` in place of
its tokeniser (spaCy's): a difference that goes away with it is the tokeniser's. With `spacy` the texts are returned as its tokens too, a space
between each two.
"""

import json
import sys
import time
from pathlib import Path

import datatrove.pipeline.filters.c4_filters as c4
import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
import datatrove.pipeline.filters.gopher_quality_filter as gopher
import datatrove.pipeline.filters.gopher_repetition_filter as repetition
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.utils.text import split_into_words


def main(texts: str, answer: str, words: str, ends: str) -> None:
    if words == "split":
        for module in (fineweb, gopher, repetition):
            module.split_into_words = lambda text, _=None: text.split()
    filters = {
        "gopher": (gopher.GopherQualityFilter(), repetition.GopherRepetitionFilter()),
        "fineweb": (fineweb.FineWebQualityFilter(),),
        "c4": (c4.C4QualityFilter(),),
        "fineweb_ends": (fineweb.FineWebQualityFilter(stop_chars=tuple(ends)),),
    }
    rows = json.loads(Path(texts).read_text(encoding="utf-8"))
    split_into_words("Load the tokeniser.", "eng")
    decisions: dict[str, list[list[str]]] = {}
    seconds: dict[str, float] = {}
    for name, members in filters.items():
        start = time.process_time()
        decisions[name] = [[reason for member in members for reason in _reasons(member, text)] for text in rows]
        seconds[name] = time.process_time() - start
    tokens = ["\n".join(" ".join(split_into_words(line, "eng")) for line in text.split("\n")) for text in rows]
    found = {"decisions": decisions, "seconds": seconds, "tokens": tokens if words == "spacy" else []}
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
