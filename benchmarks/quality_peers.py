"""Our presets beside DataTrove's filters, decision by decision, and the cost of both and of Dolma's taggers, on the same documents in one run.

    uv run python -m benchmarks quality_peers [--documents 10000] [--repeats 3]

The documents are the English labelled texts of the shared folder where there is one, and Debian's documentation (`dedup_corpus`),
normalised as ingest does. DataTrove and Dolma run in environments of their own. Every difference is put down to the first of these that makes it go away:

- *words*: with DataTrove's tokeniser replaced by a split on white space, on the side of ours too where a rule counts words;
- *space*: with white space inside lines made one space each, and lines of nothing but white space made empty;
- *tokens*: with the text written as DataTrove's tokens, a space between each two, on our side;
- *ends*: with our marks as what ends a line (FineWeb's rule; quotation marks are among ours);
- *case*: with the texts in lower case (DataTrove's stop words are in lower case, its words are not);
- *near*: the deciding measure of ours lies within a tenth of the limit (sentences are an approximation of spaCy's);
- *other*.

The last two are no explanation by themselves: they are listed with what either side says.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.environments import cache_folder, environment
from pipeline.document import MEASURES
from pipeline.quality.evaluate import measures_of
from pipeline.quality.rules import Limit, chosen, evaluate
from pipeline.stages.quality import QualityStage
from pipeline.text.characters import TERMINAL_PUNCTUATION
from pipeline.text.measures import measure
from pipeline.text.normalize import normalise

SETS = (
    "18f_posts",
    "digitalgov",
    "peps",
    "plos_chunks_train",
    "se_sherlock",
    "onestopenglish",
    "machine_junk",
    "spamassassin_spam2",
    "spamassassin_ham2",
)
DATATROVE = ("datatrove[processing]==0.10.1", "spacy==3.8.18", "nltk", "pandas", "aiohttp", "pyarrow", "orjson")
DOLMA = ("dolma==1.2.1",)
PAIRS = {"gopher_datatrove": "gopher", "gopher": "gopher", "fineweb": "fineweb", "c4": "c4"}
"""Our presets and the filters that they are held against. `gopher` is held against DataTrove with words split on white space."""
NEAR = 0.1


def documents(count: int) -> list[str]:
    """Return so many texts, evenly drawn."""
    shared = Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data/quality"
    texts: list[str] = []
    for name in SETS:
        file = shared / name / "data.jsonl.gz"
        if file.exists():
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                texts += [json.loads(line)["text"] for line in lines]
    corpora = sorted((cache_folder() / "corpora").glob("[0-9]*.parquet"))
    if corpora:
        table = pq.read_table(corpora[0], columns=["text", "copy_of"])
        own = [text for text, of in zip(*table.to_pydict().values(), strict=True) if of is None]
        missing = max(count - len(texts), 0)
        texts += own[:: max(1, len(own) // missing)][:missing] if missing else []
    if not texts:
        raise SystemExit("no documents: make the corpus with `python -m benchmarks dedup_peers` first")
    texts = [normalise(text)[0] for text in texts]
    return [text for text in texts if text.strip()][:: max(1, len(texts) // count)][:count]


def plain_space(text: str) -> str:
    """Return a text with one space for each run of white space within a line, and no blank line that holds any."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip("\n")


