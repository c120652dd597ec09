"""What the DAGs share: retries, the Spark connection, the approval, the nightly's arithmetic.

Only DAG files import this module (it imports Airflow, 4 to 5 s); it imports no Spark, no Great Expectations and no other part of
the library that does, because the DAG processor loads it at every parse.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseHook, ExceptionRetryPolicy, Param, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

from pipeline.config import environment
from pipeline.errors import (
    ConfigError,
    GateBlocked,
    LeaseHeld,
    SourceChanged,
    TerminalError,
    TransientError,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

APPROVE, REJECT = "Approve", "Reject"
MAX_DROPS = 1_000
"""Drops that one nightly run starts; Airflow maps at most 1,024 (`core.max_map_length`). The rest waits for the next run."""

_CONNECT_TYPES = ("sc", "spark_connect")
_CONNECT_OPTIONS = ("use_ssl", "user_id", "session_id")
"""Extras that go into the address. Tasks that name the same user and session share its warm Python workers."""
_PLACEHOLDER = ("yarn", {"queue": "root.default"})
"""Host and extra of the `spark_default` that Airflow itself puts into a new database: nobody chose it."""


NEXT_STEPS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (GateBlocked,),
        (
            "The gate stopped this batch; nothing of it was published and nothing was lost. Open the report named above, then follow "
            "'A gate blocked' in docs/operate.md."
        ),
    ),
    (
        (SourceChanged,),
        (
            "This run was started for other content and has published nothing; leave it red. The nightly finds the drop again, under a "
            "new id, once it is complete; for a run that was started by hand, trigger a new one."
        ),
    ),
    (
        (ConfigError, UserError),
        "Correct what the message names and trigger a new run; stages that did not change are reused.",
    ),
    ((LeaseHeld,), "Another writer held the corpus all the time: clear this task once it is done."),
    (
        (TransientError,),
        "Clear this task once the place named above answers; finished stages are not run again.",
    ),
    (
        (AirflowRuntimeError,),
        "Airflow's API server did not answer this task, or refused it: see its log, then clear this task.",
    ),
    ((TerminalError,), "Trying again gives the same result: see 'A task failed' in docs/operate.md."),
)
"""What to do about an error, by its type; the first that fits."""

UNFORESEEN = (
    "This is not a fault that Sluice knows; what it says is kept out of the log, as it may quote a text. The stage left nothing half "
    "done: clear this task to try again, and see 'A task failed' in docs/operate.md if it fails the same way."
)


def next_step(error: BaseException | None) -> str:
    """Return what an operator does about a failed task, by the error's type."""
    return next((step for types, step in NEXT_STEPS if isinstance(error, types)), UNFORESEEN)


def say_next_step(context: dict[str, Any]) -> None:
    """Log what to do about a failure, below the failure (an `on_failure_callback`)."""
    logger.error("What to do: %s", next_step(context.get("exception")))


TASK_DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    # Decided by type: what may succeed is tried again, anything else fails at once and is seen. A killed process raises nothing,
    # so Airflow tries it again by `retries`; a stage is a transaction, which makes that safe.
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=TerminalError, action=RetryAction.FAIL, reason="the same call would fail again"),
            RetryRule(
                # Airflow's own API server, overloaded or restarting, is an AirflowRuntimeError.
                exception=[TransientError, AirflowRuntimeError, ConnectionError, TimeoutError],
                action=RetryAction.RETRY,
                reason="may succeed when tried again",
            ),
        ],
        default=RetryAction.FAIL,
    ),
    "on_failure_callback": say_next_step,
}


def config_param(default: str) -> Param:
    """Return the form's field for the configuration file."""
    return Param(
        environment("CONFIG", default),
        type="string",
        minLength=1,
        title="Configuration",
        description="Path of the YAML file as the workers see it. Its settings decide everything; see examples/pipeline.yaml.",
    )


def attach(ti: Any) -> dict[str, Any]:
    """Point this process at the Spark that the connection names, and return the batch's reference."""
    use_spark_connection()
    reference: dict[str, Any] = ti.xcom_pull(task_ids="open_batch")
    return reference


def use_spark_connection(connection_id: str = "spark_default") -> None:
    """Choose the Spark master from the Airflow connection, unless SLUICE_SPARK_MASTER is set on the worker.

    The master travels in the environment of this task's own process: a token in it reaches neither an XCom nor a log, and where a
    stage runs is no part of any digest.
    """
    if environment("SPARK_MASTER"):
        return
    try:
        connection = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return  # the configuration's engine.master holds
    master = spark_master(connection)
    if master:
        os.environ["SLUICE_SPARK_MASTER"] = master


