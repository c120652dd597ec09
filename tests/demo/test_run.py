from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.demo import run
from pipeline.demo.__main__ import main
from pipeline.demo.progress import RunProgress
from pipeline.errors import UserError


def console() -> Console:
    return Console(file=io.StringIO(), highlight=False, soft_wrap=True)


def printed(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


START, END = "2026-11-29T03:40:59.700000Z", "2026-11-29T03:41:01.000000Z"


def task(name: str, state: str | None, start: str | None = START) -> dict:
    """Make a task as Airflow's API on SQLite gives it, its duration wrong by most of a minute."""
    end = END if state in ("success", "failed") else None
    return {"task_id": name, "state": state, "start_date": start, "end_date": end, "duration": -56.7}


def test_a_run_is_told_line_by_line_where_there_is_no_terminal_and_each_change_once():
    out = console()
    with RunProgress(out, "run") as progress:
        progress.show([task("ingest.run", "running"), task("ingest.gate", None)])
        progress.show([task("ingest.run", "success"), task("ingest.gate", "queued")])
        progress.show([task("ingest.run", "success"), task("ingest.gate", "failed")])
    said = [line.split()[2:4] for line in printed(out).splitlines()]
    assert said == [["ingest.run", "running"], ["ingest.run", "success"], ["ingest.gate", "failed"]]
    assert printed(out).splitlines()[1].endswith(" 1.3 s")


def test_a_terminal_gets_one_row_a_stage():
    out = Console(file=io.StringIO(), force_terminal=True, width=100)
    with RunProgress(out, "run") as progress:
        progress.show(
            [
                task("open_batch", "success"),
                task("dedup.run", "success"),
                task("dedup.gate", "failed"),
                task("review.approve", None),
            ]
        )
    rows = printed(out)
    assert "dedup " in rows
    assert "dedup.gate" not in rows
    assert "review.approve" in rows


def test_a_question_is_answered_once_it_has_stood_and_again_when_it_is_asked_again():
    question = run.Question()
    looks = [(True, 10.0), (True, 14.9), (True, 15.0), (False, 15.5), (True, 80.0), (True, 85.0)]
    assert [question.stands(asked, now) for asked, now in looks] == [False, False, True, False, False, True]


def test_two_demos_in_one_folder_are_refused(tmp_path):
    with run._alone(tmp_path), pytest.raises(UserError, match="another demo"), run._alone(tmp_path):
        pass
    with run._alone(tmp_path):
        pass


def test_a_missing_input_folder_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        run.run_demo(run.Demo(tmp_path / "demo", tmp_path / "nowhere"), console())
    assert not (tmp_path / "demo").exists()


def test_outside_a_clone_the_demo_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "REPOSITORY", tmp_path)
    assert main(["--folder", str(tmp_path / "demo")]) == 2
    assert "clone the repository" in capsys.readouterr().out


def test_the_end_of_a_log_is_cut_to_what_tells_something():
    entries = ['{"ts": "json"}', "Error: x\n\tat org.apache.Y\n", "::endgroup::", "", "w" * 1_000]
    assert run.telling(entries) == ["Error: x", "w" * 300 + " ..."]
    assert len(run.telling([str(n) for n in range(100)])) == 20


def test_the_configuration_is_the_example_as_it_stands():
    assert run.Demo(Path("demo")).config == Path("demo/pipeline.yaml")
    assert (run.REPOSITORY / "examples" / "pipeline.yaml").is_file()


@pytest.mark.slow
def test_preloading_starts_no_thread_that_a_fork_would_break():
    code = "import threading, pipeline.preload\nprint([thread.name for thread in threading.enumerate()])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['MainThread']"
