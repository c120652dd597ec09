"""The recipe of what is known of each language: ``python -m pipeline.quality.language_tables FOLDER`` writes two files of `pipeline/text`.

`function_words.json` has the words that running text of a language is full of: spaCy's stop words (MIT), commonest first, as many as
make up `SHARE` of running text (two words in five, what the English list makes up). A language whose list never gets near is left
out: its measures of stop words are null. `letters.npz` has the surprise, in sixteenths of a bit, of each letter after the two before
it, for languages of Latin script: add-`SMOOTHING` estimates that fall back on pairs and single letters.

Running text is Leipzig's sentences as lingua tests with them (CC-BY) and the Universal Declaration of Human Rights (public domain);
both are independent of every text that the quality model is trained or measured on. Only words and numbers learnt from them are kept.
"""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.text import function_words, letters
from pipeline.text.measures_reference import core

SHARE, LEAST = 0.40, 0.30
"""Share of running text that a list aims at, and under which a language has none."""
SMOOTHING = 20.0
LATIN_SHARE = 0.9


def stop_words(language: str) -> set[str]:
    """Return spaCy's stop words of a language; empty where it has none."""
    try:
        module = importlib.import_module(f"spacy.lang.{language}.stop_words")
    except ImportError:
        return set()
    return {core(word) for word in module.STOP_WORDS if " " not in word} - {""}


def choose(words: list[str], candidates: set[str]) -> list[str]:
    """Return the commonest candidates that together make up `SHARE` of the words; empty where they make up less than `LEAST`."""
    counted = Counter(word for word in words if word in candidates)
    chosen: list[str] = []
    covered = 0
    for word, count in sorted(counted.items(), key=lambda entry: (-entry[1], entry[0])):
        if covered >= SHARE * len(words) or count < 3:
            break
        chosen.append(word)
        covered += count
    return sorted(chosen) if covered >= LEAST * len(words) else []


def surprise(texts: list[str]) -> letters.Table:
    """Return the table of one language, by the two letters before and the letter itself.

    It is scaled so that ordinary text costs the same in each language: by what each half of the text costs with the other's table.
    """
    halves = texts[::2], texts[1::2]
    costs = []
    for own, other in (halves, halves[::-1]):
        table = counted(other, 1.0)
        costs += [letters.cost(text, table) for text in own]
    return counted(texts, letters.ORDINARY / float(np.median(costs)))


def counted(texts: list[str], scale: float) -> letters.Table:
    """Return a table in sixteenths of a bit times `scale`, at most 255."""
    size = letters.SYMBOLS
    triples = np.zeros((size, size, size))
    for text in texts:
        before, last = 0, 0
        for symbol in letters.symbols(text):
            if symbol or last:
                triples[before, last, symbol] += 1
                before, last = last, symbol
    single = (triples.sum((0, 1)) + 1) / (triples.sum() + size)
    pairs = triples.sum(0)
    pair = (pairs + SMOOTHING * single) / (pairs.sum(1, keepdims=True) + SMOOTHING)
    triple = (triples + SMOOTHING * pair) / (triples.sum(2, keepdims=True) + SMOOTHING)
    return np.asarray(np.minimum(np.round(-letters.UNIT * scale * np.log2(triple)), 255), np.uint8)


def read_texts(folder: Path) -> dict[str, list[str]]:
    """Return the running text of each language (BCP 47 primary subtag)."""
    with gzip.open(folder / "lingua_testdata" / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    texts: dict[str, list[str]] = {}
    for row in rows:
        if row["kind"] == "sentences":
            texts.setdefault(row["lang"], []).append(row["text"])
    return texts


def main(folder: str) -> None:
    """Write both files from the data sets below a folder."""
    texts = read_texts(Path(folder))
    chosen: dict[str, list[str]] = {}
    tables: dict[str, Any] = {}
    for language, own in sorted(texts.items()):
        words = [core(word) for text in own for word in text.split()]
        if language != "en":
            found = choose(words, stop_words(language))
            if found:
                chosen[language] = found
        marks = [symbol for text in own for symbol in letters.symbols(text)]
        shown = [symbol for symbol in marks if symbol]
        if language in letters.LANGUAGES and np.mean([symbol < letters.OTHER for symbol in shown]) > LATIN_SHARE:
            tables[language] = surprise(own)
    function_words.FILE.write_text(json.dumps(chosen, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    np.savez_compressed(letters.FILE, **tables)


if __name__ == "__main__":
    main(sys.argv[1])
