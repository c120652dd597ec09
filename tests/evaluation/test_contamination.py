"""How well benchmark items are found in real pages, with real benchmark items. Measured figures stand in brackets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.settings import BenchmarkSlice
from pipeline.slices.benchmarks import Item, load_items
from pipeline.slices.decontaminate import ItemIndex
from pipeline.slices.evaluate import evaluate

SETS = {
    "reasoning": ("arc_challenge_test", "bbh_half1", "gsm8k_test", "humaneval"),
    "factuality": ("mmlu_test_half1", "nq_open_dev", "truthfulqa_current"),
    "safety": ("advbench", "bbq_sample1", "xstest"),
}
PLANTED = 600


def rows(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def index(shared: Path) -> tuple[tuple[Item, ...], ItemIndex]:
    slices = tuple(
        BenchmarkSlice(
            name=name, weight=0, files=tuple(str(shared / "data/benchmarks" / s / "data.jsonl.gz") for s in sets)
        )
        for name, sets in SETS.items()
    )
    items = load_items(slices)
    return items, ItemIndex.build(items, 13)


@pytest.fixture(scope="module")
def pages(shared: Path) -> list[str]:
    return [row["text"] for name in ("digitalgov", "onestopenglish") for row in rows(shared / "data/quality" / name)]


def planted(pages: list[str], texts: dict[str, str]) -> list[dict[str, Any]]:
    """Return pages of which some hold an item's text somewhere in the middle."""
    generator = np.random.default_rng(1)
    found: list[dict[str, Any]] = [{"text": page, "item": None} for page in pages]
    names = sorted(texts)
    for i in generator.permutation(len(names))[:PLANTED]:
        words = pages[int(generator.integers(len(pages)))].split(" ")
        cut = int(generator.integers(len(words) + 1))
        text = "\n".join([" ".join(words[:cut]), texts[names[i]], " ".join(words[cut:])])
        found.append({"text": text, "item": names[i]})
    return found


def test_items_are_found_and_clean_pages_are_left_alone(shared, index, pages):
    full = {
        f"{name}:{row['id']}": row["text"]
        for name, sets in SETS.items()
        for s in sets
        for row in rows(shared / "data/benchmarks" / s)
    }
    score = evaluate(planted(pages, full), index[1])
    assert score.recall.share >= 0.94  # [0.97]
    assert score.precision.share >= 0.99  # [0.999]
    assert score.right_item.share >= 0.97  # [0.996]


def test_a_question_without_its_answer_is_found_too(shared, index, pages):
    questions = {
        f"{name}:{row['id']}": row["question"]
        for name, sets in SETS.items()
        for s in sets
        for row in rows(shared / "data/benchmarks" / s)
        if row.get("question")
    }
    assert evaluate(planted(pages, questions), index[1]).recall.share >= 0.88  # [0.92]


def test_few_items_are_too_short_to_be_looked_for(index):
    items, built = index
    assert built.too_short / len(items) <= 0.02  # [0.015]
