"""Resuming through Airflow's real scheduler with the real library: cleared, run again, killed, upgraded in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow_homes import planted_home
from projects import good, project
from scheduler import DAG, clear, finished, trigger

from pipeline import listing
from pipeline.demo.airflow_client import AirflowClient
from pipeline.demo.airflow_home import AirflowHome
from pipeline.recipe import STAGES

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
CASES = ("undisturbed", "killed in quality", "upgraded after quality")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowHome]:
    with planted_home(tmp_path_factory.mktemp("airflow")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(home: AirflowHome) -> AirflowClient:
    return home.client("admin")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One and the same input, three fates."""
    root = tmp_path_factory.mktemp("projects")
    made = {case: project(root / case.replace(" ", "_"), good(8)) for case in CASES}
    for case, folder in made.items():
        (folder / "planted").write_text(case)
    return made


@pytest.fixture(scope="module")
def runs(admin: AirflowClient, projects: dict[str, Path]) -> dict[str, str]:
    return {
        case: trigger(admin, folder.name, {"config": str(folder / "pipeline.yaml")})
        for case, folder in projects.items()
    }


def reused(admin: AirflowClient, run: str) -> dict[str, bool]:
    return {stage: admin.xcom(DAG, run, f"{stage}.run")["reused"] for stage in STAGES}


def test_a_worker_killed_in_the_middle_of_a_stage_is_tried_again_and_the_release_is_the_same(
    admin: AirflowClient, runs: dict[str, str], projects: dict[str, Path]
) -> None:
    for case in ("undisturbed", "killed in quality"):
        assert finished(admin, runs[case])[0] == "success", case
    [killed] = [task for task in admin.tasks(DAG, runs["killed in quality"]) if task["task_id"] == "quality.run"]
    assert killed["try_number"] == 2
    assert (projects["killed in quality"] / "killed").exists()
    calm, torn = (listing.releases(projects[case] / "pipeline.yaml") for case in ("undisturbed", "killed in quality"))
    assert [(entry["release"], entry["digest"]) for entry in calm] == [
        (entry["release"], entry["digest"]) for entry in torn
    ]


def test_a_stage_whose_code_changed_in_the_middle_of_a_run_is_named_and_after_clearing_it_goes_through(
    admin: AirflowClient, runs: dict[str, str], projects: dict[str, Path]
) -> None:
    run = runs["upgraded after quality"]
    state, states = finished(admin, run)
    assert (state, states["quality.gate"], states["provenance.run"]) == ("failed", "success", "failed")
    log = "\n".join(admin.log(DAG, run, "provenance.run", 1))
    assert "the code of stage quality changed since it ran in this batch" in log
    assert "in Airflow clear quality.run and everything after it" in log
    [task] = [task for task in admin.tasks(DAG, run) if task["task_id"] == "provenance.run"]
    assert task["try_number"] == 1, "trying again would not help"
    clear(admin, run, "quality.run")
    assert finished(admin, run)[0] == "success"
    tries = {task["task_id"]: task["try_number"] for task in admin.tasks(DAG, run)}
    done_again = [stage for stage in STAGES if tries[f"{stage}.run"] > 1]
    assert done_again == list(STAGES[STAGES.index("quality") : STAGES.index("quality") + 2]), tries
    assert not any(reused(admin, run)[stage] for stage in STAGES[STAGES.index("quality") :])
    assert len(listing.releases(projects["upgraded after quality"] / "pipeline.yaml")) == 1


def test_a_cleared_task_of_a_finished_run_finds_everything_done_and_publishes_nothing_twice(
    admin: AirflowClient, runs: dict[str, str], projects: dict[str, Path]
) -> None:
    run, config = runs["undisturbed"], projects["undisturbed"] / "pipeline.yaml"
    finished(admin, run)
    before = listing.releases(config)
    clear(admin, run, "pii.run")
    state, states = finished(admin, run)
    assert (state, states["commit"]) == ("success", "success")
    assert all(reused(admin, run)[stage] for stage in STAGES[STAGES.index("pii") :])
    assert admin.xcom(DAG, run, "commit")["published"] is False
    assert listing.releases(config) == before


def test_a_run_after_its_own_release_does_no_work(
    admin: AirflowClient, runs: dict[str, str], projects: dict[str, Path]
) -> None:
    config = projects["undisturbed"] / "pipeline.yaml"
    finished(admin, runs["undisturbed"])
    before = listing.releases(config)
    run = trigger(admin, "again", {"config": str(config)})
    assert finished(admin, run)[0] == "success"
    assert all(reused(admin, run).values())
    assert admin.xcom(DAG, run, "commit")["why"] == "nothing new: the corpus holds it already (release 1)"
    assert listing.releases(config) == before
