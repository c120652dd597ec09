"""Planted crashes, so that tests can kill a process at the places where a crash would hurt most.

``SLUICE_FAULT=publish.record.before=kill`` ends the process there as a power cut would (SIGKILL: no cleanup runs);
``...=raise`` raises `InjectedFault` instead. Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

from pipeline.config import environment
from pipeline.errors import ConfigError, TransientError

POINTS: tuple[str, ...] = (
    "stage.shard.before",
    "stage.shard.after",
    "stage.manifest.before",
    "stage.manifest.after",
    "gate.report.before",
    "gate.report.after",
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
)
"""Every place that can fail on demand: before and after each commit."""


class InjectedFault(TransientError):  # noqa: N818 - reads better than ...Error
    """A planted fault was reached."""


def _armed(value: str | None) -> tuple[str, str]:
    """Read the variable; ("", "") if it is not set."""
    if not value:
        return "", ""
    name, _, action = value.partition("=")
    if name not in POINTS or action not in {"kill", "raise"}:
        raise ConfigError(
            f"SLUICE_FAULT={value}: expected <point>=kill or <point>=raise with a point of pipeline/faults.py"
        )
    return name, action


_NAME, _ACTION = _armed(environment("FAULT"))


def point(name: str) -> None:
    """Fail here if the environment asks for it; otherwise do nothing.

    Raises
    ------
    InjectedFault
        If this point is armed with ``raise``.
    """
    if name != _NAME:
        return
    if _ACTION == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFault(f"planted fault at {name}: unset SLUICE_FAULT and run again")