def peer(python: str, script: str, texts: list[str], folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a peer on texts and return its answer."""
    source, answer = folder / "texts.json", folder / "answer.json"
    source.write_text(json.dumps(texts), encoding="utf-8")
    subprocess.run([python, "-W", "ignore", Path(__file__).parent / script, source, answer, *arguments], check=True)
    return dict(json.loads(answer.read_text(encoding="utf-8")))


def ours(texts: list[str], limits: tuple[Limit, ...]) -> tuple[list[list[str]], list[bool]]:
    """Return each text's reasons, and whether any rule is near its limit."""
    values = measures_of(texts, "en").astype(np.float32)
    reasons: list[list[str]] = [[] for _ in texts]
    near = np.zeros(len(texts), bool)
    for rule, entry in zip(evaluate(values, pa.array(["web"] * len(texts)), limits), limits, strict=True):
        for row in np.flatnonzero(rule.applies):
            reasons[row].append(rule.reason)
        near |= np.abs(values[:, MEASURES.index(entry.measure)] - entry.limit) <= max(
            NEAR * entry.limit, 1 if entry.limit >= 1 else 0
        )
    return reasons, near.tolist()


def differences(texts: list[str], answers: dict[str, dict[str, Any]], preset: str) -> None:
    """Print how often a preset and its peer disagree, and why."""
    limits = chosen((preset,))
    first = "split" if preset == "gopher" else "spacy"
    plain = [plain_space(text) for text in texts]
    (mine, near), (mine_plain, _) = ours(texts, limits), ours(plain, limits)
    mine_lower = ours([text.lower() for text in texts], limits)[0] if first == "split" else []
    tokens = ours(answers["spacy"]["tokens"], chosen(("gopher",) if preset == "gopher_datatrove" else (preset,)))[0]
    theirs = answers[first]["decisions"][PAIRS[preset]]
    causes: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        if bool(a) == bool(b):
            continue
        if bool(mine_plain[i]) == bool(answers[f"{first} plain"]["decisions"][PAIRS[preset]][i]):
            causes["space"] += 1
        elif first == "spacy" and bool(a) == bool(answers["split"]["decisions"][PAIRS[preset]][i]):
            causes["words"] += 1
        elif first == "spacy" and bool(tokens[i]) == bool(b):
            causes["tokens"] += 1
        elif preset == "fineweb" and bool(a) == bool(answers[first]["decisions"]["fineweb_ends"][i]):
            causes["ends"] += 1
        elif first == "split" and bool(mine_lower[i]) == bool(answers["split lower"]["decisions"][PAIRS[preset]][i]):
            causes["case"] += 1
        else:
            cause = "near" if near[i] else "other"
            causes[cause] += 1
            other[f"{cause}: ours {', '.join(a) or 'keeps'}; theirs {', '.join(b) or 'keeps'}"] += 1
    rejected = sum(map(bool, mine)), sum(map(bool, theirs))
    same = 1 - causes.total() / len(texts)
    print(
        f"{preset:18s} rejects {rejected[0]:6d}, DataTrove ({first}) {rejected[1]:6d}; same decision {same:.4f}; {dict(causes)}"
    )
    for line, count in other.most_common(12):
        print(f"{'':18s}   {count} x {line}")


def seconds(run: Any, repeats: int) -> float:
    """Return the median of CPU seconds."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    cache = cache_folder()
    folder = cache / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    texts = documents(arguments.documents)
    plain = [plain_space(text) for text in texts]
    array = pa.array(texts)
    measure(array.slice(0, 2))
    kernel = seconds(lambda: measure(array), arguments.repeats)
    stage = QualityStage(threshold=0.8, hard_rules=("gopher", "fineweb", "c4"))
    batch = pa.RecordBatch.from_arrays(
        [array, pa.array(["en"] * len(array)), pa.array(["web"] * len(array))], ["text", "language", "source_kind"]
    )
    stage.apply(batch.slice(0, 2))
    whole = seconds(lambda: stage.apply(batch), arguments.repeats)
    datatrove = environment("datatrove-filters", DATATROVE, cache)
    script, ends = "quality_peer_datatrove.py", "".join(sorted(TERMINAL_PUNCTUATION))
    answers = {
        "spacy": peer(datatrove, script, texts, folder, "spacy", ends),
        "spacy plain": peer(datatrove, script, plain, folder, "spacy", ends),
        "split": peer(datatrove, script, texts, folder, "split", ends),
        "split plain": peer(datatrove, script, plain, folder, "split", ends),
        "split lower": peer(datatrove, script, [text.lower() for text in texts], folder, "split", ends),
    }
    tagged = peer(environment("dolma", DOLMA, cache), "quality_peer_dolma.py", texts, folder)
    print(f"{len(texts)} documents of {sum(map(len, texts)) / len(texts):,.0f} characters; documents a CPU second:")
    rates = {
        "kernel, every measure": kernel,
        "whole stage": whole,
        "DataTrove Gopher, FineWeb and C4 filters": sum(
            answers["spacy"]["seconds"][name] for name in ("gopher", "fineweb", "c4")
        ),
        "Dolma Gopher and C4 taggers": sum(tagged["seconds"].values()),
    }
    for name, taken in rates.items():
        print(f"  {name:44s} {len(texts) / taken:10,.0f}  x{taken / kernel:.1f} the kernel's cost")
    for preset in PAIRS:
        differences(texts, answers, preset)


if __name__ == "__main__":
    main()
