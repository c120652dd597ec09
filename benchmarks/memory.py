"""The peak of a process's memory, counted anew from a moment on where the system can do that."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path


def fresh_peak() -> int:
    """Start a new peak, and return what the process holds, in KiB; where that cannot be, return the peak so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Return the peak in KiB."""
    try:
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
