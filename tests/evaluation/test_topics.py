"""The main topic on labelled texts that the lists were not made from.

Every second text of each set served to choose the rule's three numbers (`MAX_HITS`, `MIN_HITS`, `MIN_SHARE`); figures are of the others. Labels are
the sets' own subjects, and for news articles and for German and French sentences our own (`topic_labels.json`), given before the lists were
written. A text may have two acceptable topics.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from pipeline.bias.screen import screen
from pipeline.bias.topics import NONE, TOPIC, topic_names

LABELS = json.loads((Path(__file__).parent / "topic_labels.json").read_text(encoding="utf-8"))
SCIENCE = ("science_technology",)
SUBJECTS = {
    **dict.fromkeys(("professional_law", "international_law"), ("crime_law", "politics")),
    **dict.fromkeys(("high_school_macroeconomics", "high_school_microeconomics", "management"), ("economy", "labour")),
    **dict.fromkeys(("nutrition", "clinical_knowledge"), ("health",)),
    **dict.fromkeys(("medical_genetics", "high_school_biology"), ("science_technology", "health")),
    **dict.fromkeys(("security_studies", "us_foreign_policy"), ("conflict", "politics")),
    "world_religions": ("religion",),
    **dict.fromkeys(("conceptual_physics", "college_physics", "college_chemistry", "astronomy"), SCIENCE),
    **dict.fromkeys(("electrical_engineering", "college_mathematics", "high_school_computer_science"), SCIENCE),
}
"""Topics of MMLU's subjects; subjects without one are left out."""
ARTICLES = {
    **dict.fromkeys((5, 7, 8, 9, 10, 11), ("crime_law",)), 14: ("politics", "society"), 16: ("society",), 18: ("religion",),
    20: ("politics",), 21: ("politics",), 23: ("labour",), 24: ("labour",), 25: ("health", "society"), 26: ("education",),
    27: ("arts_culture", "science_technology"),
}  # fmt: skip
"""Topics of the articles of the Universal Declaration of Human Rights; the others have none or all."""


class Labelled(NamedTuple):
    language: str
    text: str
    topics: tuple[str, ...]


class Found(NamedTuple):
    """Texts, the share of them that have a topic, and the share of these whose topic is acceptable."""

    texts: int
    named: float
    right: float


def rows(shared: Path, name: str) -> list[dict]:
    with gzip.open(shared / "data" / name / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def articles(shared: Path) -> list[Labelled]:
    own = LABELS["onestopenglish"]
    return [
        Labelled("en", row["text"], tuple(own[row["id"]]))
        for row in rows(shared, "quality/onestopenglish")
        if row["id"] in own
    ]


def questions(shared: Path) -> list[Labelled]:
    given = rows(shared, "benchmarks/mmlu_test_half1")
    return [Labelled("en", row["text"], SUBJECTS[row["subject"]]) for row in given if row["subject"] in SUBJECTS]


def science(shared: Path) -> list[Labelled]:
    topics = ("science_technology", "health", "environment")
    return [Labelled("en", row["text"], topics) for row in rows(shared, "quality/plos_chunks_train")]


def proposals(shared: Path) -> list[Labelled]:
    return [Labelled("en", row["text"], SCIENCE) for row in rows(shared, "quality/peps")]


def sentences(shared: Path) -> list[Labelled]:
    numbers: Counter[str] = Counter()
    found = []
    for row in rows(shared, "language/lingua_testdata"):
        if row["kind"] == "sentences" and row["lang"] in LABELS["sentences"]:
            numbers[row["lang"]] += 1
            topics = LABELS["sentences"][row["lang"]].get(str(numbers[row["lang"]]))
            found += [Labelled(row["lang"], row["text"], tuple(topics))] if topics else []
    return found


def declaration(shared: Path) -> Iterator[Labelled]:
    texts = {row["lang"]: row["text"] for row in rows(shared, "language/udhr2")}
    for code, language in (("eng", "en"), ("deu", "de"), ("fra", "fr"), ("spa", "es")):
        parts = re.split(r"(?m)^\s*(?:Article|Artikel|Artículo)\s+(\d+)\b.*$", texts[code])
        for number, text in zip(parts[1::2], parts[2::2], strict=True):
            if int(number) in ARTICLES:
                yield Labelled(language, text, ARTICLES[int(number)])


def found_in(texts: list[Labelled]) -> Found:
    found = screen(pa.array([one.text for one in texts]), pa.array([one.language for one in texts])).topic
    names = [topic_names()[number] for number in found]
    named = sum(name != NONE for name in names)
    right = sum(name.removeprefix(f"{TOPIC}:") in one.topics for name, one in zip(names, texts, strict=True))
    return Found(len(texts), named / len(texts), right / named)


@pytest.mark.parametrize(
    ("texts", "named", "right"),
    [
        (articles, 0.5, 0.8),
        (questions, 0.5, 0.7),
        (science, 0.7, 0.8),
        (proposals, 0.9, 0.9),
        (sentences, 0.5, 0.9),
        (declaration, 0.5, 0.8),
    ],
)
def test_a_topic_that_is_named_is_mostly_right(
    shared: Path, texts: Callable[[Path], Iterable[Labelled]], named: float, right: float
) -> None:
    found = found_in(list(texts(shared))[1::2])
    assert found.named >= named, found
    assert found.right >= right, found
