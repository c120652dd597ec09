"""The demo: one command from text on this machine to a release, through Airflow's real scheduler and a local Spark."""

from __future__ import annotations

import fcntl
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from pipeline.demo.airflow_home import AirflowHome, free_port
from pipeline.demo.connect import SparkConnect
from pipeline.demo.progress import RunProgress
from pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from rich.console import Console

    from pipeline.demo.airflow_client import AirflowClient

REPOSITORY = Path(__file__).resolve().parents[2]
USERS = {"admin": "admin", "curator": "user"}
DAG = "curate_batch"
APPROVAL = "review.approve"
REASON = "demo run: approved by the demo itself, nobody looked"
FINISHED = ("success", "failed")
SETTLE_SECONDS = 5.0
"""How long a question stands before the demo answers it: Airflow's scheduler fails a task that is answered before it has noticed that
the task parked, and asks again a minute later (seen on a busy machine, where it notices late)."""


@dataclass(frozen=True)
class Demo:
    """What the demo is asked to do.

    Parameters
    ----------
    folder
        Where everything lies: configuration, input, lake, Airflow.
    own_input
        The user's folder of text; none: text of this machine.
    wait
        Leave a flagged batch to a person, in the browser or over REST.
    keep
        Leave Airflow's pages up at the end, until Ctrl-C.
    connect
        One Spark Connect server for all tasks, instead of a session of its own for each.
    """

    folder: Path
    own_input: Path | None = None
    wait: bool = False
    keep: bool = False
    connect: bool = True

    @property
    def config(self) -> Path:
        """The configuration that it writes: examples/pipeline.yaml as it stands; input and lake lie beside it."""
        return self.folder / "pipeline.yaml"


def run_demo(demo: Demo, out: Console) -> int:
    """Run the demo and return the exit code: 0 published, held or rejected as decided; 1 a task failed.

    Raises
    ------
    UserError
        If it is not run in a clone, the input does not fit, or another demo works in the folder.
    TransientError
        If Airflow or Spark does not start.
    """
    if not (REPOSITORY / "dags" / f"{DAG}.py").is_file():
        raise UserError("the demo needs the repository's dags/ folder: clone the repository and run `make demo` there")
    if demo.own_input is not None and not demo.own_input.is_dir():
        raise UserError(f"the input folder {demo.own_input} does not exist")
    started = time.monotonic()
    demo.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_alone(demo.folder))
        stack.enter_context(_terminated_as_interrupted())
        shutil.copyfile(REPOSITORY / "examples" / "pipeline.yaml", demo.config)
        home, given = _start(demo, out, stack, started)
        out.print(f"input: {escape(str(given))}")
        client = home.client("admin")
        run_id = client.trigger(DAG, {"config": str(demo.config.resolve())})
        out.print(f"run [bold]{run_id}[/] of {DAG}: {home.address}/dags/{DAG}/runs/{run_id}")
        state = _follow(demo, home, client, run_id, out)
        code = _conclude(client, run_id, home, out) if state == "success" else _explain(client, run_id, home, out)
        out.print(f"{time.monotonic() - started:.0f} s in all")
        if demo.keep:
            _keep(home, out)
    return code


def _start(demo: Demo, out: Console, stack: ExitStack, started: float) -> tuple[AirflowHome, Any]:
    """Start input, Spark and Airflow side by side; return Airflow and what the input's maker reports."""
    pool = stack.enter_context(ThreadPoolExecutor(1))
    given: Future[Any] = pool.submit(_prepare_input, demo)
    environment = {"SLUICE_CONFIG": str(demo.config.resolve())}  # what the form of a manual run starts with
    warm: Future[None] | None = None
    if demo.connect:
        spark = stack.enter_context(SparkConnect(demo.folder / "spark", free_port()))
        environment["AIRFLOW_CONN_SPARK_DEFAULT"] = spark.connection
        warm = stack.enter_context(ThreadPoolExecutor(1)).submit(lambda: spark.wait().warm_up())
    shutil.rmtree(demo.folder / "airflow", ignore_errors=True)  # runs of an earlier demo; the lake stays
    home = AirflowHome(
        demo.folder / "airflow", REPOSITORY / "dags", users=USERS, environment=environment, preload="pipeline.preload"
    )
    out.print("starting Airflow and Spark, gathering input ...")
    stack.callback(home.stop)
    home.start()
    out.print(f"Airflow is up after {time.monotonic() - started:.0f} s: {home.address}")
    if warm:
        warm.result()
        out.print(f"Spark is up after {time.monotonic() - started:.0f} s")
    return home, given.result()


def _prepare_input(demo: Demo) -> str:
    """Put input and configuration into place, and say what there is."""
    from pipeline.demo.input import make_input, use_folder

    if demo.own_input is None:
        report = make_input(demo.folder)
        counts = ", ".join(f"{name} {count.documents:,}" for name, count in report.sources.items())
        return f"{report.documents:,} records of this machine's own text ({counts})"
    return f"{', '.join(source['name'] for source in use_folder(demo.own_input, demo.config))} from {demo.own_input}"


