"""Ten nights over a growing drop folder through Airflow's real scheduler: five backfilled, five live, and the threshold changed between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow_homes import planted_home
from projects import SOURCE, YAML, good, line, project, put
from scheduler import DAG, backfill, finished, trigger, until

from pipeline import listing
from pipeline.batch import load_batch
from pipeline.demo.airflow_client import AirflowClient

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
NIGHTLY = "nightly_ingest"
SPOILED = 8
"""The night whose drop is spoiled: its gate blocks, and nothing of it is published."""


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowClient]:
    with planted_home(tmp_path_factory.mktemp("airflow")) as home:
        yield home.client("admin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without comparisons with history: drops as small as these differ a lot."""
    made = project(tmp_path_factory.mktemp("nights"))
    (made / "pipeline.yaml").write_text(YAML.replace("continuous_monitoring: true", "continuous_monitoring: false"))
    return made


def arrive(folder: Path, night: int) -> None:
    lines = good(2, 2 * night) if night != SPOILED else [line(f"s{i}", "BUY NOW!!! " * 50 + str(i)) for i in range(3)]
    drop = folder / "input" / SOURCE / f"night-{night:02d}"
    put(drop / "part-0.jsonl", lines)
    (drop / "_SUCCESS").touch()


def drop_runs(admin: AirflowClient) -> dict[str, str]:
    """Return the state of each run that a drop started."""
    return {run["dag_run_id"]: run["state"] for run in admin.runs(DAG) if run["dag_run_id"].startswith("drop__")}


def night(admin: AirflowClient, config: str, number: int) -> str:
    """Run the nightly now, and wait for what it started."""
    run = trigger(admin, f"live-{number}", {"config": config}, NIGHTLY)
    until(lambda: admin.run(NIGHTLY, run)["state"] == "success")
    for started in drop_runs(admin):
        finished(admin, started)
    return str(admin.xcom(NIGHTLY, run, "report"))


@pytest.fixture(scope="module")
def nights(admin: AirflowClient, folder: Path) -> dict[str, Any]:
    """All ten nights; what was seen on the way."""
    config = folder / "pipeline.yaml"
    for number in range(5):
        arrive(folder, number)
    backfill(admin, "2026-03-01T00:00:00Z", "2026-03-05T23:00:00Z", {"config": str(config)})
    for started in drop_runs(admin):
        finished(admin, started)
    seen: dict[str, Any] = {"backfilled": drop_runs(admin), "first release": record(folder, 1), "said": []}
    config.write_text(config.read_text().replace("quality_threshold: 0.8", "quality_threshold: 0.7"))
    for number in range(5, 10):
        arrive(folder, number)
        seen["said"].append(night(admin, str(config), number))
    seen["said"].append(night(admin, str(config), 10))
    return seen


def record(folder: Path, number: int) -> bytes:
    return (folder / "lake" / "warehouse" / "releases" / f"{number:08d}.json").read_bytes()


def test_the_backfill_ran_every_night_and_took_each_drop_once(admin: AirflowClient, nights: dict[str, Any]) -> None:
    runs = [run for run in admin.runs(NIGHTLY) if run["run_type"] == "backfill"]
    assert [run["state"] for run in runs] == ["success"] * 5
    assert list(nights["backfilled"].values()) == ["success"] * 5
    reports = sorted(str(admin.xcom(NIGHTLY, run["dag_run_id"], "report")).split(":")[0] for run in runs)
    assert reports == ["5 drop(s) taken", *["nothing new"] * 4]


def test_each_live_night_took_its_own_drop_and_the_last_found_nothing(nights: dict[str, Any]) -> None:
    assert [said.split(" as ")[0] for said in nights["said"][:5]] == [
        f"1 drop(s) taken: {SOURCE}/night-{number:02d}" for number in range(5, 10)
    ]
    assert nights["said"][5].startswith("nothing new")


def test_each_drop_is_one_batch_and_one_release_or_one_refusal(
    admin: AirflowClient, folder: Path, nights: dict[str, Any]
) -> None:
    config = folder / "pipeline.yaml"
    runs = drop_runs(admin)
    assert len(runs) == 10
    assert sorted(runs.values()) == ["failed", *["success"] * 9]
    releases = listing.releases(config)
    assert len(releases) == 9
    assert len({entry["batch"] for entry in releases}) == 9
    assert len({row["batch"] for row in listing.batches(config)}) == 10
    assert max(entry["documents"] for entry in releases) == sum(entry["added"] for entry in releases)


def test_a_changed_threshold_holds_for_later_nights_and_leaves_earlier_releases_alone(
    folder: Path, nights: dict[str, Any]
) -> None:
    assert record(folder, 1) == nights["first release"]
    configuration = {row["batch"]: row["configuration"] for row in listing.batches(folder / "pipeline.yaml")}
    nightly = [configuration[run.removeprefix("drop__")] for run in nights["backfilled"]]
    assert len(set(nightly)) == 1
    later = {name for batch, name in configuration.items() if f"drop__{batch}" not in nights["backfilled"]}
    assert len(later) == 1
    assert later != set(nightly)
    assert thresholds(folder, later) == {0.7}
    assert thresholds(folder, set(nightly)) == {0.8}


def thresholds(folder: Path, configurations: set[str]) -> set[float]:
    """Return the quality thresholds of the batches that were run with some configurations."""
    return {
        load_batch(
            {"lake": str(folder / "lake"), "batch_id": row["batch"], "settings": row["settings"]}
        ).settings.cleaning.quality_threshold
        for row in listing.batches(folder / "pipeline.yaml")
        if row["configuration"] in configurations
    }
