"""Ratios of medians from one run: absolute figures belong to the machine, ratios mostly do not."""

from __future__ import annotations

import gzip
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class Rate(NamedTuple):
    """Documents a CPU second: the median of the runs, with the slowest and the fastest."""

    median: float
    lowest: float
    highest: float


def rates(variants: dict[str, Callable[[], object]], documents: dict[str, int], repeats: int) -> dict[str, Rate]:
    """Run all variants in turn, `repeats` times, and return each one's rate in documents a CPU second of this process."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, run in variants.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {
        name: Rate(*(documents[name] / value for value in (statistics.median(taken), max(taken), min(taken))))
        for name, taken in seconds.items()
    }


def report(title: str, found: dict[str, Rate], reference: str) -> None:
    """Print the rates, and each one's ratio to the reference's median."""
    print(title)
    for name, rate in found.items():
        ratio = rate.median / found[reference].median
        print(
            f"  {name:44s} {rate.median:10,.0f} documents/CPU s  [{rate.lowest:,.0f} to {rate.highest:,.0f}]  x{ratio:.1f}"
        )


def web_length_texts(limit: int, characters: int = 2_200) -> list[str]:
    """Return texts of about a web document's length, cut from the real ones in the shared folder, or generated where it is absent.

    The mean of the corpus that the peers were measured on is 2,200 characters.
    """
    folder = Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data/quality"
    names = (
        "18f_posts",
        "digitalgov",
        "peps",
        "plos_chunks_train",
        "onestopenglish",
        "spamassassin_ham2",
        "machine_junk",
    )
    texts: list[str] = []
    for name in names:
        file = folder / name / "data.jsonl.gz"
        if file.exists():
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                for line in lines:
                    text = json.loads(line)["text"]
                    texts += [text[i : i + characters] for i in range(0, len(text), characters)]
    if not texts:
        sentence = (
            "On 2024-01-15 some 1,234 people wrote to user{0}@example.com or called +1 201-555-01{1:02d} about it. "
        )
        texts = ["".join(sentence.format(i, j) for j in range(20)) for i in range(limit)]
    return _spread(texts, limit)


def _spread(texts: Sequence[str], limit: int) -> list[str]:
    """Return at most `limit` texts, evenly spaced."""
    step = max(1, len(texts) // limit)
    return list(texts[::step])[:limit]