def _follow(demo: Demo, home: AirflowHome, client: AirflowClient, run_id: str, out: Console) -> str:
    """Show the run until it ends and return its state; see to an approval that waits."""
    question, told = Question(), False
    with RunProgress(out, "curate_batch") as progress:
        while True:
            state = str(client.run(DAG, run_id)["state"])
            progress.show(client.tasks(DAG, run_id))
            if state in FINISHED:
                return state
            asked = bool(client.approvals(DAG, run_id))
            if asked and not told:
                told = True
                _say_how_to_answer(demo, home, run_id, out)
            if question.stands(asked, time.monotonic()) and not demo.wait:
                home.client("curator").answer(DAG, run_id, APPROVAL, "Approve", REASON)
                out.print(
                    "[yellow]No person is asked in a demo: it approved the batch itself, as user curator, "
                    f"reason '{REASON}'.[/]\n"
                )
            time.sleep(0.5)


class Question:
    """A question that a run asks, perhaps again after it was answered."""

    def __init__(self) -> None:
        self._since: float | None = None

    def stands(self, asked: bool, now: float) -> bool:
        """Take note of whether it is asked at the time `now` (seconds); return whether it has stood for `SETTLE_SECONDS`."""
        if not asked:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        return now - self._since >= SETTLE_SECONDS


def _say_how_to_answer(demo: Demo, home: AirflowHome, run_id: str, out: Console) -> None:
    """Say how a curator answers."""
    path = f"/dags/{DAG}/runs/{run_id}/tasks/{APPROVAL}/required_actions"
    rest = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/{APPROVAL}/-1/hitlDetails"
    out.print("\n[bold yellow]A gate flagged this batch: it waits for a curator before anything is published.[/]")
    out.print(f"in the browser: {home.address}{path}")
    out.print(
        f'over REST: PATCH {home.address}{rest}  {{"chosen_options": ["Approve"], "params_input": {{"reason": "..."}}}}'
    )
    out.print(f"user [bold]curator[/], password in {home.password_file}")
    if demo.wait:
        out.print("waiting for the answer ...")


def _conclude(client: AirflowClient, run_id: str, home: AirflowHome, out: Console) -> int:
    """Print funnel, indicators, release and report."""
    from pipeline import api
    from pipeline.report import terminal

    reference = client.xcom(DAG, run_id, "open_batch")
    states = client.states(DAG, run_id)
    if states["commit"] == "success":
        result = client.xcom(DAG, run_id, "commit")
        summary = {**result, "funnel": api.funnel(reference), "indicators": api.indicators(reference)}
        terminal.print_summary(out, summary)
    else:
        terminal.print_funnel(out, api.funnel(reference))
        out.print(
            f"[yellow]not published[/]: {'a curator rejected it' if states['rejected'] == 'success' else 'see the log of commit'}"
        )
    out.print(f"report: {escape(str(client.xcom(DAG, run_id, 'publish.gate')['data_docs']))}")
    out.print(f"logs: {home.folder / 'logs'}")
    return 0


def _explain(client: AirflowClient, run_id: str, home: AirflowHome, out: Console) -> int:
    """Print the end of the log of each failed task, and where it lies."""
    for task in client.tasks(DAG, run_id):
        if task["state"] != "failed":
            continue
        out.print(f"\n[bold red]{task['task_id']} failed[/]; the end of its log:")
        for line in telling(client.log(DAG, run_id, task["task_id"], task["try_number"])):
            out.print(f"  {escape(line)}")
        folder = home.folder / "logs" / f"dag_id={DAG}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
        out.print(f"all of it: {folder}/attempt={task['try_number']}.log")
    return 1


def telling(entries: list[str], lines: int = 20, width: int = 300) -> list[str]:
    r"""Return the end of a log without what tells nobody anything: frames of the JVM, markers of groups, endless lines.

    >>> telling(["::group::Execute", "Error: x\n\tat org.apache.spark.Y", "What to do: z"])
    ['Error: x', 'What to do: z']
    """
    split = [line.rstrip() for entry in entries for line in entry.splitlines()]
    useless = ("at ", "::", "{")  # a JSON line is Spark's own structured log of the error that follows
    kept = [line for line in split if line and not line.lstrip().startswith(useless)]
    return [line if len(line) <= width else f"{line[:width]} ..." for line in kept[-lines:]]


def _keep(home: AirflowHome, out: Console) -> None:
    """Leave Airflow up until Ctrl-C."""
    out.print(
        f"\nAirflow stays up at [bold]{home.address}[/]: user admin or curator, passwords in {home.password_file}"
    )
    out.print("Ctrl-C ends it")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        out.print("ending")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another demo works in {folder}: wait for it, or name another folder") from None
        yield


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind as Ctrl-C does, so that nothing that was started stays behind."""

    def leave(number: int, _: Any) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
