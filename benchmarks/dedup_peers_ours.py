"""Our side of `dedup_peers`: cost at three sizes, warm and cold; what stays that should go; values of `dedup.recall`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dedup_corpus import Corpus, corpus
from benchmarks.dedup_peers import JUDGED, OURS, WORDS, judge, removed_rows, report, rows_of
from benchmarks.dedup_truth import Truth, truth
from benchmarks.measured import Run, measured
from pipeline.dedup.plan import derive
from pipeline.settings import Dedup

RECALLS = (0.99, 0.999, 0.9999)
THRESHOLDS = (0.8, 0.7)
PEERS_THRESHOLD = 0.7
"""At which the peers remove."""
NOT_COUNTED = "dedup.repetition.policy=ignore"
"""The stage counts passages that many documents share, which no peer does."""
PLAIN = "dedup.words=plain"
r"""Words as text-dedup and the truth by ``\w+`` have them."""
_COMMAND = [sys.executable, "-W", "ignore", "-m", "benchmarks.dedup_ours"]


@contextmanager
def prepared(size: int, cache: Path) -> Iterator[tuple[Corpus, Path]]:
    """Give a corpus as ingest's snapshot, in a folder that is removed afterwards."""
    made = corpus(size, cache)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        measured([*_COMMAND, "prepare", str(made.file), f"{folder}/lake"], Path(folder) / "log")
        yield made, Path(folder)


def run(folder: Path, *changes: str, **variables: str) -> Run:
    """Run the stage once in a fresh process."""
    return measured(
        [*_COMMAND, "run", f"{folder}/lake", f"{folder}/answer.json", *changes], folder / "log", **variables
    )


def measure(cache: Path) -> None:
    """Measure ours and print it."""
    runs: dict[int, Run] = {}
    lean: dict[int, Run] = {}
    cold: dict[int, Run] = {}
    for size in OURS:
        with prepared(size, cache) as (made, folder):
            if size <= JUDGED:
                with tempfile.TemporaryDirectory() as empty:
                    cold[size] = run(folder, NUMBA_CACHE_DIR=empty)
            lean[size] = run(folder, NOT_COUNTED)
            runs[size] = run(folder)
            if size == JUDGED:
                answer, rows = folder / "answer.json", rows_of(made)
                gone = removed_rows(answer, rows)
                at_theirs = {size: run(folder, f"dedup.threshold={PEERS_THRESHOLD}", NOT_COUNTED)}
                more = removed_rows(answer, rows)
                plain = {size: run(folder, PLAIN)}
                gone_plain = removed_rows(answer, rows)
                plain_at_theirs = {size: run(folder, PLAIN, f"dedup.threshold={PEERS_THRESHOLD}", NOT_COUNTED)}
                more_plain = removed_rows(answer, rows)
    made = corpus(JUDGED, cache)
    report(f"ours, dedup.threshold={PEERS_THRESHOLD}, {NOT_COUNTED}", at_theirs, judge(made, more))
    report(f"ours, {PLAIN}, dedup.threshold={PEERS_THRESHOLD}, {NOT_COUNTED}", plain_at_theirs, judge(made, more_plain))
    report(f"ours, {PLAIN}", plain, judge(made, gone_plain))
    account(made, gone_plain, Dedup().threshold)
    report(f"ours, {NOT_COUNTED}", lean, judge(made, gone))
    report("ours, default settings", runs, judge(made, gone))
    for size, one in cold.items():
        print(f"  cold, nothing compiled, {size:,} documents: {one.cpu:.1f} CPU s, {one.wall:.1f} s")
    account(made, gone, Dedup().threshold)


def account(made: Corpus, gone: dict[int, int | None], threshold: float) -> None:
    """Print what stays that should have gone, and what went for nobody that is as near as the threshold."""
    for title, known in truths(made).items():
        missed, pairs = len(surviving(known, gone, threshold)), int((known.similarity >= threshold).sum())
        print(f"  {title}: {missed} of {pairs:,} pairs >= {threshold} stay whole ({missed / pairs:.4%}); ", end="")
        print(f"{len(unaccounted(known, gone, threshold))} of {len(gone):,} removed without a survivor >= {threshold}")


def truths(made: Corpus) -> dict[str, Truth]:
    """Return the true pairs by each definition of a word."""
    return {f"words by {name}": truth(made.file, of) for name, of in WORDS.items()}


def unaccounted(known: Truth, gone: dict[int, int | None], threshold: float) -> list[int]:
    """Return the removed rows whose survivor does not stay or is not as near as the threshold."""
    near = known.similarity >= threshold
    pairs = set(zip(known.a[near].tolist(), known.b[near].tolist(), strict=True))
    return [
        row
        for row, survivor in gone.items()
        if survivor is None or survivor in gone or (min(row, survivor), max(row, survivor)) not in pairs
    ]


def surviving(known: Truth, gone: dict[int, int | None], threshold: float) -> npt.NDArray[np.int64]:
    """Return the true pairs at or above the threshold of which both documents stay."""
    removed = np.isin(known.a, list(gone)) | np.isin(known.b, list(gone))
    return np.flatnonzero((known.similarity >= threshold) & ~removed)


def compare_recalls(cache: Path) -> None:
    """Print what each value of `dedup.recall` leaves and costs."""
    with prepared(JUDGED, cache) as (made, folder):
        run(folder)  # compiles
        rows = rows_of(made)
        for threshold in THRESHOLDS:
            for recall in RECALLS:
                plan = derive(threshold, recall)
                taken = run(folder, f"dedup.threshold={threshold}", f"dedup.recall={recall}", NOT_COUNTED)
                answer = folder / "answer.json"
                gone = removed_rows(answer, rows)
                candidates = json.loads(answer.read_text())["metrics"]["candidate_pairs"]
                print(
                    f"threshold {threshold}, recall {recall}: {plan.bands}x{plan.rows}, {candidates:,} candidates; "
                    f"{taken.cpu:.1f} CPU s, load {taken.load:.1f}",
                    flush=True,
                )
                account(made, gone, threshold)
