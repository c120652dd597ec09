"""The contract of a stage.

A per-document stage is a frozen dataclass whose fields are its thresholds and the digests of its models; it is pickled to the
workers, so a model is loaded on first use and kept per process, never in a field.

Laws (tests/laws runs them on every stage of the recipe):

1. `apply` returns one row for each row in, in the same order, and exactly the columns of `adds`.
2. It never drops a row: it sets a verdict (`pipeline.verdict`), null for *keep*.
3. It is pure: the result of a row depends on that row and the fields alone, so any partitioning gives the same rows.
4. It reads no row that was rejected before: the runner hands over the live ones and aligns the result.
5. An empty batch gives an empty batch; any text that `ingest` lets through is survived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pyarrow as pa

if TYPE_CHECKING:
    from pipeline.verdict import Rule


@runtime_checkable
class Stage(Protocol):
    """A per-document stage: one pure function on an Arrow record batch."""

    @property
    def name(self) -> str:
        """Folder, suite and metric prefix."""

    @property
    def version(self) -> str:
        """Raised by hand when the meaning of a result changes; part of the fingerprint, beside the source's digest."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that `apply` needs."""

    @property
    def adds(self) -> pa.Schema:
        """Columns that `apply` returns, `verdict` among them."""

    @property
    def models(self) -> dict[str, str]:
        """Name and sha256 of every model file that decides something."""

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return the stage's columns for `documents`: one row for each row in, same order."""


@runtime_checkable
class Ruled(Protocol):
    """A per-document stage whose verdict follows from rules over stored columns.

    So each rule can be shown for a document with its value and limit, whether it spoke against it or not, and other limits can be tried
    without the text.
    """

    @property
    def verdict_fields(self) -> tuple[str, ...]:
        """Names of the fields that only the verdict depends on; with another value in any other field the columns would differ."""

    @property
    def decides_by(self) -> tuple[str, ...]:
        """Columns that `rules` needs: the stage's own and earlier stages'."""

    def rules(self, stored: pa.RecordBatch) -> list[Rule]:
        """Return every rule over documents, given their columns `decides_by`; `apply` takes its verdict from them."""
