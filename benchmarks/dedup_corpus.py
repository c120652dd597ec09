"""The corpus of the near-duplicate benchmark: real documents, and among them exact and edited copies.

    python -m benchmarks.dedup_corpus [documents ...] [--cache FOLDER]

Of `n` documents 76 in a hundred are real ones out of Debian's documentation packages (`debian_documents`), which repeat one another too;
the others are copies of them, three in ten exact, the rest with 1 to 30 % of the words replaced, dropped or added. All sizes are drawn
from one pool, a smaller one's real documents being among a larger one's. The same packages give the same corpus, byte for byte.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.debian_documents import MORE_PACKAGES, PACKAGES, documents, fetch
from benchmarks.environments import cache_folder

SIZES = (25_000, 100_000, 400_000)
SEED = 7
ORIGINALS = 0.76
EXACT = 0.3
"""Share of the copies that are exact."""
EDITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Shares of the words that are changed, each as often as the others."""
ROW_GROUP = 12_500
_VOCABULARY = 2_000
_SPACE = re.compile(r"(\s+)")


class Corpus(NamedTuple):
    """A corpus on disk."""

    file: Path
    """Parquet with the columns `id` (string), `text`, `copy_of` (id or null) and `edits` (share of the words)."""
    documents: int
    bytes: int
    """Of the texts in UTF-8."""
    digest: str
    """sha256 over ids and texts."""


def corpus(size: int, cache: Path) -> Corpus:
    """Return the corpus of `size` documents, made if it is not in the cache yet."""
    file = cache / "corpora" / f"{size}.parquet"
    note = file.with_suffix(".json")
    if not note.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(write(size, pool(cache), file), indent=2) + "\n", encoding="utf-8")
    made = json.loads(note.read_text(encoding="utf-8"))
    return Corpus(file, size, made["bytes"], made["digest"])


def pool(cache: Path) -> Path:
    """Return the real documents of all packages in a drawn order, made if they are not in the cache yet."""
    packages = fetch([*PACKAGES, *MORE_PACKAGES], cache / "debian")
    names = [package.stem for package in packages]
    file = cache / "corpora" / f"pool-{hashlib.sha256(json.dumps([SEED, names]).encode()).hexdigest()[:16]}.parquet"
    if not file.exists():
        texts = list(documents(packages, SEED))
        random.Random(SEED).shuffle(texts)
        table = pa.table({"text": pa.array(texts, pa.large_string())}, metadata={"packages": json.dumps(names)})
        pq.write_table(table, file.with_suffix(".part"), compression="zstd", row_group_size=ROW_GROUP)
        file.with_suffix(".part").rename(file)
    return file


def write(size: int, originals: Path, file: Path) -> dict[str, object]:
    """Write a corpus and return what there is to say of it."""
    count = int(size * ORIGINALS)
    table = pq.read_table(originals)
    if table.num_rows < count:
        raise SystemExit(f"{size} documents need {count} real ones, and the packages hold {table.num_rows}")
    drawn = random.Random(f"{SEED}/{size}")
    real = table.column("text").slice(0, count).to_pylist()
    words = [word for text in drawn.sample(real, min(_VOCABULARY, count)) for word in text.split()]
    rows: list[tuple[str, int | None, float]] = [(text, None, 0.0) for text in real]
    while len(rows) < size:
        source = drawn.randrange(count)
        rate = 0.0 if drawn.random() < EXACT else drawn.choice(EDITS)
        rows.append((edit(real[source], rate, words, drawn), source, rate))
    order = list(range(size))
    drawn.shuffle(order)
    names = {row: f"{place:07d}" for place, row in enumerate(order)}
    ids = [names[row] for row in order]
    texts = [rows[row][0] for row in order]
    copies = [None if rows[row][1] is None else names[rows[row][1]] for row in order]
    edits = [rows[row][2] for row in order]
    columns = {
        "id": ids,
        "text": pa.array(texts, pa.large_string()),
        "copy_of": pa.array(copies, pa.string()),
        "edits": edits,
    }
    pq.write_table(pa.table(columns), file, compression="zstd", row_group_size=ROW_GROUP)
    digest, length = hashlib.sha256(), 0
    for name, text in zip(ids, texts, strict=True):
        data = text.encode()
        length += len(data)
        digest.update(f"{name} {len(data)} ".encode())
        digest.update(data)
    packages = json.loads((table.schema.metadata or {})[b"packages"])
    return {"documents": size, "real": count, "bytes": length, "digest": digest.hexdigest(), "packages": packages}


def edit(text: str, rate: float, words: list[str], drawn: random.Random) -> str:
    """Change each word with probability `rate`: replaced in six cases of ten, dropped in two, another one added in two."""
    if not rate:
        return text
    parts = _SPACE.split(text)
    for place in range(0, len(parts), 2):
        if drawn.random() < rate:
            kind = drawn.random()
            if kind < 0.6:
                parts[place] = drawn.choice(words)
            elif kind < 0.8:
                parts[place] = ""
            else:
                parts[place] += " " + drawn.choice(words)
    return "".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="folder for packages and corpora")
    arguments = parser.parse_args()
    for size in arguments.documents:
        made = corpus(size, arguments.cache)
        print(f"{made.file}: {made.documents:,} documents, {made.bytes / 1e6:,.0f} MB, sha256 {made.digest[:16]}")


if __name__ == "__main__":
    main()
