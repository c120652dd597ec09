"""Our presets beside DataTrove's filters, decision by decision, and the cost of both and of Dolma's taggers, on the same documents in one run.

    uv run python -m benchmarks quality_peers [--documents 10000] [--timed 4000] [--repeats 3] [--costs]

Costs are measured on documents of the near-duplicate benchmark's corpus, in some twenty languages; decisions are compared on the English labelled texts of
the shared folder where there is one, and on some of the corpus. All are normalised as ingest does. DataTrove and Dolma run in environments of their own. **Every difference is explained by intervention**: one definition after
the other, then every two, three and four together, is made the same on both sides until the decisions are the same. Definitions of the text:

- *space*: white space inside lines made one space each, lines of nothing but white space made empty, none at the ends;
- *blank*: blank lines left out;
- *bullets*: every mark that we take for a bullet made a hyphen where it begins a line;
- *phrases*: one space between the words of "lorem ipsum" and the like, where we see past marks;
- *tokens*: the text written as DataTrove's tokens, a space between each two, on our side, and what we count on tokens of our own counted on those;

and, on DataTrove's side, of ours in place of its own:

- *words*: a word is what stands between white space;
- *cores*: stop words are looked for in lower case and without marks around them;
- *once*: an n-gram that occurs once is no repetition, and of equally frequent ones the longest counts;
- *symbols*: words of nothing but marks count as words;
- *ends*: the marks that end a line (quotation marks and those of other scripts are among ours);
- *sentences*: what ends one.

What none of them explains is listed with what either side says.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.environments import cache_folder, environment
from pipeline.quality.evaluate import measures_of
from pipeline.quality.rules import chosen, evaluate
from pipeline.stages.quality import QualityStage
from pipeline.text.characters import BULLETS
from pipeline.text.measures import measure
from pipeline.text.normalize import normalise
from pipeline.text.phrases import JAVASCRIPT, LOREM, PHRASES, POLICY

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
DATATROVE = (
    "datatrove[processing]==0.10.1",
    "spacy==3.8.18",
    "nltk",
    "pandas",
    "aiohttp",
    "pyarrow",
    "orjson",
    "numba==0.68.1",
)
DOLMA = ("dolma==1.2.1",)
PAIRS = {"gopher_datatrove": "gopher", "gopher": "gopher", "fineweb": "fineweb", "c4": "c4"}
"""Our presets and the filters that they are held against. `gopher` is held against DataTrove with words split on white space."""
DEFINITIONS = {
    "gopher_datatrove": ("space", "words", "tokens", "cores", "once", "symbols", "blank", "bullets"),
    "gopher": ("space", "cores", "once", "symbols", "blank", "bullets"),
    "fineweb": ("space", "words", "tokens", "ends"),
    "c4": ("space", "sentences", "phrases"),
}
"""What may be the cause of a difference, in the order in which it is tried."""
OF_WORDS = {"alphabetic_tokens": "alphabetic_words", "newline_token_ratio": "newline_ratio"}
"""Measures of tokens, and those of words that say the same of a text that is written as tokens."""
GAP = r"[^\w\n]+"
"""What may stand between the words of a phrase, as a pattern."""
Ask = Callable[..., dict[str, Any]]
"""Runs DataTrove: texts, filters, definitions of ours -> its answer."""
TOGETHER = 4
"""Definitions that are made the same at once, at most."""


def documents(count: int) -> list[str]:
    """Return so many texts, evenly drawn."""
    shared = Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data/quality"
    texts: list[str] = []
    for name in SETS:
        file = shared / name / "data.jsonl.gz"
        if file.exists():
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                texts += [json.loads(line)["text"] for line in lines]
    own, missing = of_the_corpus(), max(count - len(texts), 0)
    texts += own[:: max(1, len(own) // missing)][:missing] if missing else []
    if not texts:
        raise SystemExit("no documents: make the corpus with `python -m benchmarks dedup_peers` first")
    return drawn(texts, count)


def of_the_corpus() -> list[str]:
    """Return the documents of the near-duplicate benchmark's corpus that are copies of none; none where it was not made."""
    corpus = cache_folder() / "corpora" / "100000.parquet"
    if not corpus.exists():
        return []
    table = pq.read_table(corpus, columns=["text", "copy_of"])
    return [text for text, of in zip(*table.to_pydict().values(), strict=True) if of is None]


