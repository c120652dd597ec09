"""The report on a batch: from real snapshots through the command to the page, with a rule planted that takes one group's or topic's documents."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa
import pytest
from rich.console import Console

from pipeline import api
from pipeline.batch import load_batch
from pipeline.batch_report import report
from pipeline.bias.groups import groups_in, topics_in
from pipeline.bias.screen import screen
from pipeline.chain import full_chain
from pipeline.errors import UserError
from pipeline.recipe import STAGES
from pipeline.report.batch import print_batch_report
from pipeline.report.batch_page import batch_page
from pipeline.stages.bias import count_shard, report_batch
from pipeline.stages.quality import QualityStage
from pipeline.verdict import VERDICT
from pipeline.whatif import whatif
from pipeline.work import Work
from tests.browser import check_shown, needs_browser
from tests.end_to_end.conftest import YAML, texts, write_jsonl

RULE = "quality.fineweb.short_lines@1"
GROUP = "religion:sikh"
BESIDE = "origin:refugee"
"""Stands beside the group in every text that mentions the group, and in a few others."""


TOPIC = "topic:sport"
PLAYED = " The goalkeeper, the striker and the referee left the stadium before the football tournament."
SLEPT = " The waiter, the driver and the other one left the building before the evening was over."


def sentence(place: int) -> str:
    who = "refugees" if place % 8 in (0, 1, 4) else "people"
    return f" Some of the {who} who wrote this down were {'Sikhs' if place % 4 == 0 else 'tired'}."


def plant(monkeypatch: pytest.MonkeyPatch, value: str = GROUP) -> None:
    """Let quality reject, by a rule's name, what mentions one group or is about one topic; the further from its limit the longer."""
    real = QualityStage.apply

    def planted(self: QualityStage, documents: pa.RecordBatch) -> pa.RecordBatch:
        found = real(self, documents)
        verdicts = found.column("verdict").to_pylist()
        screened = screen(documents.column("text"), documents.column("language"))
        named = zip(groups_in(screened).to_pylist(), topics_in(screened).to_pylist(), strict=True)
        for row, ((own, topic), text) in enumerate(zip(named, documents.column("text").to_pylist(), strict=True)):
            if value in [*(own or []), topic]:
                finding = {"reason": RULE, "value": 0.67 + len(text) / 1e6, "limit": 0.67, "evidence": None}
                verdicts[row] = [*(verdicts[row] or []), finding]
        return found.set_column(
            found.schema.get_field_index("verdict"), found.schema.field("verdict"), pa.array(verdicts, VERDICT)
        )

    monkeypatch.setattr(QualityStage, "apply", planted)


def run(folder: Path, last: Callable[[int], str] = sentence) -> dict[str, Any]:
    """Run a small batch up to validate: short real texts, each with a last sentence of its own: every fourth on the group, the others one like it."""
    (folder / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    parts = [part for text in texts(40) for part in re.findall(r".{300,500}?[.!?]\s", text, re.DOTALL)][:160]
    rows = [
        {
            "id": str(place),
            "text": part.strip() + last(place),
            "license": "PSF-2.0",
            "url": f"https://docs.example.{('de', 'com')[place % 2]}/{place}",
        }
        for place, part in enumerate(parts)
    ]
    write_jsonl(folder / "input" / "licensed_content" / "a.jsonl", rows)
    reference = api.open_batch(str(folder / "pipeline.yaml"), overrides={"cleaning.quality_threshold": 0.05})
    for stage in STAGES[:-1]:
        api.run_stage(reference, stage)
        api.run_gate(reference, stage)
    return dict(reference)


def test_a_planted_rule_is_flagged_by_the_gate_and_stands_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    plant(monkeypatch)
    reference = run(tmp_path)
    (flag,) = [held for held in api.holds(reference) if held["stage"] == "validate"]
    assert flag["observed"].startswith(f"{GROUP} by {RULE} (kept 0.00 times as often")
    batch = load_batch(reference)
    chain = full_chain(batch)
    found = report(batch, chain)
    bias = found["bias"]
    row = bias["disparate"][0]
    assert (row["value"], row["responsible"], row["lost"]) == (GROUP, RULE, row["read"])
    nearest = {
        name: value[-1]["value"]
        for shard in range(chain.shards)
        for name, value in zip(
            chain.read("ingest", shard, ["document_id"]).column(0).to_pylist(),
            chain.read("quality", shard, ["verdict"]).column(0).to_pylist(),
            strict=True,
        )
        if value and value[-1]["reason"] == RULE
    }
    assert row["evidence"] == sorted(nearest, key=lambda name: (nearest[name], name))[:10]
    metrics = chain.manifest("validate").metrics
    assert metrics["bias_covered_share"] == 1
    assert metrics["bias_assessed_axis/religion"] == pytest.approx(
        sum(r["assessed"] for r in bias["coverage"] if r["axis"] == "religion") / bias["documents"]["compared"]
    )
    assert 0.4 < next(r for r in bias["rows"] if r["value"] == "region:de")["representation_kept"] <= 1
    assert sum(source["documents"] for source in found["scores"]) == chain.manifest("quality").total("read")
    told = json.dumps(found)
    assert "were tired" not in told
    written = StringIO()
    print_batch_report(Console(file=written, width=200), found)
    said = written.getvalue()
    assert f"{RULE}" in said
    assert "were tired" not in said
    (other,) = [entry for entry in bias["disparate"] if entry["value"] == BESIDE]
    assert other["shared"] == {"value": GROUP, "lost": row["lost"], "of_them": row["lost"]}
    assert f"{row['lost']} of the {row['lost']} lost are {GROUP} too" in flag["observed"]
    page = batch_page(found)
    assert GROUP in page
    assert RULE in page
    assert "were tired" not in page
    assert "<script" not in page
    docs = Path(url2pathname(urlsplit(api.run_gate(reference, "validate")["data_docs"]).path))
    assert 'href="batch.html"' in docs.read_text()
    assert (docs.parent / "batch.html").read_text() == page
    # A shard that nobody counted is missed: the documents are held against what ingest committed.
    work = Work(batch, "validate", chain, "", "elsewhere", lambda: pytest.fail("no Spark"))
    shards = [count_shard(shard, chain) for shard in range(chain.shards)]
    assert report_batch(work, chain, shards)["bias_covered_share"] == 1
    assert report_batch(work, chain, shards[1:])["bias_covered_share"] == 1 - 1 / len(shards)


def test_a_planted_rule_that_takes_a_topic_is_flagged_with_rule_and_topic_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    plant(monkeypatch, TOPIC)
    reference = run(tmp_path, lambda place: PLAYED if place % 4 == 0 else SLEPT)
    (flag,) = [held for held in api.holds(reference) if held["stage"] == "validate"]
    assert flag["observed"].startswith(f"{TOPIC} by {RULE} (kept 0.00 times as often")
    batch = load_batch(reference)
    chain = full_chain(batch)
    found = report(batch, chain)
    (flagged,) = found["bias"]["disparate"]
    assert (flagged["value"], flagged["responsible"]) == (TOPIC, RULE)
    assert flagged["lost"] == flagged["read"] >= 30
    assert len(flagged["evidence"]) == 10
    row = next(row for row in found["bias"]["rows"] if row["value"] == TOPIC)
    assert (row["kept"], row["stages"]["quality"]) == (0, row["read"])
    assert any(entry["value"] == "topic:none" for entry in found["shares"])
    page = batch_page(found)
    assert "What it is about" in page
    assert TOPIC in page
    # What was not rejected came to validate, which names its topic; another threshold is told by topic too.
    named = [name for part in chain.each_live(["topic"]) for name in part.column(0).to_pylist()]
    assert TOPIC not in named
    said = whatif(batch, {"cleaning.quality_threshold": 0.99})["stages"][0]["by_topic"]
    assert {row["value"]: row["kept_before"] for row in said} == Counter(named)


def test_the_page_escapes_and_its_pictures_are_well_formed() -> None:
    page = batch_page(SHOWN)
    assert "<img" not in page
    assert "&lt;img" in page
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 6
    for picture in pictures:
        ET.fromstring(picture)  # noqa: S314 - our own page
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)


