"""Each complete drop becomes a run exactly once, whatever crashes in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

pytestmark = pytest.mark.airflow


@pytest.fixture
def arrive(config):
    """A function that puts a drop into place, complete or half-arrived."""

    def put(source: str, drop: str, *, complete: bool = True) -> Path:
        folder = Path(config).parent / "input" / source / drop
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part-0.jsonl").write_text('{"text": "x"}\n')
        if complete:
            (folder / "_SUCCESS").touch()
        return folder

    return put


@pytest.fixture
def night(bag, stand_in, config, states, impatient):
    """A function: one nightly run; its tasks' states and what `report` said."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)

    def run(*, paused: bool = False):
        with create_session() as session:
            session.execute(update(DagModel).where(DagModel.dag_id == "curate_batch").values(is_paused=paused))
        result = bag.dags["nightly_ingest"].test(run_conf={"config": config})
        report = next(ti for ti in result.get_task_instances() if ti.task_id == "report")
        return states(result), report.xcom_pull(task_ids="report")

    return run


@pytest.fixture
def runs():
    """A function: the runs of `curate_batch` that drops started, with their form."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    def found():
        with create_session() as session:
            query = select(DagRun).where(DagRun.dag_id == "curate_batch", DagRun.run_id.startswith("drop__"))
            return {run.run_id: run.conf for run in session.scalars(query)}

    before = found()
    return lambda: {key: conf for key, conf in found().items() if key not in before}


def test_nothing_new_is_a_success_that_says_so(night, runs):
    states, said = night()
    assert states["report"] == "success"
    assert said.startswith("nothing new")
    assert "failed" not in states.values()
    assert runs() == {}


def test_complete_drops_start_once_and_half_arrived_ones_wait(night, runs, arrive, config):
    first, second = arrive("web_crawl", "n1"), arrive("social_feeds", "n1")
    half = arrive("web_crawl", "n2", complete=False)
    states, said = night()
    assert states["report"] == "success"
    assert runs() == {
        "drop__b-social_feeds-n1": form(config, "social_feeds", second),
        "drop__b-web_crawl-n1": form(config, "web_crawl", first),
    }
    assert "2 drop(s) taken" in said
    assert night()[1].startswith("nothing new")
    (half / "_SUCCESS").touch()
    assert "1 drop(s) taken: web_crawl/n2" in night()[1]
    assert len(runs()) == 3


def form(config: str, source: str, folder: Path) -> dict:
    batch = f"b-{source}-{folder.name}"
    return {"config": config, "sources": [source], "inputs": {source: [str(folder)]}, "batch_id": batch}


def test_a_crash_between_start_and_claim_neither_loses_nor_doubles_the_drop(night, runs, arrive, stand_in, monkeypatch):
    arrive("licensed_content", "crash")
    with monkeypatch.context() as crash:
        crash.setattr(stand_in, "claim_drop", lambda *_: (_ for _ in ()).throw(KeyError("killed")))
        states, _ = night()
    assert states["drop.start[0]"] == "success"
    assert states["drop.claim[0]"] == "failed"
    assert len(stand_in.find_drops(next(iter(runs().values()))["config"])["drops"]) == 1
    states, _ = night()
    assert states["drop.start[0]"] == "skipped"
    assert states["drop.claim[0]"] == "success"
    assert len(runs()) == 1
    assert night()[1].startswith("nothing new")


def test_a_paused_curate_batch_fails_loudly_and_takes_nothing(night, runs, arrive, stand_in, config):
    arrive("web_crawl", "paused")
    states, _ = night(paused=True)
    assert states["drop.start[0]"] == "failed"
    assert runs() == {}
    assert [drop["drop"] for drop in stand_in.find_drops(config)["drops"]] == ["paused"]


def test_the_report_names_what_changed_what_waits_and_what_cannot_be_read(night, runs, arrive, stand_in, monkeypatch):
    arrive("web_crawl", "told")
    honest = stand_in.find_drops

    def found(config_path):
        search = honest(config_path)
        changed = [drop | {"taken_before": ["b-old"]} for drop in search["drops"]]
        waits, broken = ["web_crawl/n2: it holds no _SUCCESS yet"], ["web_crawl/n3: it is a link"]
        return {"drops": changed, "waiting": waits, "unreadable": broken}

    monkeypatch.setattr(stand_in, "find_drops", found)
    states, said = night()
    assert states["report"] == "success"
    assert said.splitlines() == [
        "1 drop(s) taken: web_crawl/told as drop__b-web_crawl-told, changed since it was taken as b-old",
        "1 not complete: web_crawl/n2: it holds no _SUCCESS yet",
        "1 NOT READABLE: web_crawl/n3: it is a link",
    ]
    assert len(runs()) == 1


def test_more_drops_than_airflow_maps_wait_for_the_next_night():
    from pipeline import airflow

    drops = [{"source": "s", "drop": str(n), "paths": ["p"], "batch_id": f"b{n}"} for n in range(airflow.MAX_DROPS + 5)]
    runs = airflow.runs_of(drops, "c.yaml")
    assert len(runs) == airflow.MAX_DROPS
    assert len({run["run_id"] for run in runs}) == airflow.MAX_DROPS
