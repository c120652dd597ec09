"""Pages that are almost all boilerplate: what their crowded buckets cost, and that every page is accounted for.

`python -m benchmarks dedup_boilerplate` makes 12,500, 25,000 and 50,000 pages, each of one shared text and a tail of its own: a twentieth of
the words (every pair is a near-duplicate: one cluster), or two fifths (none is). Each measurement is a process of its own.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pydoc_data.topics import topics
from typing import Any

from rich.console import Console
from rich.table import Table

PAGES = (12_500, 25_000, 50_000)
TAILS = (0.05, 0.4)
WORDS = 350  # a web document's length
_SEED = 5


def pages(count: int, tail: float) -> Iterator[str]:
    """Yield pages: a text of Python's own help, cut off, and the given share of words drawn anew for each."""
    chance = random.Random(_SEED)
    text = topics["typesseq"].split()
    shared = " ".join(text[: round(WORDS * (1 - tail))])
    vocabulary = sorted({word for topic in topics.values() for word in topic.split() if word.isalpha()})
    for _ in range(count):
        yield shared + " " + " ".join(chance.choices(vocabulary, k=round(WORDS * tail)))


def measure(count: int, tail: float) -> dict[str, Any]:
    """Deduplicate pages as the stage does, with the default settings, and return counts and costs."""
    from pipeline.dedup.evaluate import deduplicate
    from pipeline.dedup.plan import derive
    from pipeline.settings import Dedup

    settings = Dedup()
    options: dict[str, Any] = {
        "threshold": settings.threshold, "shingling": settings.shingling, "seed": settings.seed,
        "max_bucket": settings.max_bucket,
    }  # fmt: skip
    plan = derive(settings.threshold, settings.recall)
    deduplicate(["a", "b"], list(pages(2, tail)), plan, **options)  # compiled kernels are loaded
    ids, texts = [f"{i:032x}" for i in range(count)], list(pages(count, tail))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    found = deduplicate(ids, texts, plan, **options)
    statistics = found.statistics
    return {
        "seconds": time.process_time() - started,
        "texts_mb": before / 1024,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "stay": found.survivor.null_count,
        "largest": int(found.cluster_size.max()),
        "candidates": statistics.candidate_pairs,
        "capped_buckets": statistics.capped_buckets,
        "capped_documents": statistics.capped_documents,
    }


def main() -> None:
    table = Table(title="Boilerplate pages")
    for name in (
        "tail", "pages", "CPU s", "for twice the pages", "peak MB (texts and imports alone)", "stay", "largest cluster",
        "pairs compared", "capped buckets", "documents in them",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for tail in TAILS:
        before = None
        for count in PAGES:
            command = [sys.executable, "-m", "benchmarks.dedup_boilerplate", str(count), str(tail)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            growth = f"{found['seconds'] / before:.2f}" if before else ""
            before = found["seconds"]
            table.add_row(
                f"{tail:.0%}", f"{count:,}", f"{found['seconds']:.1f}", growth, f"{found['peak_mb']:,.0f} ({found['texts_mb']:,.0f})",
                f"{found['stay']:,}", f"{found['largest']:,}", f"{found['candidates']:,}", f"{found['capped_buckets']:,}",
                f"{found['capped_documents']:,}",
            )  # fmt: skip
            print(f"{tail:.0%} of {count:,} pages: done", file=sys.stderr, flush=True)
    Console(width=160).print(table)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
    else:
        main()