def spark_master(connection: Any) -> str | None:
    """Return the Spark master of an Airflow connection, None where it names none.

    `spark://host:7077` (also with the scheme in the host, as the Spark provider has it), `k8s://https://host:443`, `local[4]`, and
    `sc://host:15002` for Spark Connect (connection types `sc` and `spark_connect`; extras `use_ssl`, `user_id` and `session_id`,
    password as token). A token goes over TLS unless `use_ssl` is false, which is for a network of one's own.
    """
    host, extra = connection.host or "", connection.extra_dejson or {}
    if (host, extra) == _PLACEHOLDER:
        return None
    if host == "inline":
        return host  # every task in its own process, without Spark
    if connection.conn_type == "local" or host.startswith("local"):
        return host if host.startswith("local") else "local[*]"
    if not host:
        return None
    if "://" not in host:
        host = f"{'sc' if connection.conn_type in _CONNECT_TYPES else 'spark'}://{host}"
    master = f"{host}:{connection.port}" if connection.port else host
    if not master.startswith("sc://"):
        return master
    options = [f"{key}={str(extra[key]).lower()}" for key in _CONNECT_OPTIONS if key in extra]
    if connection.password:
        token = quote(connection.password, safe="")
        # Spark's client knows `token` over TLS only; as metadata of each call it goes over any connection.
        options.append(f"authorization=Bearer%20{token}" if extra.get("use_ssl") is False else f"token={token}")
    return f"{master}/;{';'.join(options)}" if options else master


class CuratorApproval(HITLOperator):
    """Wait for a curator's Approve or Reject with a reason; no answer in time is Reject.

    Unlike Airflow's ApprovalOperator it skips nothing itself: the next task records the decision, a rejection as well. An answer
    without a reason is not a decision: it is asked again (REST does not check the form's fields). A case that was decided before
    is not asked again. `case` is the reference of `pipeline.review.cases.Case`.
    """

    template_fields = (*HITLOperator.template_fields, "case")

    def __init__(self, *, case: Any, **kwargs: Any) -> None:
        kwargs.pop("params", None)  # the DAG's form, merged in by Airflow: the next line is this task's own
        super().__init__(
            subject="Publish batch {{ task.case['batch_id'] }}?",
            body="{{ task.case['summary'] }}",
            options=[APPROVE, REJECT],
            defaults=[REJECT],
            params={
                "reason": Param(
                    "",
                    type="string",
                    maxLength=2_000,
                    title="Reason",
                    description="Why: it is kept with the decision and your name. An answer without a reason is asked again.",
                )
            },
            **kwargs,
        )
        self.case = case

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Render the case first, because subject and body read it."""
        self.case = self.render_template(self.case, context, jinja_env)
        super().render_template_fields(context, jinja_env)

    def execute(self, context: Any) -> Any:
        """Ask, until the case's own deadline."""
        if self.case["decision"]:
            return answer_of(self.case["decision"])
        left = datetime.fromisoformat(self.case["expires_at"]) - datetime.now(UTC)
        self.response_timeout = max(left, timedelta(seconds=1))
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Take the answer, or ask again where a person gave no reason."""
        reason = (event.get("params_input") or {}).get("reason")
        if event.get("responded_by_user") and not (isinstance(reason, str) and reason.strip()):
            logger.warning("The answer has no reason, so it is not a decision; asking again.")
            return self.execute(context)
        return super().execute_complete(context, event)


def answer_of(decision: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded decision in the form in which the approval gives a fresh one."""
    return {
        "chosen_options": [APPROVE if decision["decision"] == "approve" else REJECT],
        "params_input": {"reason": decision["why"]},
        "responded_at": datetime.fromisoformat(decision["when"]),
        "responded_by_user": {"id": decision["who"], "name": decision["who"]},
    }


def decision_of(answer: dict[str, Any], case: dict[str, Any]) -> dict[str, str]:
    """Return decision, who, why and when of an answer to the approval; anything but a person's Approve rejects."""
    user = answer.get("responded_by_user")
    when = answer["responded_at"]
    said = {"when": when if isinstance(when, str) else when.isoformat()}
    if not user:
        why = f"no answer within {case['timeout_hours']:g} hours"
        return {"decision": "reject", "who": "sluice", "why": why, **said}
    approved = answer["chosen_options"] == [APPROVE]
    name = user["name"] if isinstance(user, dict) else user.name
    reason = (answer.get("params_input") or {}).get("reason") or ""
    return {"decision": "approve" if approved else "reject", "who": name, "why": reason, **said}


def runs_of(drops: Sequence[dict[str, Any]], config: str) -> list[dict[str, Any]]:
    """Return, for each complete drop, the run that curates it: its id follows from the drop, so it can exist only once."""
    if len(drops) > MAX_DROPS:
        logger.warning("%d drops are complete; the first %d start now, the rest next time.", len(drops), MAX_DROPS)
    return [
        {
            "drop": drop,
            "run_id": f"drop__{drop['batch_id']}",
            "conf": {
                "config": config,
                "sources": [drop["source"]],
                "inputs": {drop["source"]: list(drop["paths"])},
                "batch_id": drop["batch_id"],
            },
        }
        for drop in drops[:MAX_DROPS]
    ]


def said_of(search: dict[str, Any], runs: Sequence[dict[str, Any]]) -> str:
    """Return what a nightly run says: the drops it took, the ones that wait, and the ones that somebody must mend."""
    taken = []
    for run in runs:
        drop = run["drop"]
        again = f", changed since it was taken as {', '.join(drop['taken_before'])}" if drop.get("taken_before") else ""
        taken.append(f"{drop['source']}/{drop['drop']} as {run['run_id']}{again}")
    parts = [
        f"{len(taken)} drop(s) taken: {'; '.join(taken)}"
        if taken
        else "nothing new: every complete drop was taken before"
    ]
    for words, entries in (("not complete", search["waiting"]), ("NOT READABLE", search["unreadable"])):
        if entries:
            parts.append(f"{len(entries)} {words}: {'; '.join(entries)}")
    return "\n".join(parts)
