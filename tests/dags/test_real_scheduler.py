"""Airflow's real scheduler, its REST interface and real task processes with the real library, and faults planted in some runs.

Each fault blocks or flags at the gate that is there for it. One Airflow serves all tests: to start one costs more than a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import canaries
import pytest
from airflow_homes import planted_home
from projects import SOURCE, copies, good, project, put, quoting
from scheduler import decide, finished, trigger, until

from pipeline import api, listing
from pipeline.demo.airflow_client import AirflowClient
from pipeline.demo.airflow_home import AirflowHome
from pipeline.errors import UserError
from pipeline.recipe import STAGES

pytestmark = pytest.mark.airflow
DAG = "curate_batch"
APPROVE = "review.approve"
QUICK = {"lost_row", "approved", "quoting dedup"}
"""Runs in `make test`: one that a gate stops, one that a curator lets pass, one that raises; the others in `make test-all`."""


def three_flags() -> list[str]:
    """One line in five is broken (ingest), most of the rest are copies of one text (dedup), several quote benchmark items (validate)."""
    return [*quoting(4, 0), *good(2), *canaries.lines(34), *copies(100, 30), *("{broken" for _ in range(16))]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowHome]:
    with planted_home(tmp_path_factory.mktemp("airflow")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(home: AirflowHome) -> AirflowClient:
    return home.client("admin")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("projects")
    made = {
        "lost_row": project(root / "lost_row", good(8)),
        "narrow_screen": project(root / "narrow_screen", good(8)),
        "nothing_left": project(root / "nothing_left", good(8)),
        "approved": project(root / "approved", three_flags()),
        "rejected": project(root / "rejected", three_flags()),
        "quoting dedup": project(root / "quoting", [*canaries.lines(30), *good(2)]),
    }
    for name in ("approved", "rejected", "quoting dedup"):
        canaries.require_license(made[name])
    # Read by tests/dags/planted/sitecustomize.py in the task's process.
    for fault in ("lost_row", "narrow_screen", "quoting dedup"):
        (made[fault] / "planted").write_text(f"{fault}\n{list(canaries.VALUES.values())}")
    return made


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, admin: AirflowClient, projects: dict[str, Path]) -> dict[str, str]:
    """The runs, begun together; those of slow tests only where slow tests are run."""
    slow = any(item.get_closest_marker("slow") and item.path == request.path for item in request.session.items)
    overrides = {"nothing_left": {"cleaning.quality_threshold": 1.0}}
    return {
        name: trigger(
            admin, folder.name, {"config": str(folder / "pipeline.yaml"), "overrides": overrides.get(name, {})}
        )
        for name, folder in projects.items()
        if slow or name in QUICK
    }


@pytest.mark.parametrize(
    ("fault", "stage", "said"),
    [
        # A worker that writes one row too few.
        ("lost_row", "language", "accounting_difference"),
        # A recogniser's screen that lets nothing pass: the canaries are not caught.
        pytest.param("narrow_screen", "pii", "canaries_missed", marks=pytest.mark.slow),
        # A threshold that no document reaches: nothing is left to release.
        pytest.param("nothing_left", "publish", "documents", marks=pytest.mark.slow),
    ],
)
def test_a_planted_fault_blocks_and_no_later_stage_starts(
    admin: AirflowClient, runs: dict[str, str], projects: dict[str, Path], fault: str, stage: str, said: str
) -> None:
    state, states = finished(admin, runs[fault])
    assert state == "failed"
    assert states[f"{stage}.gate"] == "failed"
    later = STAGES[STAGES.index(stage) + 1 :]
    assert all(states[f"{name}.{step}"] == "upstream_failed" for name in later for step in ("run", "gate"))
    assert states["commit"] == "upstream_failed"
    log = "\n".join(admin.log(DAG, runs[fault], f"{stage}.gate", 1))
    assert said in log
    assert "report:" in log
    assert "What to do: The gate stopped this batch" in log
    gate = next(task for task in admin.tasks(DAG, runs[fault]) if task["task_id"] == f"{stage}.gate")
    assert gate["try_number"] == 1
    assert listing.releases(projects[fault] / "pipeline.yaml") == []
    reference = admin.xcom(DAG, runs[fault], "open_batch")
    assert [row["stage"] for row in api.funnel(reference)][-1] == stage


@pytest.mark.parametrize(
    ("name", "option", "why"),
    [
        ("approved", "Approve", "known copies of one feed"),
        pytest.param("rejected", "Reject", "the feed is broken", marks=pytest.mark.slow),
    ],
)
def test_faults_of_three_stages_flag_and_the_curators_answer_decides(
    home: AirflowHome,
    admin: AirflowClient,
    runs: dict[str, str],
    projects: dict[str, Path],
    name: str,
    option: str,
    why: str,
) -> None:
    curator, config = home.client("cora"), projects[name] / "pipeline.yaml"
    until(lambda: admin.approvals(DAG, runs[name]))
    with pytest.raises(UserError, match="403"):
        home.client("vic").answer(DAG, runs[name], APPROVE, "Approve", "I may not")
    assert listing.releases(config) == []
    decide(curator, runs[name], option, why)
    with pytest.raises(UserError, match="409"):
        curator.answer(DAG, runs[name], APPROVE, "Reject", "changed my mind")
    state, states = finished(admin, runs[name])
    assert state == "success"
    assert states["commit"] == ("success" if name == "approved" else "skipped")
    assert states["rejected"] == ("skipped" if name == "approved" else "success")
    assert {"ingest", "dedup", "validate"} <= {
        flag["stage"] for flag in api.holds(admin.xcom(DAG, runs[name], "open_batch"))
    }
    [case] = listing.reviews(config)
    assert (case["state"], case["who"], case["why"]) == (name, "cora", why)
    assert case["when"]
    if name == "approved":
        released = listing.release(config, None)
        assert (released["approved"]["who"], released["approved"]["why"]) == ("cora", why)
        [event] = admin.asset_events(runs[name])
        assert event["extra"] == {"release": 1, "documents": released["documents"], "digest": released["digest"]}
    else:
        assert listing.releases(config) == []
        assert admin.asset_events(runs[name]) == []


def test_an_exception_that_quotes_a_text_leaves_no_trace_and_neither_do_the_other_runs(
    home: AirflowHome, admin: AirflowClient, runs: dict[str, str], projects: dict[str, Path]
) -> None:
    for run in runs.values():
        finished(admin, run)
    assert admin.states(DAG, runs["quoting dedup"])["dedup.run"] == "failed"
    log = "\n".join(admin.log(DAG, runs["quoting dedup"], "dedup.run", 1))
    assert "UnexpectedError: ValueError in pipeline/stages/dedup.py" in log
    assert canaries.leaks([home.folder, *(folder / "lake" for folder in projects.values())]) == set()


def test_the_command_makes_the_release_that_airflow_made(
    admin: AirflowClient,
    runs: dict[str, str],
    projects: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finished(admin, runs["approved"])
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    own = project(tmp_path / "own", three_flags())
    canaries.require_license(own)
    result = api.run_all(api.open_batch(str(own / "pipeline.yaml")))
    listing.decide_case(own / "pipeline.yaml", result["case_id"], "approve", "Ada", "known copies of one feed")
    by_command, by_airflow = (listing.release(folder / "pipeline.yaml", None) for folder in (own, projects["approved"]))
    assert by_command["digest"] == by_airflow["digest"]
    assert by_command["kpis"] == by_airflow["kpis"]


# Slow, as it waits for Airflow to notice; what a time-out decides is tested in tests/test_airflow.py too.
@pytest.mark.slow
def test_no_answer_in_time_is_a_rejection(admin: AirflowClient, tmp_path: Path) -> None:
    folder = project(tmp_path / "unanswered", three_flags())
    form = {"config": str(folder / "pipeline.yaml"), "overrides": {"review.timeout_hours": 2 / 3600}}
    state, states = finished(admin, trigger(admin, "unanswered", form))
    assert (state, states["commit"], states["rejected"]) == ("success", "skipped", "success")
    [case] = listing.reviews(folder / "pipeline.yaml")
    assert (case["state"], case["who"]) == ("rejected", "sluice")
    assert case["why"].startswith("no answer within")
    assert listing.releases(folder / "pipeline.yaml") == []


def test_a_form_that_does_not_fit_is_refused(admin: AirflowClient) -> None:
    with pytest.raises(UserError, match="400"):
        admin.trigger(DAG, {"sources": "web_crawl"})


# Slow, as a second batch goes its whole way; `test_nightly_ingest.py` has the nightly without a scheduler.
@pytest.mark.slow
def test_nightly_through_the_scheduler_takes_a_drop_once(admin: AirflowClient, tmp_path: Path) -> None:
    folder = project(tmp_path / "night")
    drop = put(folder / "input" / SOURCE / "night-1" / "a.jsonl", good(4)).parent
    (drop / "_SUCCESS").touch()
    said = []
    for number in range(2):
        run_id = trigger(admin, f"night-{number}", {"config": str(folder / "pipeline.yaml")}, "nightly_ingest")
        until(lambda run_id=run_id: admin.run("nightly_ingest", run_id)["state"] == "success")
        said.append(admin.xcom("nightly_ingest", run_id, "report"))
    assert said[0].startswith(f"1 drop(s) taken: {SOURCE}/night-1")
    assert said[1].startswith("nothing new")
    [batch] = {row["batch"] for row in listing.batches(folder / "pipeline.yaml")}
    run = admin.run(DAG, f"drop__{batch}")
    assert run["conf"]["sources"] == [SOURCE]
    assert finished(admin, f"drop__{batch}")[0] == "success"


def test_nothing_listens_beyond_loopback_and_the_folder_is_private(home: AirflowHome) -> None:
    assert home.folder.stat().st_mode & 0o077 == 0
    assert home.address.startswith("http://127.0.0.1:")
