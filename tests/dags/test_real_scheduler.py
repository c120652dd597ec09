"""The DAGs through Airflow's real scheduler, its REST interface and real task processes; the library is the stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scheduler import finished, until

from pipeline.demo.airflow_client import AirflowClient
from pipeline.demo.airflow_home import AirflowHome
from pipeline.errors import UserError
from pipeline.review import cases

pytestmark = pytest.mark.airflow
REPOSITORY = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
APPROVE = "review.approve"
DAG = "curate_batch"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[AirflowHome]:
    folder = tmp_path_factory.mktemp("airflow")
    path = os.pathsep.join([str(STAND_IN), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    users = {"admin": "admin", "cora": "user", "vic": "viewer"}
    preload = "pipeline.airflow"
    with AirflowHome(
        folder, REPOSITORY / "dags", users=users, environment={"PYTHONPATH": path}, preload=preload
    ) as home:
        yield home


@pytest.fixture(scope="module")
def admin(home) -> AirflowClient:
    return home.client("admin")


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    (folder / "pipeline.yaml").write_text((REPOSITORY / "examples" / "pipeline.yaml").read_text())
    return folder


@pytest.fixture(scope="module")
def runs(admin, lake) -> dict[str, str]:
    """All the batches at once: one that blocks, three that are flagged."""
    orders: dict[str, dict[str, Any]] = {
        "approved": {"flags": "dedup"},
        "rejected": {"flags": "pii"},
        "unanswered": {"flags": "quality", "timeout_hours": 2 / 3600},
        "blocked": {"blocks": "dedup"},
    }
    return {
        name: admin.trigger(
            DAG,
            {
                "config": str(lake / "pipeline.yaml"),
                "overrides": {f"stand_in.{key}": value for key, value in {"batch": name, **order}.items()},
            },
        )
        for name, order in orders.items()
    }


def case_of(lake: Path, batch: str) -> cases.Case:
    (case,) = cases.list_cases(f"sqlite:///{lake}/review.db", batch_id=batch)
    return case


def test_a_blocked_gate_stops_the_line_and_its_log_says_where_to_look(admin, runs, lake):
    state, states = finished(admin, runs["blocked"])
    assert state == "failed"
    assert states["dedup.gate"] == "failed"
    later = ("language", "pii", "quality", "provenance", "validate", "publish")
    assert {states[f"{stage}.{step}"] for stage in later for step in ("run", "gate")} == {"upstream_failed"}
    assert states["commit"] == "upstream_failed"
    task = next(task for task in admin.tasks(DAG, runs["blocked"]) if task["task_id"] == "dedup.gate")
    assert task["try_number"] == 1
    log = "\n".join(admin.log(DAG, runs["blocked"], "dedup.gate", 1))
    assert f"read {lake}/dedup/gate-1.json" in log
    assert "What to do: The gate stopped this batch" in log


def test_a_flagged_batch_waits_and_is_published_once_approved_over_rest_whatever_else_waits(home, admin, runs, lake):
    until(lambda: admin.approvals(DAG, runs["approved"]) and admin.approvals(DAG, runs["rejected"]))
    with pytest.raises(UserError, match="403"):
        home.client("vic").answer(DAG, runs["approved"], APPROVE, "Approve", "I may not")
    assert "commit" not in [task for task, state in admin.states(DAG, runs["approved"]).items() if state == "success"]
    home.client("cora").answer(DAG, runs["approved"], APPROVE, "Approve", "known feed")
    with pytest.raises(UserError, match="409"):
        home.client("cora").answer(DAG, runs["approved"], APPROVE, "Reject", "changed my mind")
    state, states = finished(admin, runs["approved"])
    assert (state, states["commit"]) == ("success", "success")
    case = case_of(lake, "approved")
    (entry,) = case.decisions
    assert (case.state, entry.who, entry.why, entry.digest) == ("approved", "cora", "known feed", case.digest)
    (event,) = admin.asset_events(runs["approved"])
    assert event["extra"] == {"release": 1, "documents": 20, "digest": "r1"}


def test_a_rejected_batch_is_not_published(home, admin, runs, lake):
    until(lambda: admin.approvals(DAG, runs["rejected"]))
    home.client("cora").answer(DAG, runs["rejected"], APPROVE, "Reject", "feed is broken")
    state, states = finished(admin, runs["rejected"])
    assert (state, states["commit"], states["rejected"]) == ("success", "skipped", "success")
    case = case_of(lake, "rejected")
    assert (case.state, case.decisions[0].who, case.decisions[0].why) == ("rejected", "cora", "feed is broken")
    assert admin.asset_events(runs["rejected"]) == []


# Slow, as it waits for Airflow to notice; what a time-out decides is tested in tests/test_airflow.py too.
@pytest.mark.slow
def test_no_answer_in_time_is_a_rejection(admin, runs, lake):
    state, states = finished(admin, runs["unanswered"])
    assert (state, states["commit"], states["rejected"]) == ("success", "skipped", "success")
    case = case_of(lake, "unanswered")
    assert (case.state, case.decisions[0].who) == ("rejected", "sluice")
    assert case.decisions[0].why.startswith("no answer within")


def test_a_form_that_does_not_fit_is_refused(admin):
    with pytest.raises(UserError, match="400"):
        admin.trigger(DAG, {"sources": "web_crawl"})


def test_nightly_through_the_scheduler_starts_a_drop_once(admin, lake):
    drop = lake / "input" / "web_crawl" / "night-1"
    drop.mkdir(parents=True)
    (drop / "_SUCCESS").touch()
    said = []
    for _ in range(2):
        run_id = admin.trigger("nightly_ingest", {"config": str(lake / "pipeline.yaml")})
        until(lambda run_id=run_id: admin.run("nightly_ingest", run_id)["state"] == "success")
        said.append(admin.xcom("nightly_ingest", run_id, "report"))
    assert said[0].startswith("1 drop(s) taken: web_crawl/night-1")
    assert said[1].startswith("nothing new")
    assert admin.run(DAG, "drop__b-web_crawl-night-1")["conf"]["sources"] == ["web_crawl"]


def test_nothing_listens_beyond_loopback_and_the_folder_is_private(home):
    assert home.folder.stat().st_mode & 0o077 == 0
    assert home.address.startswith("http://127.0.0.1:")
