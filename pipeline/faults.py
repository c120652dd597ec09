"""Planted crashes, so that tests can kill a process at the places where a crash would hurt most.

``SLUICE_FAULT=corpus.record.before=kill`` ends the process there as a power cut would (SIGKILL: no cleanup runs);
``...=raise`` raises `InjectedFault` instead, and ``stage.manifest.after#3=kill`` waits for the third time that the process gets
there. Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import re
import signal
from typing import NamedTuple

from pipeline.config import environment
from pipeline.errors import ConfigError, TransientError

POINTS: tuple[str, ...] = (
    "batch.record.before",
    "batch.record.after",
    "batch.settings.before",
    "batch.settings.after",
    "stage.shard.before",
    "stage.shard.after",
    "stage.manifest.before",
    "stage.manifest.after",
    "stage.head.before",
    "stage.head.after",
    "gate.report.before",
    "gate.report.after",
    "review.case.before",
    "review.case.after",
    "review.decision.before",
    "review.decision.after",
    "table.file.before",
    "table.file.after",
    "index.file.before",
    "index.file.after",
    "corpus.lease.after",
    "corpus.documents.before",
    "corpus.documents.after",
    "corpus.signatures.before",
    "corpus.signatures.after",
    "corpus.decisions.before",
    "corpus.decisions.after",
    "corpus.metrics.before",
    "corpus.metrics.after",
    "corpus.tombstones.before",
    "corpus.tombstones.after",
    "corpus.record.before",
    "corpus.record.after",
    "corpus.settle.after",
    "drop.claim.before",
    "drop.claim.after",
    "lake.migrate.before",
    "lake.migrate.after",
    "gc.mark.before",
    "gc.mark.after",
    "gc.file.before",
    "gc.file.after",
)
"""Every place that can fail on demand: before and after each write and each commit."""


class InjectedFault(TransientError):  # noqa: N818 - reads better than ...Error
    """A planted fault was reached."""


class Fault(NamedTuple):
    """What is planted: at the `occurrence`-th time (from 1) that `point` is reached, `action`."""

    point: str = ""
    action: str = ""
    occurrence: int = 1


def parse(value: str | None) -> Fault:
    """Read ``<point>[#n]=kill|raise``; nothing is planted where there is no value.

    Raises
    ------
    ConfigError
        If there is no such point or action.
    """
    if not value:
        return Fault()
    match = re.fullmatch(r"([a-z.]+)(?:#([1-9][0-9]*))?=(kill|raise)", value)
    if match is None or match[1] not in POINTS:
        raise ConfigError(
            f"SLUICE_FAULT={value}: expected <point>=kill or <point>=raise with a point of pipeline/faults.py"
        )
    return Fault(match[1], match[3], int(match[2] or 1))


def arm(value: str | None) -> None:
    """Plant a fault in this process, or with None take it away."""
    global _fault, _reached
    _fault, _reached = parse(value), 0


_fault = Fault()
_reached = 0
arm(environment("FAULT"))


def point(name: str) -> None:
    """Fail here if it is planted; otherwise do nothing.

    Raises
    ------
    InjectedFault
        If the planted action is ``raise``.
    """
    if name != _fault.point:
        return
    global _reached  # noqa: PLW0603 - one fault a process
    _reached += 1
    if _reached != _fault.occurrence:
        return
    if _fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFault(f"planted fault at {name}: unset SLUICE_FAULT and run again")