@needs_browser
def test_a_browser_shows_the_page_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "batch.html").write_text(batch_page(SHOWN))
    seen = check_shown(tmp_path / "batch.html")
    assert seen.pictures == 6
    assert "onerror=alert(1)" in seen.text  # as text


def test_without_validate_there_is_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    (tmp_path / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n      - web_crawl\n", ""))
    write_jsonl(tmp_path / "input" / "licensed_content" / "a.jsonl", [{"id": "1", "text": "A text."}])
    batch = load_batch(api.open_batch(str(tmp_path / "pipeline.yaml")))
    with pytest.raises(UserError, match="run `sluice stage validate` first"):
        report(batch, full_chain(batch))


HOSTILE = "<img src=x onerror=alert(1)>\u202e"
SHOWN: dict[str, Any] = {
    "batch_id": "b1",
    "threshold": 0.8,
    "funnel": [
        {"stage": "ingest", "source": HOSTILE, "kept": 90, "rejected": {"ingest.no_text@1": 7}, "failed": {"ingest.failed@1": 3}}
    ],
    "scores": [{"source": HOSTILE, "documents": 4, "bins": [0, 1, 3] + [0] * 22}],
    "shares": [{"value": "gender:women", "before": [0.1, 0.2], "now": 0.15}],
    "bias": {
        "limits": {"min_ratio": 0.8, "min_topic_ratio": 0.5, "error_rate": 0.01, "min_documents": 30, "comparisons": 1},
        "documents": {"read": 90, "compared": 90, "kept": 80},
        "coverage": [{"axis": "gender", "language": HOSTILE, "documents": 90, "assessed": 45}],
        "rows": [
            {
                "value": "gender:women", "axis": "gender", "read": 40, "kept": 10, "representation": 0.4, "representation_kept": 0.1,
                "retention": 0.25, "lower": 0.2, "upper": 0.3, "crude_ratio": 0.3, "ratio": 0.3, "ratio_lower": 0.2, "ratio_upper": 9.0,
                "q": 0.001, "stages": {"quality": 30},
            },
            {
                "value": "topic:sport", "axis": "topic", "read": 40, "kept": 40, "representation": 0.4, "representation_kept": 0.5,
                "retention": 1.0, "lower": 0.9, "upper": 1.0, "crude_ratio": 1.1, "ratio": 1.1, "ratio_lower": 0.9, "ratio_upper": 1.2,
                "q": 1.0, "stages": {"quality": 0},
            },
        ],
        "significant": [],
        "disparate": [
            {"value": "gender:women", "responsible": RULE, "ratio": 0.3, "lost": 30, "expected": 3.0, "read": 40, "evidence": ["0" * 32], "shared": None}
        ],
        "association": [
            {
                "value": "gender:women", "context": "negative", "documents": 40, "beside": 4, "share": 0.1, "lower": 0.05, "upper": 0.2,
                "expected": 0.1, "ratio": 1.0, "share_kept": 0.1,
            }
        ],
        "drift": [],
        "not_assessed": [HOSTILE],
    },
}  # fmt: skip
