"""The DAGs' shared parts: the Spark connection, answers, and what is said after a failure."""

from __future__ import annotations

import os

import pytest

from pipeline import errors

pytestmark = pytest.mark.airflow


@pytest.fixture(autouse=True)
def _no_master(monkeypatch):
    monkeypatch.delenv("SLUICE_SPARK_MASTER", raising=False)


@pytest.mark.parametrize(
    ("connection", "master"),
    [
        ("spark://spark-master:7077", "spark://spark-master:7077"),
        ('{"conn_type": "spark", "host": "spark://spark-master", "port": 7077}', "spark://spark-master:7077"),
        ('{"conn_type": "spark", "host": "local[4]"}', "local[4]"),
        ("spark://local", "local"),
        ("spark://inline", "inline"),
        ("local://", "local[*]"),
        ('{"conn_type": "spark", "host": "k8s://https://cluster", "port": 443}', "k8s://https://cluster:443"),
        ("sc://127.0.0.1:15002", "sc://127.0.0.1:15002"),
        ('{"conn_type": "spark_connect", "host": "h", "port": 15002}', "sc://h:15002"),
        (
            '{"conn_type": "spark_connect", "host": "h", "port": 15002, "password": "t", "extra": {"use_ssl": true}}',
            "sc://h:15002/;use_ssl=true;token=t",
        ),
        (
            '{"conn_type": "spark_connect", "host": "h", "port": 1, "password": "a=b;c", "extra": {"use_ssl": false}}',
            "sc://h:1/;use_ssl=false;authorization=Bearer%20a%3Db%3Bc",
        ),
        (
            '{"conn_type": "spark_connect", "host": "h", "port": 1, "extra": {"session_id": "0B-1", "user_id": "sluice"}}',
            "sc://h:1/;user_id=sluice;session_id=0b-1",
        ),
        ("spark://", None),
        ('{"conn_type": "spark", "host": "yarn", "extra": {"queue": "root.default"}}', None),
    ],
)
def test_the_connection_chooses_the_master(monkeypatch, connection, master):
    from pipeline.airflow import use_spark_connection

    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", connection)
    use_spark_connection()
    assert os.environ.pop("SLUICE_SPARK_MASTER", None) == master


def test_a_master_set_on_the_worker_goes_first(monkeypatch):
    from pipeline.airflow import use_spark_connection

    monkeypatch.setenv("SLUICE_SPARK_MASTER", "local[1]")
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", "spark://other:7077")
    use_spark_connection()
    assert os.environ["SLUICE_SPARK_MASTER"] == "local[1]"


CASE = {"case_id": "c", "timeout_hours": 72.0}
CORA = {"id": "1", "name": "cora"}
WHEN = "2026-03-01T02:00:00+00:00"


@pytest.mark.parametrize(
    ("options", "user", "reason", "expected"),
    [
        (["Approve"], CORA, "fine", ("approve", "cora", "fine")),
        (["Reject"], CORA, "broken", ("reject", "cora", "broken")),
        (["Reject"], None, "", ("reject", "sluice", "no answer within 72 hours")),
        (["Approve"], None, "x", ("reject", "sluice", "no answer within 72 hours")),
        ([], CORA, "x", ("reject", "cora", "x")),
        (["Approve", "Reject"], CORA, "x", ("reject", "cora", "x")),
    ],
)
def test_only_a_persons_approve_approves(options, user, reason, expected):
    from pipeline.airflow import decision_of

    answer = {
        "chosen_options": options,
        "responded_by_user": user,
        "params_input": {"reason": reason},
        "responded_at": WHEN,
    }
    found = decision_of(answer, CASE)
    assert (found["decision"], found["who"], found["why"]) == expected
    assert found["when"] == WHEN


def test_a_recorded_decision_answers_as_a_fresh_one():
    from pipeline.airflow import answer_of, decision_of

    for decision in ("approve", "reject"):
        recorded = {"decision": decision, "who": "cora", "why": "fine", "when": WHEN}
        assert decision_of(answer_of(recorded), CASE) == recorded


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.GateBlocked("x"), "report"),
        (errors.ConfigError("x"), "Correct"),
        (errors.SourceUnavailable("x"), "answers"),
        (errors.SourceChanged("x"), "finds the drop again"),
        (errors.LeaseHeld("x"), "writer"),
        (errors.ConnectionLost("x"), "Clear this task"),
        (errors.UnexpectedError("x"), "kept out of the log"),
        (errors.ModelError("x"), "same result"),
        (ZeroDivisionError(), "clear this task"),
        (None, "clear this task"),
    ],
)
def test_every_failure_says_what_to_do(error, words):
    from pipeline.airflow import next_step

    assert words in next_step(error)
