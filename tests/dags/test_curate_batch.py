"""One batch through the DAG with a stand-in for the library: pass, block, flag with every kind of answer, and the form."""

from __future__ import annotations

import threading

import pytest

from pipeline.review import cases

pytestmark = pytest.mark.airflow
STAGES = ("ingest", "dedup", "language", "pii", "quality", "provenance", "validate", "publish")
ALL = {"open_batch", *(f"{stage}.{step}" for stage in STAGES for step in ("run", "gate")), "hold"}
REVIEW = {"review.open_case", "review.approve", "review.record"}


@pytest.fixture
def curate(bag, stand_in, config, states, impatient):
    """Run the DAG on the stand-in with some orders; return the tasks' states and the calls made."""

    def run(answers=(), **orders):
        dag = bag.dags["curate_batch"]
        conf = {"config": config, "overrides": {f"stand_in.{key}": value for key, value in orders.items()}}
        threads = [threading.Thread(target=answer, daemon=True) for answer in answers]
        for thread in threads:
            thread.start()
        result = dag.test(run_conf=conf)
        for thread in threads:
            thread.join(10)
        return states(result), stand_in.calls(config.removesuffix("/pipeline.yaml")), result

    return run


def case_of(config: str) -> cases.Case:
    (case,) = cases.list_cases(f"sqlite:///{config.removesuffix('/pipeline.yaml')}/review.db")
    return case


def with_state(states: dict[str, str], state: str) -> set[str]:
    return {task for task, found in states.items() if found == state}


def test_a_clean_batch_is_published_without_review_and_the_asset_tells(curate):
    states, calls, run = curate()
    assert with_state(states, "success") == ALL | {"commit"}
    assert with_state(states, "skipped") == REVIEW | {"rejected"}
    order = [(call["call"], call.get("stage")) for call in calls]
    steps = [(step, stage) for stage in STAGES for step in ("run_stage", "run_gate")]
    assert order == [("open_batch", None), *steps, ("commit", None)]
    assert calls[-1]["case_id"] is None
    (event,) = corpus_events(run)
    assert event.extra == {"release": 1, "documents": 20, "digest": "r1"}


def corpus_events(run) -> list:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return list(session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)))


@pytest.mark.parametrize("stage", ["dedup", pytest.param("publish", marks=pytest.mark.slow)])
def test_a_blocked_gate_starts_nothing_after_it_and_is_not_tried_again(curate, stage):
    states, calls, run = curate(blocks=stage)
    place = STAGES.index(stage)
    assert with_state(states, "failed") == {f"{stage}.gate"}
    assert {call["stage"] for call in calls if call["call"] == "run_stage"} == set(STAGES[: place + 1])
    assert [call["stage"] for call in calls if call["call"] == "run_gate"].count(stage) == 1
    assert "commit" not in {call["call"] for call in calls}
    assert with_state(states, "upstream_failed") >= {"hold", "commit"}
    assert run.state == "failed"
    assert corpus_events(run) == []


def test_a_flagged_batch_is_published_once_a_curator_approves(curate, curator, config):
    shown = []
    states, calls, run = curate([lambda: shown.append(curator("Approve", "known feed"))], flags="dedup")
    assert with_state(states, "success") == ALL | REVIEW | {"commit"}
    assert states["rejected"] == "skipped"
    (decided,) = [call for call in calls if call["call"] == "decide"]
    assert (decided["decision"], decided["who"], decided["why"]) == ("approve", "cora", "known feed")
    case = case_of(config)
    assert case.state == "approved"
    assert [call["case_id"] for call in calls if call["call"] == "commit"] == [case.case_id]
    assert len(corpus_events(run)) == 1
    (form,) = shown
    assert form["subject"] == "Publish batch b1?"
    assert "| dedup | removal\\_rate | at most 0.9 | 0.93 |" in form["body"]
    assert form["options"] == ["Approve", "Reject"]
    assert form["defaults"] == ["Reject"]
    assert set(form["params"]) == {"reason"}


def test_an_approval_without_a_reason_is_asked_again_and_what_is_rejected_is_not_published(curate, curator, config):
    def answer():
        curator("Approve", "  ")
        curator("Reject", "on second thoughts")

    states, calls, run = curate([answer], flags="pii")
    assert states["commit"] == "skipped"
    assert states["rejected"] == "success"
    assert run.state == "success"
    assert "commit" not in {call["call"] for call in calls}
    case = case_of(config)
    assert case.state == "rejected"
    assert [(entry.who, entry.why) for entry in case.decisions] == [("cora", "on second thoughts")]
    assert corpus_events(run) == []


@pytest.mark.slow
def test_a_decided_batch_run_again_is_not_asked_again(curate, curator, config):
    curate([lambda: curator("Approve", "known feed")], flags="dedup")
    states, _, _ = curate(flags="dedup")
    assert states["commit"] == "success"
    assert len(case_of(config).decisions) == 1


def test_a_batch_with_nothing_left_publishes_nothing_and_emits_nothing(curate):
    states, _, run = curate(empty=True)
    assert states["commit"] == "skipped"
    assert run.state == "success"
    assert corpus_events(run) == []


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("ConfigError", "failed"),
        ("ModelError", "failed"),
        ("KeyError", "failed"),
        ("SourceUnavailable", "up_for_retry"),
    ],
)
def test_only_what_may_pass_is_tried_again(bag, stand_in, config, error, state):
    """The policy's decision itself; waiting for the retry's delay would prove the same in a minute."""
    from pipeline import errors

    exception = getattr(errors, error, KeyError)("x")
    task = bag.dags["curate_batch"].get_task("dedup.run")
    decision = task.retry_policy.evaluate(exception, try_number=1, max_tries=2)
    assert decision.action.value == {"failed": "fail", "up_for_retry": "retry"}[state]


GOOD = {"config": "c.yaml"}


@pytest.mark.parametrize(
    "conf",
    [
        {"config": ""},
        {"config": 7},
        {"sources": "web_crawl"},
        {"sources": ["Web Crawl"]},
        {"sources": ["web_crawl", "web_crawl"]},
        {"inputs": {"web_crawl": []}},
        {"inputs": {"web_crawl": "a.jsonl"}},
        {"inputs": {"../x": ["a"]}},
        {"overrides": {"quality_threshold": 0.5}},
        {"overrides": {"cleaning..x": 1}},
        {"overrides": ["cleaning.quality_threshold=1"]},
    ],
)
def test_the_form_refuses_what_does_not_fit(bag, triggered, conf):
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    status, answer = triggered("curate_batch", {**GOOD, **conf})
    assert status == 400, answer


def test_the_form_takes_what_fits(bag, triggered):
    conf = {
        "config": "c.yaml",
        "sources": ["web_crawl"],
        "inputs": {"web_crawl": ["/data/*.warc.gz"]},
        "overrides": {"cleaning.quality_threshold": 0.5, "language.wanted": ["en"]},
    }
    status, answer = triggered("curate_batch", conf)
    assert status == 200, answer
