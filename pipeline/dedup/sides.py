"""The two sides of a comparison: the batch and what is published, as narrow columns with their texts behind a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.components import EDGES_ON_DRIVER
from pipeline.dedup.survivors import places

if TYPE_CHECKING:
    from pipeline.dedup.candidates import Buckets
    from pipeline.dedup.components import Elsewhere
    from pipeline.dedup.exact import Keys
    from pipeline.dedup.gathered import Comparable
    from pipeline.dedup.signatures import Bands
    from pipeline.lake.release import Redacting
    from pipeline.text.shingling import Shingling

Texts = Callable[[npt.NDArray[np.int64]], pa.Array]
"""Reads the texts of the given rows, in their order."""
Form = Literal["raw", "published", "common"]
"""As what a text is compared: as it is, within a batch; as it is published; as what two ways of redacting have in common."""
Pieces = Callable[[npt.NDArray[np.int64], Form], "Iterator[Comparable] | None"]
"""Has the given rows, which rise, read elsewhere and gives what is compared of them in a form, piece by piece in their order.

None if they are so few that they are better read here."""


@dataclass(frozen=True)
class Redaction:
    """How a batch redacts, and what is compared where texts were redacted in different ways."""

    redacting: Redacting
    publish: Callable[[pa.Array], pa.Array]
    """What publishing would make of the batch's texts."""
    common: Callable[[pa.Array], pa.Array]
    """What two ways of redacting leave alike of a text, the batch's or a published one."""
    strip: Callable[[pa.Array], pa.Array]
    """The same of a text in which nothing is left of what the batch looks for: it has tokens only to lose."""

    def as_compared(self, texts: pa.Array, form: Form) -> pa.Array:
        """Return the batch's texts in a form."""
        return {"raw": lambda same: same, "published": self.publish, "common": self.common}[form](texts)


@dataclass(frozen=True)
class DuplicatesInput:
    """The batch: `n` documents that have a text, in any order."""

    document_ids: pa.Array
    """Unique."""
    source_rank: npt.NDArray[np.int64]
    """Place of each document's source in the configuration; the first is preferred."""
    characters: npt.NDArray[np.int64]
    exact: Keys
    bands: Bands
    """Their own signatures', by which they meet one another."""
    texts: Texts
    """Raw texts."""
    pieces: Pieces | None = None
    published_bands: Bands | None = None
    """Those by which published documents are looked for, if some of these were signed otherwise; None: `bands`."""
    choose: Elsewhere | None = None
    """Has survivors chosen elsewhere where the pairs are too many for the driver; None: here, one part after the other."""


@dataclass(frozen=True)
class PublishedInput:
    """The published side: documents that may share a bucket with the batch (or all there are)."""

    document_ids: pa.Array
    """Unique."""
    releases: npt.NDArray[np.int64]
    """The release that published each."""
    buckets: Buckets
    """By bands of the raw text, as the batch's."""
    texts: Texts
    """Published, hence redacted, texts."""
    redaction: Redaction
    """The batch's."""
    foreign: npt.NDArray[np.bool_]
    """Which of the documents were redacted in another way."""
    common: Texts
    """What both ways leave alike of the texts of foreign ones."""

    def as_compared(self, rows: npt.NDArray[np.int64], form: Form) -> pa.Array:
        """Read texts in a form."""
        return self.common(rows) if form == "common" else self.texts(rows)

    def rank(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the place of each row in the order of preference among `rows`: the earliest release, then the id."""
        table = pa.table({"release": self.releases[rows], "id": self.document_ids.take(pa.array(rows))})
        return places(pc.sort_indices(table, [("release", "ascending"), ("id", "ascending")]).to_numpy())


@dataclass(frozen=True)
class Rules:
    """What counts as a duplicate, and the bounds of the search."""

    threshold: float
    """Jaccard similarity from which two documents are one."""
    shingling: Shingling
    """As in the bands."""
    max_bucket: int
    """Largest bucket whose documents are all paired; see `candidates`."""
    block_characters: int = 64_000_000
    """Text that is read and compared at once."""
    containment: float | None = None
    """Share of a document's shingles from which another one, preferred to it, holds it whole; None: only similarity counts."""
    edges: int = EDGES_ON_DRIVER
    """Verified pairs among which survivors are chosen at once; see `components`."""
