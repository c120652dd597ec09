"""What can go wrong, as a tree.

SluiceError
├── TerminalError            do not retry: the same call fails again
│   ├── ConfigError          the configuration is wrong; the message names the key and the nearest right one
│   ├── UserError            a command was called with something that does not exist or does not fit
│   ├── ContractViolation    a stage broke its contract (row count, columns, types, an unknown reason)
│   ├── SnapshotError        a snapshot or manifest is missing, damaged or of another format version
│   ├── SourceChanged        a source's files are not those that the batch was opened for
│   ├── GateBlocked          a gate's verdict is `block`
│   ├── ReleaseConflict      the release that this change builds on is no longer the newest
│   └── ModelError           a model file is missing or its digest is not the pinned one
├── TransientError           may succeed when tried again
│   ├── SourceUnavailable    a source's files cannot be reached
│   │   └── SourceUnreadable a file or listing that is there cannot be read; names the place and the class of error
│   ├── LeaseHeld            another writer holds the corpus
│   └── ConnectionLost       a connection broke in the middle of the work
└── UnexpectedError          a fault that nobody foresaw, by its class and place (pipeline/guard.py)

Callers decide by type, never by reading a message. A message names the thing and the next step; it never contains document
text or a personal value.
"""

from __future__ import annotations


class SluiceError(Exception):
    """Root of all errors that Sluice raises on purpose."""


class TerminalError(SluiceError):
    """The same call fails again: do not retry."""


class ConfigError(TerminalError):
    """The configuration is wrong."""


class UserError(TerminalError):
    """A command or function was asked for something that does not exist or does not fit."""


class ContractViolation(TerminalError):  # noqa: N818 - the field's own term reads better than ...Error
    """A stage broke its contract."""


class SnapshotError(TerminalError):
    """A snapshot or manifest is missing, damaged or of another format version."""


class SourceChanged(TerminalError):  # noqa: N818 - as for ContractViolation
    """A source's files are not those that the batch was opened for."""


class GateBlocked(TerminalError):  # noqa: N818 - as above
    """A gate's verdict is `block`."""


class ReleaseConflict(TerminalError):  # noqa: N818 - as above
    """The release that a change builds on is no longer the newest."""


class ModelError(TerminalError):
    """A model file is missing or its digest is not the pinned one."""


class TransientError(SluiceError):
    """May succeed when tried again."""


class SourceUnavailable(TransientError):  # noqa: N818 - as above
    """A source's files cannot be reached."""


class SourceUnreadable(SourceUnavailable):
    """A file or a listing of a source cannot be read.

    Attributes
    ----------
    path
        The file, relative to its source; empty for a listing.
    error
        The class of error.
    """

    def __init__(self, message: str, path: str = "", error: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.error = error


class LeaseHeld(TransientError):  # noqa: N818 - as above
    """Another writer holds the corpus."""


class ConnectionLost(TransientError):  # noqa: N818 - as above
    """A connection broke in the middle of the work; the message names class and place."""


class UnexpectedError(SluiceError):
    """A fault that nobody foresaw. The message names class and place, never what the exception said: it may quote a text."""
