"""What the DAGs' shape promises, checked on all upstream tasks, and that parsing them stays light."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow
REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = ("ingest", "dedup", "language", "pii", "quality", "provenance", "validate", "publish")
HEAVY = ("pyspark", "great_expectations", "pandas", "numba", "pyarrow", "pyiceberg", "presidio_analyzer", "fasttext")


@pytest.fixture
def curate(bag):
    return bag.dags["curate_batch"]


@pytest.fixture
def nightly(bag):
    return bag.dags["nightly_ingest"]


def test_the_dags_import_and_are_these(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == {"curate_batch", "nightly_ingest"}


def test_policy(bag):
    for dag in bag.dags.values():
        assert dag.tags == {"sluice"}
        assert dag.catchup is False
        assert dag.doc_md
        assert dag.start_date.utcoffset().total_seconds() == 0
        for task in dag.tasks:
            assert task.retry_policy is not None, task.task_id
            assert task.retries == 2, task.task_id
            assert task.on_failure_callback, task.task_id


def test_parsing_imports_nothing_heavy():
    code = (
        "import sys, runpy\n"
        "for name in ('curate_batch', 'nightly_ingest'): runpy.run_path(f'dags/{name}.py')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_stages_are_the_recipes():
    recipe = pytest.importorskip("pipeline.recipe")
    assert tuple(recipe.STAGES) == STAGES


@pytest.mark.parametrize(("before", "stage"), [(None, STAGES[0]), *itertools.pairwise(STAGES)])
def test_a_stage_starts_only_after_the_gate_before_it(curate, before, stage):
    expected = {f"{before}.gate"} if before else {"open_batch"}
    assert curate.get_task(f"{stage}.run").upstream_task_ids == expected
    assert curate.get_task(f"{stage}.gate").upstream_task_ids == {f"{stage}.run"}


def test_commit_follows_every_gate_and_the_decision(curate):
    before = curate.get_task("commit").get_flat_relative_ids(upstream=True)
    assert before >= {f"{stage}.{step}" for stage in STAGES for step in ("run", "gate")}
    assert before >= {"hold", "review.open_case", "review.approve", "review.record"}
    assert curate.get_task("commit").upstream_task_ids == {"hold", "review.record"}


def test_only_commit_emits_the_corpus_and_only_it_is_serial(curate):
    assert {task.task_id for task in curate.tasks if task.outlets} == {"commit"}
    (corpus,) = curate.get_task("commit").outlets
    assert (corpus.name, corpus.uri) == ("sluice_corpus", "sluice://corpus/")
    assert {task.task_id for task in curate.tasks if task.pool == "sluice_publish"} == {"commit"}
    assert curate.max_active_runs > 1


def test_no_answer_is_a_rejection(curate):
    assert curate.get_task("review.approve").defaults == ["Reject"]


def test_every_trigger_rule_but_the_commented_ones_is_the_default(bag):
    other = {task.task_id for dag in bag.dags.values() for task in dag.tasks if task.trigger_rule != "all_success"}
    assert other == {"commit", "drop.claim", "report"}


def test_the_nightly_starts_before_it_claims(nightly):
    assert "drop.start" in nightly.get_task("drop.claim").upstream_task_ids
    assert nightly.get_task("drop.start").upstream_task_ids == {"find"}
    assert "drop.claim" in nightly.get_task("report").upstream_task_ids
    assert nightly.timetable.expression == "0 2 * * *"
    assert str(nightly.timetable.timezone) == "UTC"
    assert nightly.max_active_runs == 1
