"""One writer at a time.

A lease is a file ``warehouse/leases/<release to be>-<attempt>.json``, created exclusively: the attempt with the highest number
holds the corpus until its release appears, it gives the lease back, or it expires. The pair of numbers is the fencing token and
goes into the release record. The lease keeps writers from wasting work; what makes a change safe is the release record, which
only one writer can create for a number, whatever clocks and pauses do.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import LeaseHeld
from pipeline.lake.record import Record
from pipeline.lake.store import Store
from pipeline.lake.tables import WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.lake.release import History


class Claim(Record):
    """What a lease file says."""

    format_version: Literal[1] = 1
    holder: str
    place: str
    """Host, boot and process namespace: where `process` means something."""
    process: str
    """Process id and start time."""
    expires_at: dt.datetime
    released: bool = False

    def is_free(self, now: dt.datetime) -> bool:
        """Return whether another writer may take over: given back, expired, or its process is known to be dead."""
        return self.released or now >= self.expires_at or (self.place == _place() and not _is_alive(self.process))


class Lease:
    """The right to make one release, held by this process and renewed in the background."""

    def __init__(self, store: Store, number: int, attempt: int, claim: Claim, ttl: float) -> None:
        self.number = number
        self._store, self._attempt, self._claim, self._ttl = store, attempt, claim, ttl
        self._stop = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="lease", daemon=True)

    @property
    def fence(self) -> str:
        """The fencing token: release to be and attempt."""
        return f"{self.number:08d}-{self._attempt:06d}"

    def check(self) -> None:
        """Make sure that the lease still holds.

        Raises
        ------
        LeaseHeld
            If another writer took over, because this one did not renew in time.
        """
        if self._store.exists(_name(self.number, self._attempt + 1)):
            raise LeaseHeld(f"lease {self.fence} was taken over by another writer: run again, on the newest release")

    def start(self) -> None:
        """Begin to renew."""
        self._renewing.start()

    def give_back(self) -> None:
        """Stop renewing and let the next writer in."""
        self._stop.set()
        self._renewing.join()
        # If the store fails just now, the lease expires by itself; the change that it guarded is made or not made by then.
        with contextlib.suppress(Exception):
            self._write(released=True)

    def _renew(self) -> None:
        while not self._stop.wait(self._ttl / 3):
            # A store that fails for a moment is tried again; when it fails for too long the lease expires, which is safe.
            with contextlib.suppress(Exception):
                self._write(released=False)

    def _write(self, *, released: bool) -> None:
        claim = self._claim.model_copy(update={"expires_at": _expiry(self._ttl), "released": released})
        self._store.write_atomic(_name(self.number, self._attempt), claim.to_bytes())


@contextlib.contextmanager
def hold(history: History, holder: str, ttl: float = 120.0) -> Iterator[Lease]:
    """Hold the corpus for one change.

    Parameters
    ----------
    history
        The chain to be continued.
    holder
        Who: shown to the one who has to wait. No personal value.
    ttl
        Seconds after which a silent holder may be replaced; a live one renews three times as often.

    Raises
    ------
    LeaseHeld
        If another writer holds it.
    """
    lease = _acquire(history, holder, ttl)
    lease.start()
    try:
        yield lease
    finally:
        lease.give_back()


def _acquire(history: History, holder: str, ttl: float) -> Lease:
    """Create the next lease file, or say who holds the current one."""
    store = history.store
    while True:
        number, attempt = history.last() + 1, 1
        while store.exists(_name(number, attempt)):
            attempt += 1
        if attempt > 1:
            current = Claim.load(store, _name(number, attempt - 1), "remove the file if no writer is at work")
            if not current.is_free(_now()):
                raise LeaseHeld(
                    f"'{current.holder}' is changing the corpus until {current.expires_at:%H:%M:%S} UTC: try again"
                )
        claim = Claim(holder=holder, place=_place(), process=_process(), expires_at=_expiry(ttl))
        if not store.create_exclusive(_name(number, attempt), claim.to_bytes()):
            raise LeaseHeld("another writer has just begun to change the corpus: try again")
        lease = Lease(store, number, attempt, claim, ttl)
        if history.last() + 1 == number:
            return lease
        # The release appeared between the look and the claim: this lease is for a number that is taken.


def _name(number: int, attempt: int) -> str:
    return Store.join(WAREHOUSE, "leases", f"{number:08d}-{attempt:06d}.json")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _expiry(ttl: float) -> dt.datetime:
    return _now() + dt.timedelta(seconds=ttl)


def _place() -> str:
    """Return what a process id must be qualified with; unknown parts make a place that equals no other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()}/{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{socket.gethostname()}/{os.getpid()}"


def _started(process: int) -> str | None:
    """Return a process's start time in clock ticks, None if there is no such process; a zombie is none."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _process() -> str:
    return f"{os.getpid()}/{_started(os.getpid())}"


def _is_alive(process: str) -> bool:
    identity, _, started = process.partition("/")
    return str(_started(int(identity))) == started
