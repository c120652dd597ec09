"""Decisions on review cases: who, when, why, and on exactly what.

A decision counts only on the digest that was seen; each open case is decided once; a rejected or approved one can be reopened,
which is itself an entry of the history. Every change is one conditional update and one insert in one transaction, so of two
curators who answer at once one is recorded and the other is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from pipeline.errors import UserError
from pipeline.faults import point
from pipeline.review.cases import CASES, DECISIONS, WAITING, Case, Decision, get, stamp, transaction

Choice = Literal["approve", "reject"]
_STATE_AFTER: dict[str, str] = {"approve": "approved", "reject": "rejected"}


def decide(database: str, case_id: str, *, decision: Choice, who: str, why: str, when: datetime, digest: str) -> Case:
    """Record a curator's decision on a case; the same call again changes nothing.

    Parameters
    ----------
    digest
        Of what the curator saw; a decision on anything else is refused.

    Raises
    ------
    UserError
        If the reason or the name is empty, the digest is another one, or the case is decided already.
    """
    if decision not in _STATE_AFTER:
        raise UserError(f"'{decision}' is no decision: say approve or reject")
    entry = _entry(case_id, digest, decision=decision, who=who, why=why, when=when)
    point("review.decision.before")
    with transaction(database) as connection:
        changed = connection.execute(
            sa.update(CASES)
            .where(CASES.c.case_id == case_id, CASES.c.digest == digest, CASES.c.state.in_(WAITING))
            .values(state=_STATE_AFTER[decision])
        ).rowcount
        if changed:
            connection.execute(DECISIONS.insert(), _row(entry))
    point("review.decision.after")
    case = get(database, case_id)
    if not changed:
        _refuse(case, entry)
    return case


def approval(database: str, case_id: str, *, digest: str) -> Decision:
    """Return the approval that lets a batch be published, and only on exactly what was seen.

    Raises
    ------
    UserError
        If the case is not approved, or its approval is about another digest.
    """
    case = get(database, case_id)
    if case.digest != digest:
        raise UserError(
            f"review case '{case_id}' is about {case.digest[:12]}, the batch is {digest[:12]} now: open its new case"
        )
    if case.state != "approved":
        raise UserError(f"review case '{case_id}' is {case.state}, not approved: nothing is published")
    return case.decisions[-1]


def reopen(database: str, case_id: str, *, who: str, why: str, when: datetime) -> Case:
    """Let a decided case be decided again; the answer is due in the case's own time from now.

    Raises
    ------
    UserError
        If the reason or the name is empty, or the case still waits.
    """
    known = get(database, case_id)
    entry = _entry(case_id, known.digest, decision="reopen", who=who, why=why, when=when)
    due = stamp(when + timedelta(hours=known.timeout_hours))
    with transaction(database) as connection:
        changed = connection.execute(
            sa.update(CASES)
            .where(CASES.c.case_id == case_id, CASES.c.state.not_in(WAITING))
            .values(state="reopened", expires_at=due)
        ).rowcount
        if changed:
            connection.execute(DECISIONS.insert(), _row(entry))
    if not changed:
        raise UserError(f"review case '{case_id}' still waits for a decision: there is nothing to reopen")
    return get(database, case_id)


def _entry(case_id: str, digest: str, *, decision: str, who: str, why: str, when: datetime) -> Decision:
    """Return an entry of the history whose name and reason say something."""
    if not who.strip():
        raise UserError(f"review case '{case_id}': say who decides")
    if not why.strip():
        raise UserError(f"review case '{case_id}': a decision needs a reason; say why")
    return Decision(case_id, decision, who.strip(), why.strip(), stamp(when), digest)


def _row(entry: Decision) -> dict[str, str]:
    return {key: getattr(entry, key) for key in Decision.__dataclass_fields__}


def _refuse(case: Case, entry: Decision) -> None:
    """Say why a decision was not recorded, unless it is the one that stands."""
    if entry in case.decisions[-1:]:
        return  # a task tried again after a crash: it is recorded
    if case.digest != entry.digest:
        raise UserError(
            f"review case '{case.case_id}' is about {case.digest[:12]}, not about {entry.digest[:12]}: "
            "the batch changed since it was seen; open its new case"
        )
    last = case.decisions[-1]
    raise UserError(
        f"review case '{case.case_id}' was decided before ({last.decision} by {last.who} at {last.at}); "
        "reopen it to decide again"
    )