def drawn(texts: list[str], count: int) -> list[str]:
    """Return so many of the texts that are not empty, evenly drawn and normalised."""
    some = [text for text in (normalise(text)[0] for text in texts) if text.strip()]
    return some[:: max(1, len(some) // count)][:count]


def plain_space(text: str) -> str:
    """Return a text with one space for each run of white space within a line, and no blank line that holds any."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip("\n")


def peer(python: str, script: str, texts: list[str], folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a peer on texts and return its answer."""
    source, answer = folder / "texts.json", folder / "answer.json"
    source.write_text(json.dumps(texts), encoding="utf-8")
    root = Path(__file__).resolve().parents[1]
    command = [python, "-W", "ignore", str(root / "benchmarks" / script), str(source), str(answer), *arguments]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(root)})
    return dict(json.loads(answer.read_text(encoding="utf-8")))


def without_blank_lines(text: str) -> str:
    """Return a text without its blank lines."""
    return "\n".join(line for line in text.split("\n") if line.strip())


def with_hyphens(text: str) -> str:
    """Return a text whose lines begin with a hyphen where they begin with a bullet."""
    return re.sub(rf"^(\s*)[{re.escape(''.join(sorted(BULLETS)))}]", r"\1-", text, flags=re.MULTILINE)


def with_plain_phrases(text: str) -> str:
    """Return a text with one space between the words of each phrase that C4 knows."""
    for phrase in (*PHRASES[JAVASCRIPT], *PHRASES[POLICY], *PHRASES[LOREM]):
        text = re.sub(rf"\b{phrase.replace(' ', GAP)}\b", phrase, text, flags=re.IGNORECASE)
    return text


REWRITE: dict[str, Callable[[str], str]] = {
    "space": plain_space,
    "blank": without_blank_lines,
    "bullets": with_hyphens,
    "phrases": with_plain_phrases,
}
"""Definitions of the text."""


def ours(texts: list[str], preset: str, *, tokens: bool = False) -> list[list[str]]:
    """Return each text's reasons, with the values that they stand on; `tokens`: the texts are written as tokens."""
    limits = chosen((preset,))
    if tokens:
        limits = tuple(entry._replace(measure=OF_WORDS.get(entry.measure, entry.measure)) for entry in limits)
    values = measures_of(texts, "en").astype(np.float32)
    reasons: list[list[str]] = [[] for _ in texts]
    for rule in evaluate(values, pa.array(["web"] * len(texts)), limits):
        for row in np.flatnonzero(rule.applies).tolist():
            value = "" if rule.value is None else f" ({rule.value[row]:.3g} for {rule.limit:g})"
            reasons[row].append(f"{rule.reason}{value}")
    return reasons


def interventions(preset: str) -> Iterator[tuple[str, ...]]:
    """Yield the sets of definitions to make the same, the smallest first.

    >>> list(interventions("c4"))
    [('space',), ('sentences',), ('phrases',), ('space', 'sentences'), ('space', 'phrases'), ('sentences', 'phrases'), ('space', 'sentences', 'phrases')]
    """
    for size in range(1, TOGETHER + 1):
        for causes in combinations(DEFINITIONS[preset], size):
            if not {"words", "tokens"} <= set(causes):  # either says what a word is
                yield causes


