from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.config import override
from pipeline.errors import ConfigError, TransientError, UserError
from pipeline.review import cases, decisions
from pipeline.settings import Settings

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
FLAGGED = [{"stage": "dedup", "expectation": "removal_rate", "says": "at most 0.9", "observed": 0.93}]


@pytest.fixture
def database(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/lake/review.db"


def opened(database: str, **fields: Any) -> cases.Case:
    given = {
        "batch_id": "b1",
        "fingerprint": "f1",
        "digest": "d1",
        "flagged": FLAGGED,
        "summary": "one flag",
        "timeout_hours": 72,
        "now": NOW,
    }
    return cases.open_case(database, **{**given, **fields})


def decided(database: str, case_id: str, **fields: Any) -> cases.Case:
    given = {"decision": "approve", "who": "cora", "why": "known feed", "when": NOW, "digest": "d1"}
    return decisions.decide(database, case_id, **{**given, **fields})


def test_a_case_says_what_was_flagged_and_when_the_answer_is_due(database):
    case = opened(database)
    assert case.state == "open"
    assert case.flagged == tuple(FLAGGED)
    assert case.expires_at == cases.stamp(NOW + timedelta(hours=72))
    assert case.decisions == ()
    assert case.reference()["decision"] is None


def test_opening_twice_opens_once_and_keeps_the_first_time(database):
    first = opened(database)
    assert opened(database, now=NOW + timedelta(hours=1)) == first
    assert [case.case_id for case in cases.list_cases(database)] == [first.case_id]


@pytest.mark.parametrize("change", [{"batch_id": "b2"}, {"fingerprint": "f2"}, {"digest": "d2"}])
def test_another_batch_or_digest_is_another_case(database, change):
    assert opened(database, **change).case_id != opened(database).case_id


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_is_recorded_with_who_when_why(database, decision, state):
    case = decided(database, opened(database).case_id, decision=decision)
    assert case.state == state
    assert case.decisions == (cases.Decision(case.case_id, decision, "cora", "known feed", cases.stamp(NOW), "d1"),)
    assert case.reference()["decision"] == {
        "decision": decision,
        "who": "cora",
        "why": "known feed",
        "when": cases.stamp(NOW),
    }


def test_the_same_decision_again_changes_nothing(database):
    case = opened(database)
    assert decided(database, case.case_id) == decided(database, case.case_id)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"why": " \n"}, "needs a reason"),
        ({"why": ""}, "needs a reason"),
        ({"who": ""}, "say who"),
        ({"digest": "d2"}, "changed since it was seen"),
        ({"decision": "maybe"}, "no decision"),
        ({"when": datetime(2026, 3, 1)}, "time zone"),  # noqa: DTZ001 - the naive time is the point
    ],
)
def test_a_decision_that_does_not_fit_is_refused_and_leaves_the_case_open(database, fields, message):
    case = opened(database)
    with pytest.raises(UserError, match=message):
        decided(database, case.case_id, **fields)
    assert cases.get(database, case.case_id) == case


def test_a_second_decision_is_refused_and_names_the_first(database):
    case = decided(database, opened(database).case_id)
    with pytest.raises(UserError, match="approve by cora"):
        decided(database, case.case_id, decision="reject", who="vic")
    assert cases.get(database, case.case_id) == case


def test_a_rejected_case_can_be_reopened_and_the_history_keeps_all(database):
    case = decided(database, opened(database).case_id, decision="reject")
    later = NOW + timedelta(days=9)
    again = decisions.reopen(database, case.case_id, who="cora", why="source fixed", when=later)
    assert again.state == "reopened"
    assert again.expires_at == cases.stamp(later + timedelta(hours=72))
    assert again.reference()["decision"] is None
    final = decided(database, case.case_id, when=later)
    assert [entry.decision for entry in final.decisions] == ["reject", "reopen", "approve"]


