"""Child processes that end with us: each in a group of its own, ended by the id that we started, on every way out."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that Linux sends to the child when its parent dies, even by SIGKILL."""


class Process:
    """One child, its output in a log file.

    Raises
    ------
    OSError
        If the program cannot be started.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603 - the command is ours
                list(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one C call, no lock
            )

    @property
    def pid(self) -> int:
        """Id of the child and of its process group."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child still runs."""
        return self._child.poll() is None

    def wait(self, patience: float) -> int | None:
        """Wait for the child to end by itself and return its exit code, None where it did not in `patience` seconds."""
        try:
            return self._child.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def tail(self, lines: int = 20) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the child alone; does not wait.

        Not to its group: a scheduler winds its workers up itself, and one that is hit while it holds their queue's lock would leave
        the others, and so the scheduler, waiting for ever.
        """
        if self.running:
            self._child.terminate()

    def stop(self, patience: float = 10) -> None:
        """End the child and everything in its group: SIGTERM, then SIGKILL after `patience` seconds."""
        self.ask_to_stop()
        self.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)  # also what outlived the child
        self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _die_with_parent() -> None:
    """Have the kernel end this child should its parent be killed (runs between fork and exec)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
