"""The examples of docs/lake.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from batches import publish

from pipeline import faults
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.lake.tables import TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "lake.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    corpus = Corpus(Store("lake"))
    publish(corpus, "b1", ["a", "b"])
    publish(corpus, "b2", ["c"], base=1)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    space: dict = {}
    for block in blocks:
        exec(block, space)  # noqa: S102 - our own page
    assert space["rows"] == 3
    assert max(space["texts"]).startswith("text of")


def test_the_page_names_every_table():
    assert all(f"`{table}`" in PAGE for table in TABLES)
    assert all(f"corpus.{table}.before" in faults.POINTS for table in TABLES)