def differences(texts: list[str], theirs: list[list[str]], preset: str, ask: Ask) -> None:
    """Print how often a preset and its peer disagree, and why."""
    mine = ours(texts, preset)
    left = [i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if bool(a) != bool(b)]
    same = 1 - len(left) / len(texts)
    rejected = sum(map(bool, mine)), sum(map(bool, theirs))
    print(f"{preset}: rejects {rejected[0]}, DataTrove {rejected[1]}; same decision {same:.4f}, {len(left)} differ:")
    filters = PAIRS[preset]
    always = ("words",) if preset == "gopher" else ()
    for causes in interventions(preset):
        if not left:
            break
        some = [texts[i] for i in left]
        for cause, write in REWRITE.items():
            some = [write(text) for text in some] if cause in causes else some
        answer = ask(some, filters, *always, *(cause for cause in causes if cause not in REWRITE))
        here = ours(answer["tokens"], preset, tokens=True) if "tokens" in causes else ours(some, preset)
        there = answer["decisions"][filters]
        explained = {i for i, a, b in zip(left, here, there, strict=True) if bool(a) == bool(b)}
        left = [i for i in left if i not in explained]
        if explained:
            print(f"  {len(explained):5d}  {' and '.join(causes)}", flush=True)
    print(f"  {len(left):5d}  by none of these" if left else "  all explained")
    for i in left[:12]:
        print(
            f"         ours {', '.join(mine[i]) or 'keeps'}; theirs {', '.join(theirs[i]) or 'keeps'}: {texts[i][:80]!r}"
        )


def seconds(run: Any, repeats: int) -> float:
    """Return the median of CPU seconds."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def costs(texts: list[str], ask: Ask, dolma: str, folder: Path, repeats: int) -> None:
    """Print what ours and the peers' take for the same texts; each of theirs runs once."""
    array = pa.array(texts)
    measure(array.slice(0, 2))
    kernel = seconds(lambda: measure(array), repeats)
    stage = QualityStage(threshold=0.8, hard_rules=("gopher", "fineweb", "c4"))
    batch = pa.RecordBatch.from_arrays(
        [array, pa.array(["en"] * len(array)), pa.array(["web"] * len(array))], ["text", "language", "source_kind"]
    )
    stage.apply(batch.slice(0, 2))
    rates = {
        "kernel, every measure": kernel,
        "whole stage": seconds(lambda: stage.apply(batch), repeats),
        "DataTrove Gopher, FineWeb and C4 filters": sum(ask(texts, "gopher,fineweb,c4")["seconds"].values()),
        "Dolma Gopher and C4 taggers": sum(peer(dolma, "quality_peer_dolma.py", texts, folder)["seconds"].values()),
    }
    print(f"{len(texts)} documents of {sum(map(len, texts)) / len(texts):,.0f} characters; documents a CPU second:")
    for name, taken in rates.items():
        print(f"  {name:44s} {len(texts) / taken:10,.0f}  x{taken / kernel:.1f} the kernel's cost", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=10_000, help="whose decisions are compared")
    parser.add_argument("--timed", type=int, default=4_000, help="of the corpus, on which costs are measured")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--costs", action="store_true", help="measure costs only")
    arguments = parser.parse_args()
    cache = cache_folder()
    folder = cache / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    datatrove = environment("datatrove-filters", DATATROVE, cache)

    def ask(some: list[str], filters: str, *definitions: str) -> dict[str, Any]:
        return peer(datatrove, "quality_peer_datatrove.py", some, folder, filters, *definitions)

    timed = drawn(of_the_corpus(), arguments.timed) or documents(arguments.timed)
    costs(timed, ask, environment("dolma", DOLMA, cache), folder, arguments.repeats)
    if arguments.costs:
        return
    texts = documents(arguments.documents)
    answer, split = ask(texts, "gopher,fineweb,c4"), ask(texts, "gopher", "words")
    for preset, filters in PAIRS.items():
        differences(texts, (split if preset == "gopher" else answer)["decisions"][filters], preset, ask)


if __name__ == "__main__":
    main()
