"""Small project folders with real text, the help topics that come with Python, and with faulty input where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

from pipeline.settings import Validation
from pipeline.slices.benchmarks import load_items

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = "licensed_content"
YAML = (REPOSITORY / "examples" / "pipeline.yaml").read_text().replace("      - social_feeds\n      - web_crawl\n", "")
TEXTS = [text for _, text in sorted(topics.items()) if len(text.split()) >= 150]
"""More than fifty; each passes every stage."""


def project(folder: Path, lines: list[str] | None = None) -> Path:
    """Make a project with one source; its lines lie in one file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(YAML)
    if lines is not None:
        put(folder / "input" / SOURCE / "a.jsonl", lines)
    return folder


def put(file: Path, lines: list[str]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def line(name: int | str, text: str, **fields: Any) -> str:
    return json.dumps({"id": f"d{name}", "text": text, "license": "PSF-2.0", **fields})


def good(count: int, start: int = 0) -> list[str]:
    return [line(number, TEXTS[number]) for number in range(start, start + count)]


def copies(count: int, number: int) -> list[str]:
    """Records with one text, but for the white space at its end."""
    return [line(f"{number}-{i}", TEXTS[number] + "\n" * (i % 3) + " ") for i in range(count)]


def quoting(count: int, start: int) -> list[str]:
    """Records that quote an item of a benchmark."""
    items = load_items(Validation().benchmark_slices)
    return [line(f"q{i}", f"{items[i].text}\n\n{TEXTS[start + i]}") for i in range(count)]
