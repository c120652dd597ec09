"""Nothing personal and no text leaks: every file of Airflow and of the lakes is searched after clean, failed and rejected runs.

Each stage, a gate and the commit is made to fail with an exception that quotes the text; a quick form is in `test_real_scheduler`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import canaries
import pytest
from airflow_homes import planted_home
from projects import good, project, put
from scheduler import DAG, decide, finished, trigger

from pipeline.demo.airflow_client import AirflowClient
from pipeline.demo.airflow_home import AirflowHome
from pipeline.recipe import STAGES
from tests.leaks import search

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
QUOTING = {f"quoting {stage}": f"{stage}.run" for stage in STAGES} | {
    "quoting gate language": "language.gate",
    "quoting commit": "commit",
}
"""Planted faults, each with the task that it fails."""
EACH_DOCUMENT = "quoting each document in quality"
AT_ONCE = 4
CASES = ("clean", "flagged", EACH_DOCUMENT, *QUOTING)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowHome]:
    with planted_home(tmp_path_factory.mktemp("airflow")) as started:
        yield started


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("projects")
    made = {}
    for case in CASES:
        folder = project(root / case.replace(" ", "_"))
        canaries.require_license(folder)
        broken = ["{broken"] * 6 if case == "flagged" else []
        put(folder / "input" / "licensed_content" / "a.jsonl", [*canaries.lines(30), *good(26), *broken])
        (folder / "planted").write_text(f"{case}\n{list(canaries.VALUES.values())}")
        made[case] = folder
    return made


@pytest.fixture(scope="module")
def ended(home: AirflowHome, projects: dict[str, Path]) -> dict[str, str]:
    """All runs, to their end, a few at a time; the flagged one rejected."""
    admin = home.client("admin")
    runs = {name: folder.name for name, folder in projects.items()}
    for some in (CASES[start : start + AT_ONCE] for start in range(0, len(CASES), AT_ONCE)):
        for name in some:
            trigger(admin, runs[name], {"config": str(projects[name] / "pipeline.yaml")})
        if "flagged" in some:
            decide(home.client("cora"), runs["flagged"], "Reject", "the feed is broken")
        for name in some:
            finished(admin, runs[name])
    return runs


def test_every_fault_failed_its_task_and_the_log_tells_class_and_place(
    home: AirflowHome, ended: dict[str, str]
) -> None:
    admin: AirflowClient = home.client("admin")
    for fault, task in QUOTING.items():
        assert admin.states(DAG, ended[fault])[task] == "failed", fault
        said = "\n".join(admin.log(DAG, ended[fault], task, 1))
        kind = "KeyError" if "gate" in fault else "RuntimeError" if "commit" in fault else "ValueError"
        assert f"UnexpectedError: {kind} in pipeline/" in said, fault
        assert "What to do: This is not a fault that Sluice knows" in said, fault


def test_the_clean_run_published_and_the_flagged_one_was_rejected(home: AirflowHome, ended: dict[str, str]) -> None:
    admin = home.client("admin")
    assert admin.states(DAG, ended["clean"])["commit"] == "success"
    assert admin.states(DAG, ended["flagged"])["rejected"] == "success"
    # Every document fails alone, so nothing is left.
    assert admin.states(DAG, ended[EACH_DOCUMENT])["quality.run"] == "success"


def test_no_value_stands_where_it_may_not(home: AirflowHome, projects: dict[str, Path], ended: dict[str, str]) -> None:
    lakes = [folder / "lake" for folder in projects.values()]
    found = {(hit.value, hit.inside) for hit in search([projects["clean"] / "lake"], canaries.VALUES)}
    assert {("kept", "column text"), ("junk", "column text")} <= found, "the search sees what is allowed"
    assert {value for value, _ in found} == set(canaries.VALUES)
    assert canaries.leaks([home.folder, *lakes]) == set()
