"""Review cases: what a flagged batch waits on.

A case is a record of ours (SQLite by default, PostgreSQL in production); the orchestrator only waits on it. It is bound to the
digest of exactly what the curator sees: a batch whose release candidate differs gets another case. Its id follows from batch,
fingerprint and digest, so opening it twice opens it once.

A case holds expectations, figures and digests; never text of a document.
"""

from __future__ import annotations

import functools
import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable

from pipeline.errors import ConfigError, TransientError, UserError
from pipeline.faults import point

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.settings import Settings

State = Literal["open", "approved", "rejected", "reopened"]
STATES: tuple[State, ...] = ("open", "approved", "rejected", "reopened")
WAITING: tuple[State, ...] = ("open", "reopened")
"""States in which a case still waits for a decision."""

_LOCK_SECONDS = 30
"""How long a SQLite writer waits for another one before the call counts as transient."""

metadata = sa.MetaData()

CASES = sa.Table(
    "review_case",
    metadata,
    sa.Column("case_id", sa.String(40), primary_key=True),
    sa.Column("batch_id", sa.String(255), nullable=False, index=True),
    sa.Column("fingerprint", sa.String(128), nullable=False),
    sa.Column("digest", sa.String(128), nullable=False),
    sa.Column("flagged", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("opened_at", sa.String(32), nullable=False),
    sa.Column("expires_at", sa.String(32), nullable=False),
    sa.Column("timeout_hours", sa.Float, nullable=False),
)

DECISIONS = sa.Table(
    "review_decision",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("case_id", sa.String(40), sa.ForeignKey("review_case.case_id"), nullable=False, index=True),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("digest", sa.String(128), nullable=False),
)
"""The history: appended to, never changed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of a case's history: approve, reject or reopen."""

    case_id: str
    decision: str
    who: str
    why: str
    at: str
    digest: str
    """Digest of what was seen."""


@dataclass(frozen=True, slots=True)
class Case:
    """What was flagged of a batch, and what became of it."""

    case_id: str
    batch_id: str
    fingerprint: str
    digest: str
    """Digest of exactly what is shown and would be published."""
    flagged: tuple[dict[str, Any], ...]
    """One entry an expectation: stage, expectation, says, observed. No document text."""
    summary: str
    state: State
    opened_at: str
    expires_at: str
    """No decision until then is a rejection."""
    timeout_hours: float
    decisions: tuple[Decision, ...]

    def reference(self) -> dict[str, Any]:
        """Return the small JSON form that an orchestrator passes from task to task.

        `decision` is the standing decision, or null while the case waits.
        """
        last = self.decisions[-1] if self.decisions and self.state not in WAITING else None
        return {
            "case_id": self.case_id,
            "batch_id": self.batch_id,
            "digest": self.digest,
            "summary": self.summary,
            "state": self.state,
            "expires_at": self.expires_at,
            "timeout_hours": self.timeout_hours,
            "decision": None
            if last is None
            else {"decision": last.decision, "who": last.who, "why": last.why, "when": last.at},
        }


def database_of(settings: Settings) -> str:
    """Return the SQLAlchemy URL of the review database: the configured one, else SQLite in the lake.

    Raises
    ------
    ConfigError
        If the lake is an object store and no database is configured.
    """
    if settings.review.database:
        return settings.review.database
    root = settings.lake.root.removeprefix("file://")
    if "://" in root:
        raise ConfigError(
            "'review.database' is missing: a lake in an object store needs a database URL for review cases"
        )
    return f"sqlite:///{Path(root) / 'review.db'}"


def is_begun(database: str) -> bool:
    """Return whether there may be cases: false for a SQLite file that is not there, which a look would make."""
    url = sa.make_url(database)
    return url.get_backend_name() != "sqlite" or not url.database or Path(url.database).is_file()


def open_case(
    database: str,
    *,
    batch_id: str,
    fingerprint: str,
    digest: str,
    flagged: Sequence[dict[str, Any]],
    summary: str,
    timeout_hours: float,
    now: datetime,
) -> Case:
    """Open the case of a flagged batch, or return it where it exists, whatever its state.

    Parameters
    ----------
    database
        SQLAlchemy URL.
    fingerprint
        Of the snapshot that would be published.
    digest
        Of exactly what the curator is shown and would release.
    flagged
        Expectations that flagged: stage, expectation, says, observed.
    now
        Time of the call; the answer is due `timeout_hours` later.

    Raises
    ------
    UserError
        If nothing is flagged.
    TransientError
        If the database cannot be reached or stays locked.
    """
    if not flagged:
        raise UserError(f"batch '{batch_id}' has nothing to review: no expectation flagged")
    identity = json.dumps([batch_id, fingerprint, digest]).encode()
    row = {
        "case_id": f"case-{hashlib.sha256(identity).hexdigest()[:20]}",
        "batch_id": batch_id,
        "fingerprint": fingerprint,
        "digest": digest,
        "flagged": json.dumps(list(flagged), sort_keys=True),
        "summary": summary,
        "state": "open",
        "opened_at": stamp(now),
        "expires_at": stamp(now + timedelta(hours=timeout_hours)),
        "timeout_hours": timeout_hours,
    }
    point("review.case.before")
    try:
        with transaction(database) as connection:
            connection.execute(CASES.insert(), row)
    except IntegrityError:  # opened before, by an earlier try or by another process: the same case
        pass
    point("review.case.after")
    return get(database, str(row["case_id"]))


def get(database: str, case_id: str) -> Case:
    """Return a case with its history.

    Raises
    ------
    UserError
        If there is no such case.
    """
    with transaction(database) as connection:
        row = connection.execute(sa.select(CASES).where(CASES.c.case_id == case_id)).mappings().one_or_none()
        if row is None:
            raise UserError(f"there is no review case '{case_id}'; `sluice review list` shows the known ones")
        return _case(connection, row)


def list_cases(database: str, *, state: State | None = None, batch_id: str | None = None) -> list[Case]:
    """Return cases, oldest first, of one state or one batch if asked."""
    query = sa.select(CASES).order_by(CASES.c.opened_at, CASES.c.case_id)
    if state is not None:
        query = query.where(CASES.c.state == state)
    if batch_id is not None:
        query = query.where(CASES.c.batch_id == batch_id)
    with transaction(database) as connection:
        return [_case(connection, row) for row in connection.execute(query).mappings().all()]


def stamp(moment: datetime) -> str:
    """Return a moment as UTC ISO 8601 to the microsecond, so that order of text is order of time.

    >>> stamp(datetime(2026, 1, 2, tzinfo=UTC))
    '2026-01-02T00:00:00.000000+00:00'
    """
    if moment.tzinfo is None:
        raise UserError("a time without a time zone cannot be recorded: give it with an offset")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def transaction(database: str) -> Iterator[sa.Connection]:
    """Yield a connection in one transaction on a database that has the tables.

    Raises
    ------
    TransientError
        If the database cannot be reached or stays locked. The message never holds the URL, which may carry a password.
    """
    try:
        with _engine(database).begin() as connection:
            yield connection
    except OperationalError as error:
        raise TransientError(f"the review database does not answer: {type(error.orig).__name__}") from None


@functools.lru_cache(maxsize=8)
def _engine(database: str) -> sa.Engine:
    """Return the engine of a URL, its tables made. Unpooled: safe across forks, and calls are few."""
    url = sa.make_url(database)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": _LOCK_SECONDS} if sqlite else {})
    for attempt in range(2):
        try:
            with engine.begin() as connection:
                for table in metadata.sorted_tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
                    for index in table.indexes:
                        index.create(connection, checkfirst=True)
            break
        except (IntegrityError, ProgrammingError, OperationalError):
            # Another process makes the same tables at this moment; the second time they exist.
            if attempt:
                raise
    return engine


def _case(connection: sa.Connection, row: sa.RowMapping) -> Case:
    """Build a case from its row, with its history."""
    history = connection.execute(
        sa.select(DECISIONS).where(DECISIONS.c.case_id == row["case_id"]).order_by(DECISIONS.c.number)
    ).mappings()
    decisions = tuple(Decision(**{key: entry[key] for key in Decision.__dataclass_fields__}) for entry in history)
    fields = {key: row[key] for key in Case.__dataclass_fields__ if key not in ("flagged", "decisions")}
    return Case(**fields, flagged=tuple(json.loads(row["flagged"])), decisions=decisions)
