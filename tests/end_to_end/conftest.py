"""A small project folder with real text: the help topics that come with Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.history import to_keep

YAML = (Path(__file__).resolve().parents[2] / "examples" / "pipeline.yaml").read_text()

Write = Callable[..., Path]


def texts(count: int, start: int = 0) -> list[str]:
    """Return real English documentation texts of at least 150 words."""
    long = [text for _, text in sorted(topics.items()) if len(text.split()) >= 150]
    return long[start : start + count]


def write_jsonl(file: Path, rows: Iterable[dict[str, object]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def documents(count: int, start: int = 0, prefix: str = "doc") -> list[dict[str, object]]:
    return [
        {
            "id": f"{prefix}-{start + i}",
            "text": text,
            "license": "PSF-2.0",
            "url": f"https://example.org/{prefix}/{start + i}",
        }
        for i, text in enumerate(texts(count, start))
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the design's configuration and one source; stages run without Spark."""
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    return make_project(tmp_path)


def make_project(folder: Path) -> Path:
    """Write the design's configuration with one source of 24 documents."""
    folder.mkdir(exist_ok=True)
    (folder / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    write_jsonl(folder / "input" / "licensed_content" / "a.jsonl", documents(24))
    return folder


def publish_figures(reference: Mapping[str, str]) -> None:
    """Make a release that keeps the figures of what a batch has run, and no document."""
    batch = load_batch(reference)
    chain = full_chain(batch)
    batch.corpus.publish(
        base=batch.record.base,
        batch_id=batch.batch_id,
        fingerprint=chain.manifest("ingest").fingerprint,
        documents=[],
        metrics=to_keep(chain.manifests),
    )
