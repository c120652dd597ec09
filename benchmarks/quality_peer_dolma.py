"""Dolma's Gopher and C4 taggers on a file of texts; run by `benchmarks.quality_peers` in Dolma's environment.

    python quality_peer_dolma.py TEXTS.json ANSWER.json

They measure and decide nothing, so there is only a cost to compare.
"""

import json
import sys
import time
from pathlib import Path

from dolma.core.data_types import Document
from dolma.taggers.c4 import FasterC4Tagger
from dolma.taggers.gopher import GopherTagger


def main(texts: str, answer: str) -> None:
    rows = json.loads(Path(texts).read_text(encoding="utf-8"))
    seconds: dict[str, float] = {}
    for name, tagger in (("gopher", GopherTagger()), ("c4", FasterC4Tagger())):
        start = time.process_time()
        for text in rows:
            tagger.predict(Document(source="", id="", text=text))
        seconds[name] = time.process_time() - start
    Path(answer).write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
