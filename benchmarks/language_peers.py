"""Languages beside the detectors alone, in one run, on the test half: macro-F1 and accuracy on each set, and texts a CPU second.

``python -m benchmarks.language_peers``. Detectors: the stage's own; lid.176 alone as it comes and in lower case; CLD2 alone, by its best
guess and where it calls itself reliable; lingua alone, in an environment of its own. Each is asked for its best language, without a threshold.
The stage's own gets the kind of source with the text, as in a batch, and expects what the default settings expect of that kind.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.environments import cache_folder, environment
from benchmarks.language_sets import SETS, rows
from pipeline.language import cld2, lid176, ngrams
from pipeline.language.codes import UNDETERMINED, bcp_47
from pipeline.language.detect import detect
from pipeline.language.evaluate import score
from pipeline.language.prior import priors
from pipeline.language.split import half
from pipeline.settings import Language

LINGUA = "lingua-language-detector==2.1.1"
Codes = list[str]


def ours(texts: list[str], kinds: list[str | None] | None = None) -> Codes:
    prior = priors(kinds, Language().expected) if kinds else None
    return list(detect(pa.array(texts), min_score=0.0, prior=prior).languages.to_pylist())


def lid176_as_it_comes(texts: list[str]) -> Codes:
    labels, _ = lid176.library().predict([" ".join(text.split()) for text in texts], k=1)
    return [bcp_47(names[0].removeprefix("__label__")) if names else UNDETERMINED for names in labels]


def lid176_lower(texts: list[str]) -> Codes:
    return _named(lid176.opinions(texts).languages[:, 0])


def cld2_best(texts: list[str]) -> Codes:
    return _named(cld2.opinions(texts).languages[:, 0])


def cld2_reliable(texts: list[str]) -> Codes:
    found = cld2.opinions(texts)
    return _named(np.where(found.reliable, found.languages[:, 0], None))


def own_ngrams(texts: list[str]) -> Codes:
    found = ngrams.scores(pa.array(texts))
    names = np.array(ngrams.model().languages, object)
    return list(names[(found.short + found.long).argmax(axis=1)])


DETECTORS: dict[str, Callable[[list[str]], Codes]] = {
    "ours, nothing expected": ours,
    "lid.176": lid176_as_it_comes,
    "lid.176, lower case": lid176_lower,
    "CLD2, best guess": cld2_best,
    "CLD2, if reliable": cld2_reliable,
    "our n-grams alone": own_ngrams,
}


def lingua(texts: list[str]) -> tuple[Codes, float, str]:
    """Return lingua's answers, its CPU seconds, and what it costs to load."""
    python = environment("lingua", [LINGUA], cache_folder())
    with tempfile.TemporaryDirectory() as folder:
        file, answer = Path(folder) / "texts.jsonl", Path(folder) / "answer.json"
        file.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        script = Path(__file__).with_name("language_peer_lingua.py")
        subprocess.run([python, script, file, answer], check=True)
        found = json.loads(answer.read_text(encoding="utf-8"))
    cost = f"lingua loads in {found['load_seconds']:.1f} CPU s and takes {found['megabytes']:,} MB"
    return [bcp_47(code) if code else UNDETERMINED for code in found["languages"]], found["seconds"], cost


def main() -> None:
    labelled = [row for row in rows() if half(row["text"]) == "test" and row["set"] != "unknown"]
    texts = [row["text"] for row in labelled]
    answers, seconds = {}, {}
    kinds = [row.get("source_kind") for row in labelled]
    ours(texts[:10])  # compiles
    started = time.process_time()
    answers["ours"] = ours(texts, kinds)
    seconds["ours"] = time.process_time() - started
    for name, detector in DETECTORS.items():
        detector(texts[:10])
        started = time.process_time()
        answers[name] = detector(texts)
        seconds[name] = time.process_time() - started
    answers["lingua"], seconds["lingua"], cost = lingua(texts)
    names = [name for name in SETS if name != "unknown"]
    sets = np.array([row["set"] for row in labelled])
    gold = np.array([row["language"] for row in labelled])
    print("macro-F1 (accuracy), texts a CPU second on all sets together; " + cost)
    print(f"{'':22s}" + "".join(f"{name:>17s}" for name in names) + f"{'a second':>11s}")
    print(f"{'texts':22s}" + "".join(f"{int((sets == name).sum()):17,}" for name in names))
    for detector, found in answers.items():
        codes = np.array(found, object)
        cells = []
        for name in names:
            own = score(list(gold[sets == name]), list(codes[sets == name]))
            cells.append(f"{own.macro_f1.share:9.4f} ({own.accuracy.share:.3f})")
        print(
            f"{detector:22s}" + "".join(f"{cell:>17s}" for cell in cells) + f"{len(texts) / seconds[detector]:11,.0f}"
        )


def _named(codes: np.ndarray) -> Codes:
    return [UNDETERMINED if code is None else str(code) for code in codes]


if __name__ == "__main__":
    main()
