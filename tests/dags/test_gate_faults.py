"""Each of the eight gates, through the DAG with the real library: one planted fault that blocks, one that flags.

Blocks are faults of the machinery (a reader, a worker, a model); each is planted by replacing one function for the run of one stage.
They share a batch, so that the stages before the fault are reused. The flags come from the input, all in one batch.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from projects import TEXTS, YAML, copies, good, line, project, put, quoting

from pipeline import api, gating, listing
from pipeline.batch import load_batch
from pipeline.recipe import STAGES

pytestmark = pytest.mark.airflow
BETWEEN = "expect_column_values_to_be_between"
FLAGGED_SOURCES = ("torn", "copies", "digits", "contacts", "adverts", "articles")


@dataclass(frozen=True)
class Fault:
    """What is broken in a stage, and the expectation that must catch it: its type and what it looks at."""

    stage: str
    what: str
    plant: Callable[[pytest.MonkeyPatch], None]
    caught: tuple[str, str]


def losing_reader(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import ingest

    honest = ingest._without_tombstones
    lost = []

    def careless(chunk: Any, tombstones: Any) -> Any:
        first, lost[:] = not lost, [True]
        found = honest(chunk, tombstones)
        return found._replace(columns=found.columns.slice(1), raw=found.raw.slice(1)) if first else found

    patch.setattr(ingest, "_without_tombstones", careless)


def wrong_comparison(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import dedup

    honest = dedup.find
    patch.setattr(
        dedup,
        "find",
        lambda *given: replace(found := honest(*given), similarity=pc.multiply(found.similarity, 0.5)),
    )


def unknown_label(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import language

    honest = language.decide

    def other_model(texts: pa.Array, *given: Any) -> Any:
        return honest(texts, *given)._replace(languages=pa.array(["qq"] * len(texts)))

    patch.setattr(language, "decide", other_model)


def forgetful_redaction(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import pii

    honest = pii.redact
    patch.setattr(pii, "redact", lambda texts, *given: honest(texts, *given)._replace(texts=texts))


def narrow_screen(patch: pytest.MonkeyPatch) -> None:
    from pipeline.pii import screens

    patch.setitem(screens.SCREENS, "NATIONAL_ID", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}")


def unbounded_score(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import quality

    honest = quality.score
    patch.setattr(quality, "score", lambda values: honest(values) + 1)


def lost_column(patch: pytest.MonkeyPatch) -> None:
    from pipeline import run

    honest = run.write_shard

    def careless(store: Any, folder: str, shard: int, role: str, table: pa.Table, attempt: str) -> Any:
        if "/provenance/" in folder:
            place = table.schema.get_field_index("lineage_digest")
            table = table.set_column(place, table.schema.field(place), pa.nulls(table.num_rows, pa.string()))
        return honest(store, folder, shard, role, table, attempt)

    patch.setattr(run, "write_shard", careless)


def lost_verdict(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import validate

    honest = validate.verdict_array
    patch.setattr(validate, "verdict_array", lambda rows: honest([None] * len(rows)))


def damaged_text(patch: pytest.MonkeyPatch) -> None:
    from pipeline.stages import publish

    honest = publish._documents

    def careless(*given: Any) -> pa.Table:
        table = honest(*given)
        place = table.schema.get_field_index("text")
        texts = ["", *table.column("text").to_pylist()[1:]]
        return table.set_column(place, table.schema.field(place), pa.array(texts, table.schema.field(place).type))

    patch.setattr(publish, "_documents", careless)


BLOCKS = (
    Fault("ingest", "a reader that loses a record", losing_reader, (BETWEEN, "reader_difference")),
    Fault("dedup", "a comparison that is wrong", wrong_comparison, (BETWEEN, "pairs_below_threshold")),
    Fault("language", "a model with other labels", unknown_label, (BETWEEN, "unknown_labels")),
    Fault("pii", "a redaction that leaves what it found", forgetful_redaction, (BETWEEN, "pii_left")),
    Fault("pii", "a screen that is too narrow", narrow_screen, (BETWEEN, "canaries_missed")),
    Fault("quality", "a score beyond its range", unbounded_score, (BETWEEN, "quality_score")),
    Fault(
        "provenance",
        "a writer that loses a column",
        lost_column,
        ("expect_column_values_to_not_be_null", "lineage_digest"),
    ),
    Fault("validate", "a rule whose verdict is lost", lost_verdict, (BETWEEN, "contaminated_left")),
    Fault("publish", "a text damaged on its way", damaged_text, (BETWEEN, "provenance_completeness")),
)
QUICK = {"ingest"}


@pytest.fixture(scope="module")
def inline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        yield


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, inline: None) -> Path:
    """A project whose batch passes or flags everywhere; it is not published."""
    write = f"Questions about this text go to jane.doe@example.org.\n\n{TEXTS[20]}"
    return project(tmp_path_factory.mktemp("sound"), [*good(10), *copies(3, 10), *quoting(2, 12), line("mail", write)])


@pytest.fixture
def curate(bag: Any, states: Any, impatient: None) -> Callable[..., Any]:
    """A function: the tasks' states and the reference of one run of the DAG on a project."""

    def run(folder: Path, **form: Any) -> tuple[dict[str, str], dict[str, Any]]:
        # All fields, because Airflow keeps a form's values in the DAG for the next `test()` of the process.
        empty: dict[str, Any] = {"sources": [], "inputs": {}, "overrides": {}}
        done = bag.dags["curate_batch"].test(run_conf={"config": str(folder / "pipeline.yaml"), **empty, **form})
        opened = next(ti for ti in done.get_task_instances() if ti.task_id == "open_batch")
        return states(done), opened.xcom_pull(task_ids="open_batch")

    return run


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=f"{fault.stage}, {fault.what}", marks=() if fault.stage in QUICK else pytest.mark.slow)
        for fault in BLOCKS
    ],
)
def test_a_fault_of_the_machinery_blocks_at_its_gate(
    fault: Fault, sound: Path, curate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault.plant(monkeypatch)
    states, reference = curate(sound)
    blocking = outcomes(reference, fault.stage, "block")
    # The faulty snapshot has the fingerprint of the honest one, which the other cases need.
    shutil.rmtree(sound / "lake" / "batches" / reference["batch_id"] / fault.stage)
    assert fault.caught in blocking, fault.what
    assert states[f"{fault.stage}.gate"] == "failed"
    later = STAGES[STAGES.index(fault.stage) + 1 :]
    assert all(states[f"{name}.{step}"] == "upstream_failed" for name in later for step in ("run", "gate"))
    assert states["commit"] == "upstream_failed"
    assert listing.releases(sound / "pipeline.yaml") == []


def outcomes(reference: dict[str, Any], stage: str, consequence: str) -> set[tuple[str, str]]:
    """Return the expectations of a gate that had a consequence: type and subject."""
    verdict = gating.verdicts(load_batch(reference))[stage]
    return {(entry.type, entry.subject) for entry in verdict.expectations if entry.consequence == consequence}


def every_flag(folder: Path) -> Path:
    """Make a project in which every gate has something to flag; the sources say what is wrong with each."""
    project(folder)
    sources = "".join(f"      - {{name: {name}, kind: licensed}}\n" for name in FLAGGED_SOURCES)
    (folder / "pipeline.yaml").write_text(YAML.replace("      - licensed_content\n", sources))
    torn = [line("t1", TEXTS[30]), *("{broken" for _ in range(4))]
    digits = [line(f"n{i}", f"{i} 23 | 456 || 789 == 0 " * 40) for i in range(3)]
    contacts = [line(f"c{i}", "\n".join(f"person{i}{j}.surname@example.org" for j in range(12))) for i in range(3)]
    adverts = [line(f"a{i}", f"BUY {word} NOW!!! " * 60) for i, word in enumerate(("CHEAP", "MORE", "HERE"))]
    twins = [line(f"w{i}", f"{TEXTS[31]}\n\n{ending}") for i, ending in enumerate(("One ending.", "Another end."))]
    stated = [line(i, TEXTS[i], license=None) for i in range(12)]
    lines = [torn, copies(40, 32), digits, contacts, adverts, [*stated, *twins, *quoting(3, 33)]]
    for name, own in zip(FLAGGED_SOURCES, lines, strict=True):
        put(folder / "input" / name / "a.jsonl", own)
    return folder


FLAGS = {
    "ingest": "failed_share_max",
    "dedup": "removed_share_max",
    "language": "sources_wiped_out",
    "pii": "sources_wiped_out",
    "quality": "sources_wiped_out",
    "provenance": "license_stated_share",
    "validate": "contaminated_share",
    "publish": "duplicate_upper",
}


def test_every_gate_flags_what_is_wrong_with_the_input_and_the_curator_sees_all_of_it(
    tmp_path: Path, inline: None, curate: Callable[..., Any], curator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind_signatures(monkeypatch)
    folder = every_flag(tmp_path / "flags")
    seen: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: seen.append(curator("Approve", "seen it all", "")), daemon=True)
    thread.start()
    states, reference = curate(folder)
    thread.join(10)
    assert states["commit"] == "success"
    missed = {stage: name for stage, name in FLAGS.items() if (BETWEEN, name) not in outcomes(reference, stage, "flag")}
    assert missed == {}
    [case] = listing.reviews(folder / "pipeline.yaml")
    shown = {(flag["stage"], flag["expectation"]) for flag in api.holds(reference)}
    assert shown >= {(stage, f"{BETWEEN} on {name}") for stage, name in FLAGS.items()}
    assert (case["state"], case["why"]) == ("approved", "seen it all")
    assert all(f"| {stage} |" in seen[0]["body"] for stage in STAGES)


def blind_signatures(patch: pytest.MonkeyPatch) -> None:
    """Let no two documents share a bucket: near-duplicates are not found, and only publish's own audit can tell."""
    from pipeline.stages import signed as stage

    honest = stage.sign

    def blind(texts: pa.Array, settings: Any) -> Any:
        signed = honest(texts, settings)
        return signed._replace(hashes=np.arange(signed.hashes.size, dtype=np.int64).reshape(signed.hashes.shape))

    patch.setattr(stage, "sign", blind)
