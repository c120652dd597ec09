"""Made `lake-1`, once. It is kept so that one can see what the lake holds; README.md says why it is not run again.

SLUICE_SPARK_MASTER=inline .venv/bin/python -m tests.golden.make_lake_1 FOLDER
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline import api, gating, listing
from pipeline.batch import corpus, load_batch
from pipeline.config import load
from pipeline.recipe import STAGES

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
data_pipeline:
  ingestion:
    sources:
      - name: documentation
        kind: licensed
        license: MIT
        paths: [input]
  cleaning:
    quality_threshold: 0.05
  quality:
    hard_rules: []
  expectations: null
"""
PAGES = ("docs/lake.md", "docs/operate.md", "docs/gates.md", "docs/sources.md", "docs/evaluate.md", "README.md")


def sections() -> list[dict[str, str]]:
    """Return the prose of the project's own pages, a section a document."""
    found = []
    for page in PAGES:
        text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
        for section in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
            prose = "\n".join(line for line in section.splitlines() if not line.startswith(("|", "!")))
            if len(prose.split()) >= 60:
                title = prose.splitlines()[0]
                found.append({"id": f"{page}#{title}", "url": f"https://example.org/{page}", "text": prose.strip()})
    return found


def write(folder: Path, name: str, lines: list[str]) -> None:
    shutil.rmtree(folder / "input", ignore_errors=True)
    (folder / "input").mkdir()
    (folder / "input" / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def curate(folder: Path, decision: str) -> dict[str, Any]:
    """Run a batch as `api.run_all` does, less Great Expectations' pages, and let a curator decide where one is asked."""
    reference = api.open_batch(str(folder / "pipeline.yaml"))
    for stage in STAGES:
        api.run_stage(reference, stage)
        gating.passed(load_batch(reference), stage)
    if not api.holds(reference):
        return api.commit(reference)
    case = api.open_case(reference)
    return listing.decide_case(folder / "pipeline.yaml", case["case_id"], decision, "a curator", "looked at it")


def make(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(CONFIG, encoding="utf-8")
    documents = sections()[:13]
    documents[0]["text"] += "\n\nQuestions go to someone@example.org or +1 202 555 0143."
    lines = [json.dumps(document) for document in documents]
    again = json.dumps({**documents[1], "id": "a copy of another document"})
    write(folder, "first.jsonl", [*lines[:6], again, "{broken"])
    curate(folder, "approve")
    write(folder, "second.jsonl", lines[6:10])
    curate(folder, "approve")
    published = corpus(load(folder / "pipeline.yaml"))
    names = sorted(name for part in published.documents(columns=["document_id"]) for name in part[0].to_pylist())
    published.takedown(names[:1], "asked for by its author")
    write(folder, "third.jsonl", [*lines[10:13], "{broken"])
    curate(folder, "reject")
    shutil.rmtree(folder / "input")
    make_small(folder / "lake")


def make_small(lake: Path) -> None:
    """Leave out what no reader of a lake needs."""
    # Leases name the machine, and none is held.
    shutil.rmtree(lake / "warehouse" / "leases")
    for report in lake.glob("batches/*/*/*/gate-*.json"):
        if report.parts[-3] not in ("ingest", "publish"):
            report.unlink()
    for table in lake.glob("warehouse/corpus/*/metadata"):
        for superseded in sorted(table.glob("*.metadata.json"))[:-2]:
            superseded.unlink()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
