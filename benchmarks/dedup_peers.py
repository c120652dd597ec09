"""Near-duplicates, ours and the peers': what each removes of one corpus whose true pairs are known, and what it costs.

    python -m benchmarks dedup_peers
    python -m benchmarks.dedup_peers [--cache FOLDER] [--only ours rensa ...] [--recalls]

Every tool runs in a process of its own, in an environment of its own, on the same Parquet file. CPU seconds are those of that process and its
children, from its start to its end; the marginal rate, documents more over CPU seconds more between two sizes, leaves out what a start costs.
The corpus is made from Debian's documentation packages (`debian_documents`: fetched with apt, never part of the project), the truth is
exact (`dedup_truth`). `--recalls` compares settings of ours instead.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from benchmarks.dedup_corpus import Corpus, corpus
from benchmarks.dedup_truth import Truth, plain_words, standard_words, truth
from benchmarks.environments import cache_folder, environment
from benchmarks.measured import Run, measured
from pipeline.text.words import words

HERE = Path(__file__).parent
JUDGED = 100_000
"""Documents of the corpus on which quality is measured."""


class Tool(NamedTuple):
    """What is compared."""

    title: str
    script: str
    packages: tuple[str, ...]
    sizes: tuple[int, int]
    """The sizes between which the marginal rate is taken, `JUDGED` among them; the slow ones are spared the large one."""
    needs_folder: bool = True
    python: str | None = None
    """Version of Python that the packages ask for, where it is not ours."""


TOOLS = {
    "rensa": Tool(
        "rensa 0.5.0, one-process script, 16x8, signatures >= 0.7", "dedup_peer_rensa.py", ("rensa==0.5.0", "pyarrow"), (100_000, 400_000), needs_folder=False
    ),
    "datatrove": Tool(
        "DataTrove 0.10.1, 14x8, four steps", "dedup_peer_datatrove.py", ("datatrove[io,processing]==0.10.1", "spacy", "pandas", "aiohttp"), (25_000, 100_000)
    ),
    "dpk": Tool(
        "Data Prep Kit 1.1.8, 14x8, signatures >= 0.75", "dedup_peer_dpk.py", ("data-prep-toolkit-transforms[fdedup]==1.1.8", "pyarrow<20"), (25_000, 100_000)
    ),
    "textdedup": Tool(
        "text-dedup 0.4.1, 24x10, compared exactly >= 0.7", "dedup_peer_textdedup.py", ("text-dedup==0.4.1",), (25_000, 100_000), python="3.12"
    ),
}  # fmt: skip
OURS = (25_000, 100_000, 400_000)


class Quality(NamedTuple):
    """What was removed, against the true pairs."""

    removed: int
    recall: tuple[float, float]
    """Share of the pairs at 0.8 and more, 0.7 and more, of which at least one document was removed."""
    precision: tuple[float, float]
    """Share of the removed documents that have a partner at 0.7 and more, 0.5 and more."""


def removed_rows(answer: Path, rows: dict[str, int]) -> dict[int, int | None]:
    """Return the removed rows, each with the row that stays for it where the tool says it."""
    found = json.loads(answer.read_text(encoding="utf-8"))["removed"]
    return {rows[name]: None if survivor is None else rows[survivor] for name, survivor in found.items()}


WORDS = {r"\w+": plain_words, "UAX #29": standard_words, "scripts without spaces by characters": words}
"""Definitions of a word by which all are judged: the stage's two rules, and the standard's, which is nobody's here."""


def judge(made: Corpus, gone: dict[int, int | None]) -> dict[str, Quality]:
    """Compare what was removed with the truth by each definition of a word."""
    return {name: _judge(made, gone, truth(made.file, of)) for name, of in WORDS.items()}


def _judge(made: Corpus, gone: dict[int, int | None], known: Truth) -> Quality:
    removed = np.zeros(made.documents, np.bool_)
    removed[list(gone)] = True
    caught = removed[known.a] | removed[known.b]

    def partnered(least: float) -> float:
        near = known.similarity >= least
        has = np.zeros(made.documents, np.bool_)
        has[known.a[near]] = has[known.b[near]] = True
        return float(has[removed].mean())

    recall = tuple(float(caught[known.similarity >= least].mean()) for least in (0.8, 0.7))
    return Quality(int(removed.sum()), (recall[0], recall[1]), (partnered(0.7), partnered(0.5)))


def peer(name: str, cache: Path) -> None:
    """Measure one peer and print its line."""
    tool = TOOLS[name]
    python = environment(tool.script.removeprefix("dedup_peer_").removesuffix(".py"), tool.packages, cache, tool.python)
    runs: dict[int, Run] = {}
    for size in tool.sizes:
        made = corpus(size, cache)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            answer = Path(folder) / "answer.json"
            more = [str(Path(folder) / "work")] if tool.needs_folder else []
            runs[size] = measured(
                [python, str(HERE / tool.script), str(made.file), *more, str(answer)], Path(folder) / "log"
            )
            if size == JUDGED:
                gone = removed_rows(answer, rows_of(made))
    report(tool.title, runs, judge(corpus(JUDGED, cache), gone))


def rows_of(made: Corpus) -> dict[str, int]:
    """Return the row of each id."""
    names = pq.read_table(made.file, columns=["id"]).column("id").to_pylist()
    return {name: row for row, name in enumerate(names)}


def report(title: str, runs: dict[int, Run], quality: dict[str, Quality]) -> None:
    """Print what a tool costs at each size, what a document more costs, and what it finds."""
    print(title)
    for size, run in runs.items():
        print(
            f"  {size:>7,} documents: {run.cpu:8.1f} CPU s ({size / run.cpu:,.0f} documents/CPU s), {run.wall:.1f} s, peak {run.peak:,.0f} MB, load {run.load:.1f}"
        )
    sizes = sorted(runs)
    for less, more in pairwise(sizes):
        rate = (more - less) / (runs[more].cpu - runs[less].cpu)
        print(
            f"  marginal, {less:,} to {more:,}: {rate:,.0f} documents/CPU s; CPU x{runs[more].cpu / runs[less].cpu:.2f}"
        )
    for name, (removed, recall, precision) in quality.items():
        print(
            f"  of {JUDGED:,}, words by {name}: {removed:,} removed; recall of pairs >= 0.8 {recall[0]:.4f}, >= 0.7 {recall[1]:.4f}; "
            f"precision >= 0.7 {precision[0]:.4f}, >= 0.5 {precision[1]:.4f}",
            flush=True,
        )


def main() -> None:
    from benchmarks import dedup_peers_ours as ours

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cache", type=Path, default=cache_folder(), help="folder for packages, corpora and environments"
    )
    parser.add_argument("--only", nargs="*", choices=["ours", *TOOLS], default=["ours", *TOOLS])
    parser.add_argument("--recalls", action="store_true", help="compare values of dedup.recall")
    arguments = parser.parse_args()
    made = corpus(JUDGED, arguments.cache)
    print(f"{made.documents:,} documents, {made.bytes / 1e6:.0f} MB, sha256 {made.digest[:16]}")
    for name, of in WORDS.items():
        near = truth(made.file, of).similarity
        counts = ", ".join(f"{int((near >= least).sum()):,} >= {least}" for least in (0.5, 0.7, 0.8, 1.0))
        print(f"  true pairs, words by {name}: {counts}", flush=True)
    if arguments.recalls:
        ours.compare_recalls(arguments.cache)
        return
    for name in arguments.only:
        if name == "ours":
            ours.measure(arguments.cache)
        else:
            peer(name, arguments.cache)


if __name__ == "__main__":
    main()
