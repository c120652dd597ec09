"""The bias report's cost: the screen against RE2 patterns, counting, and the report, at 1, 4 and 16 times the documents.

    uv run python -m benchmarks.bias [--documents 6000] [--corpus FILE.parquet] [--repeats 3]

The texts are those of `benchmarks.measure`, or the column `text` of a Parquet file (the corpora of `benchmarks.dedup_corpus`, for example).
Every tenth document, by chance, is lost to each of twenty rules. Figures are medians of CPU seconds of this process.

The reference is one RE2 alternation for all terms, which passes a text on, and one for each group: the fastest way without a kernel of our own. It
knows neither contexts nor Unicode's words, so the two need not agree to the last mention; their difference is printed.
"""

from __future__ import annotations

import argparse
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.measure import web_length_texts
from benchmarks.quality import median_seconds
from pipeline.bias.counts import Counts, Documents, count, merge
from pipeline.bias.report import Limits, report
from pipeline.bias.screen import screen
from pipeline.bias.terms import group_names, term_lists

RULES = 20
EARLY = Counts((), (), (), np.zeros((0, 0, 0), np.int64))


def pattern(terms: list[str]) -> str:
    """Return the RE2 pattern of a mention of any of the terms."""
    words = sorted(terms, key=lambda term: (-len(term), term))
    alternatives = "|".join(re.escape(word).replace(r"\ ", r"[\s-]+") for word in words)
    return rf"(?i)(?:^|[^\p{{L}}\p{{N}}_])(?:{alternatives})(?:$|[^\p{{L}}\p{{N}}_])"


def by_patterns(texts: pa.Array) -> np.ndarray:
    """Return which groups each text mentions, by patterns."""
    groups = {name: list(terms) for name, terms in term_lists()["en"].items() if ":" in name}
    passed = np.flatnonzero(pc.match_substring_regex(texts, pattern([t for own in groups.values() for t in own])))
    few = texts.take(pa.array(passed))
    found = np.zeros((len(texts), len(group_names())), np.bool_)
    for name, terms in groups.items():
        found[passed, group_names().index(name)] = pc.match_substring_regex(few, pattern(terms)).to_numpy(
            zero_copy_only=False
        )
    return found


def judged(texts: pa.Array, language: pa.Array, seed: int = 1) -> Documents:
    """Return the texts as documents of three sources, some of them lost to each of the rules."""
    rng, length = np.random.default_rng(seed), len(texts)
    hits = {f"rule:quality.rule_{number}@1": rng.random(length) < 0.1 for number in range(RULES)}
    lost, read = np.logical_or.reduce(list(hits.values())), np.ones(length, np.bool_)
    return Documents(
        pa.array(np.array(["social_feeds", "web_crawl", "licensed_content"])[rng.integers(0, 3, length)]),
        language,
        pa.array(np.array(["de", "fr", "gb", "us"])[rng.integers(0, 4, length)]),
        np.asarray(pc.utf8_length(texts), np.int64),
        screen(texts, language),
        {"read:*": read, "lost:*": lost, "read:quality": read, "lost:quality": lost, **hits},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=6_000)
    parser.add_argument("--corpus")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.corpus:
        texts = pq.read_table(arguments.corpus, columns=["text"]).column(0).combine_chunks()
    else:
        texts = pa.array(web_length_texts(16 * arguments.documents))
    texts = texts.cast(pa.large_string())
    sizes = [size for size in (len(texts) // 16, len(texts) // 4, len(texts)) if size]
    small = texts.slice(0, min(sizes[0], 2_000))
    plain = median_seconds(lambda: by_patterns(small), 1) / len(small)
    english = pa.array(["en"] * len(small))
    differing = (by_patterns(small) != (screen(small, english).flags > 0)).sum()
    print(f"{'':28s} {'documents':>9s} {'CPU s':>8s} {'a CPU s':>9s} {'ratio':>7s}")
    print(
        f"{'RE2 patterns':28s} {len(small):9d} {plain * len(small):8.2f} {1 / plain:9.0f} {1:7.1f}   differing mentions {differing}"
    )
    for size in sizes:
        part = texts.slice(0, size)
        language = pa.array(["en"] * size)
        seconds = median_seconds(lambda part=part, language=language: screen(part, language), arguments.repeats)
        print(f"{'screen':28s} {size:9d} {seconds:8.2f} {size / seconds:9.0f} {plain * size / seconds:7.1f}")
        documents = judged(part, language)
        seconds = median_seconds(lambda documents=documents: count(documents, fine=True), arguments.repeats)
        print(f"{'count':28s} {size:9d} {seconds:8.2f} {size / seconds:9.0f}")
        counts = merge([count(documents, fine=True).to_json()])
        seconds = median_seconds(lambda counts=counts: report(counts, EARLY, Limits(0.8, 0.01, 0.5)), arguments.repeats)
        print(f"{'report':28s} {size:9d} {seconds:8.2f}")


if __name__ == "__main__":
    main()
