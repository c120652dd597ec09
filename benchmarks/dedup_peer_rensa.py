r"""rensa on a corpus, in one process; run by `dedup_peers` in rensa's environment.

The usual way to use it: words by `\w+`, shingles of five joined words, 128 permutations; a document goes if the index holds one whose
signature estimates at least the threshold, and joins the index otherwise. What is compared is the signatures, never the texts.
"""

import json
import re
import sys
from pathlib import Path

import pyarrow.parquet as pq
from rensa import RMinHash, RMinHashLSH

PERMUTATIONS, BANDS, SEED, SHINGLE, THRESHOLD = 128, 16, 42, 5, 0.7
WORD = re.compile(r"\w+")


def shingles(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    if len(words) < SHINGLE:
        return [" ".join(words)] if words else []
    return list(map(" ".join, zip(*(words[i:] for i in range(SHINGLE)), strict=False)))


def main(corpus: str, answer: str) -> None:
    index = RMinHashLSH(THRESHOLD, PERMUTATIONS, BANDS)
    kept: list[RMinHash] = []
    names: list[str] = []
    removed: dict[str, str] = {}
    for batch in pq.ParquetFile(corpus).iter_batches(5_000, columns=["id", "text"]):
        for name, text in zip(batch.column("id").to_pylist(), batch.column("text").to_pylist(), strict=True):
            found = shingles(text)
            if not found:
                continue
            signature = RMinHash(PERMUTATIONS, SEED)
            signature.update(found)
            similarity, nearest = max(
                ((signature.jaccard(kept[key]), key) for key in index.query(signature)), default=(0.0, 0)
            )
            if similarity >= THRESHOLD:
                removed[name] = names[nearest]
                continue
            index.insert(len(kept), signature)
            kept.append(signature)
            names.append(name)
    Path(answer).write_text(json.dumps({"removed": removed}), encoding="utf-8")


main(*sys.argv[1:])