def test_only_an_approval_of_what_would_be_published_lets_it_out(database):
    case = opened(database)
    with pytest.raises(UserError, match="is open, not approved"):
        decisions.approval(database, case.case_id, digest="d1")
    decided(database, case.case_id)
    assert decisions.approval(database, case.case_id, digest="d1").who == "cora"
    with pytest.raises(UserError, match="the batch is d2 now"):
        decisions.approval(database, case.case_id, digest="d2")
    decisions.reopen(database, case.case_id, who="cora", why="look again", when=NOW)
    with pytest.raises(UserError, match="is reopened, not approved"):
        decisions.approval(database, case.case_id, digest="d1")
    decided(database, case.case_id, decision="reject")
    with pytest.raises(UserError, match="is rejected, not approved"):
        decisions.approval(database, case.case_id, digest="d1")


def test_an_open_case_cannot_be_reopened_nor_without_reason(database):
    case = opened(database)
    with pytest.raises(UserError, match="still waits"):
        decisions.reopen(database, case.case_id, who="cora", why="x", when=NOW)
    decided(database, case.case_id)
    with pytest.raises(UserError, match="needs a reason"):
        decisions.reopen(database, case.case_id, who="cora", why="", when=NOW)


def test_cases_are_listed_by_state_and_batch(database):
    first, second = opened(database), opened(database, batch_id="b2", now=NOW + timedelta(hours=1))
    decided(database, second.case_id)
    assert [case.batch_id for case in cases.list_cases(database)] == ["b1", "b2"]
    assert cases.list_cases(database, state="open") == [first]
    assert [case.case_id for case in cases.list_cases(database, batch_id="b2")] == [second.case_id]


def test_an_unknown_case_and_a_case_about_nothing_are_user_mistakes(database):
    with pytest.raises(UserError, match="no review case 'x'"):
        cases.get(database, "x")
    with pytest.raises(UserError, match="nothing to review"):
        opened(database, flagged=[])


def test_of_curators_who_answer_at_once_exactly_one_is_recorded(database):
    case = opened(database)

    def answer(number: int) -> bool:
        try:
            decided(database, case.case_id, who=f"curator-{number}", decision=("approve", "reject")[number % 2])
        except UserError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(answer, range(16)))
    assert sum(recorded) == 1
    (entry,) = cases.get(database, case.case_id).decisions
    assert entry.who == f"curator-{recorded.index(True)}"


def _open_elsewhere(database: str) -> str:
    return opened(database).case_id


def test_processes_that_make_the_tables_at_once_open_one_case(database):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        ids = pool.map(_open_elsewhere, [database] * 3)
    assert len(set(ids)) == 1
    assert len(cases.list_cases(database)) == 1


def test_a_decision_without_its_case_row_change_cannot_be_recorded(database):
    """A planted fault: the insert fails, so the state must not change either."""
    case = opened(database)
    with cases.transaction(database) as connection:
        connection.execute(sa.text("DROP TABLE review_decision"))
    with pytest.raises(TransientError):
        decided(database, case.case_id)
    with cases.transaction(database) as connection:
        assert connection.execute(sa.text("SELECT state FROM review_case")).scalar_one() == "open"


def test_the_database_lies_in_the_lake_unless_configured(tmp_path):
    settings = override(Settings(), {"lake.root": str(tmp_path)})
    assert cases.database_of(settings) == f"sqlite:///{tmp_path}/review.db"
    assert cases.database_of(override(settings, {"review.database": "postgresql://h/d"})) == "postgresql://h/d"
    with pytest.raises(ConfigError, match=r"review\.database"):
        cases.database_of(override(settings, {"lake.root": "s3://bucket/lake"}))


def test_a_database_that_does_not_answer_is_transient_and_its_password_stays_out(tmp_path):
    blocked = tmp_path / "file"
    blocked.mkdir()
    with pytest.raises(TransientError) as caught:
        cases.list_cases(f"sqlite:///{blocked}")
    assert str(blocked) not in str(caught.value)
