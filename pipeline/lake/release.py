"""A release and its history: a chain of records, each created only if the one before it is still the newest."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from pipeline.errors import ContractViolation, ReleaseConflict, SnapshotError, UserError
from pipeline.lake.record import BatchId, Digest, Part, Record, canonical
from pipeline.lake.store import Store
from pipeline.lake.tables import TABLES, WAREHOUSE
from pipeline.text.shingling import WordRule

if TYPE_CHECKING:
    from collections.abc import Iterator

ReleaseNumber = Annotated[int, Field(ge=1)]
_NEXT_STEP = "restore the file from a backup; every release after it builds on it"


class Approval(Part):
    """Who let a held release pass."""

    who: str
    when: dt.datetime
    why: str


class IndexFile(Part):
    """A file of the index of near-duplicates."""

    name: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Segment(Part):
    """A part of the index of near-duplicates: some published documents with their band hashes (`pipeline.lake.segments`)."""

    documents: Annotated[int, Field(ge=0)]
    hashes: Annotated[int, Field(ge=0)]
    document_file: IndexFile
    band_file: IndexFile

    @property
    def files(self) -> tuple[IndexFile, IndexFile]:
        """Both files."""
        return self.document_file, self.band_file


class Signing(Part):
    """How documents were signed for the index: only signatures of one kind can agree."""

    bands: Annotated[int, Field(ge=1)]
    rows: Annotated[int, Field(ge=1)]
    """Values of the signature in a band."""
    shingle_size: Annotated[int, Field(ge=1)]
    words: WordRule = "unicode"
    seed: Annotated[int, Field(ge=0)]


class Redacting(Part):
    """How texts were redacted: only those of one way have the same tokens."""

    looked_for: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """A digest of the settings that say what is personal."""
    tokens: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """A digest of what stands in its place: the kind of token, and the key of pseudonyms."""


class RedactedSince(Part):
    """The release from which on documents were redacted in one way."""

    since: ReleaseNumber
    redacting: Redacting


class Release(Record):
    """One published version of the corpus."""

    # A record's own digest guards the whole file; what may be compared between corpora is the field `digest`.
    undigested: ClassVar[frozenset[str]] = frozenset()

    format_version: Literal[1] = 1
    number: ReleaseNumber
    builds_on: ReleaseNumber | None
    kind: Literal["publish", "takedown", "rollback", "reindex"]
    batch_id: BatchId | None = None
    """The batch that a publish brought; null for any other change."""
    fingerprint: Digest | None = None
    """The fingerprint of that batch's publish stage."""
    tables: dict[str, int]
    """The Iceberg snapshot of each table."""
    index: tuple[Segment, ...] | None = None
    """The index of near-duplicates, oldest part first; null where there is none: a batch is compared with the table `signatures`."""
    signings: tuple[Signing, ...] | None = None
    """The ways in which the corpus's documents were signed; null where that was not recorded: their batches' settings say it."""
    redactions: tuple[RedactedSince, ...] = ()
    """How documents were redacted, the earliest way first; of those that are older than the first entry it was not recorded."""
    documents: Annotated[int, Field(ge=0)]
    """Documents in the corpus."""
    added: Annotated[int, Field(ge=0)]
    removed: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the whole corpus (`pipeline.lake.digest`): no batch, time, file or root in it."""
    digest_state: str
    """What the next release's digest continues from."""
    kpis: dict[str, JsonValue] = Field(default_factory=dict)
    marks: tuple[str, ...] = ()
    """What a reader must know, such as "pii: not measured"."""
    reason: str | None = None
    """Why documents were taken down or a release rolled back."""
    rolled_back_to: ReleaseNumber | None = None
    fence: str
    """The lease under which it was written."""
    published_at: dt.datetime
    approved: Approval | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.builds_on != (self.number - 1 or None):
            raise ContractViolation(f"release {self.number} builds on {self.builds_on}, not on the one before it")
        if set(self.tables) != set(TABLES):
            raise ContractViolation(f"release {self.number} does not name a snapshot for each table")
        if (self.kind == "publish") != (self.batch_id is not None and self.fingerprint is not None):
            raise ContractViolation(
                f"release {self.number} is a {self.kind}: a batch belongs to a publish and to nothing else"
            )
        canonical(self.kpis)  # NaN is no figure
        return self

    @property
    def name(self) -> str:
        """Where the record lies."""
        return release_name(self.number)

    def redacted_as(self, number: int) -> Redacting | None:
        """Return how the documents were redacted that release `number`, this one or an earlier one, brought; None: not known."""
        return next((entry.redacting for entry in reversed(self.redactions) if entry.since <= number), None)


def release_name(number: int) -> str:
    """Return where a release's record lies, relative to the lake."""
    return Store.join(WAREHOUSE, "releases", f"{number:08d}.json")


class History:
    """The chain of release records."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read: dict[int, Release] = {}
        self._known = 0

    def last(self) -> int:
        """Return the newest release's number, 0 if there is none.

        No folder is listed: the numbers have no gap, so the end is found by doubling and halving from what was known.
        """
        low, step = self._known, 1
        while self.store.exists(release_name(low + step)):
            low, step = low + step, step * 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            if self.store.exists(release_name(middle)):
                low = middle
            else:
                high = middle
        self._known = low
        return low

    def newest(self) -> Release | None:
        """Return the newest release, None before the first."""
        number = self.last()
        return self.get(number) if number else None

    def get(self, number: int) -> Release:
        """Return one release.

        Raises
        ------
        UserError
            If there is no release of that number.
        SnapshotError
            If its record is damaged.
        """
        if number not in self._read:
            if number < 1 or not self.store.exists(release_name(number)):
                raise UserError(f"there is no release {number}: the newest is {self.last()}")
            release = Release.load(self.store, release_name(number), _NEXT_STEP)
            if release.number != number:
                raise SnapshotError(f"{release_name(number)} holds release {release.number}: {_NEXT_STEP}")
            self._read[number] = release
        return self._read[number]

    def backwards(self) -> Iterator[Release]:
        """Yield all releases, newest first."""
        for number in range(self.last(), 0, -1):
            yield self.get(number)

    def append(self, release: Release) -> None:
        """Commit a release: the one moment at which a change of the corpus happens.

        Raises
        ------
        ReleaseConflict
            If another writer has already made a release of this number: the base is no longer the newest.
        """
        if not self.store.create_exclusive(release.name, release.to_bytes()):
            raise ReleaseConflict(
                f"release {release.number} exists already, so {release.builds_on or 'the empty corpus'} is no longer the newest: "
                "rebase on the newest release and publish again"
            )
        self._read[release.number] = release
