"""Records that are written once: frozen models with one canonical JSON form that carries its own digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import SnapshotError

if TYPE_CHECKING:
    from pipeline.lake.store import Store

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
BatchId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class Part(BaseModel):
    """A part of a record: frozen, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Record(Part):
    """A whole record, one file."""

    undigested: ClassVar[frozenset[str]] = frozenset()
    """Fields that are kept beside the result and are no part of it: times, people."""
    checked: ClassVar[str] = "record_digest"
    """The key that holds the digest in the file."""

    format_version: int

    def record_digest(self) -> str:
        """Return the sha256 of the canonical JSON of all fields but the undigested ones."""
        return _digest(self.model_dump(mode="json"), self.undigested)

    def to_bytes(self) -> bytes:
        """Return the record's canonical JSON with its own digest in it."""
        return canonical({**self.model_dump(mode="json"), self.checked: self.record_digest()}) + b"\n"

    @classmethod
    def load(cls, store: Store, name: str, next_step: str) -> Self:
        """Read and check the record at `name`.

        Raises
        ------
        SnapshotError
            If it is missing, damaged, or of another format version; the message ends with `next_step`.
        """
        try:
            data = store.read_json(name)
        except FileNotFoundError:
            raise SnapshotError(f"{name} does not exist: {next_step}") from None
        except SnapshotError:
            raise SnapshotError(f"{name} is damaged (not JSON): {next_step}") from None
        if not isinstance(data, dict) or "format_version" not in data:
            raise SnapshotError(f"{name} is damaged (no record): {next_step}")
        known = cls.model_fields["format_version"].default
        if data["format_version"] != known:
            stated = data["format_version"]
            raise SnapshotError(f"{name} is of format {stated!r}, this version reads {known}: {next_step}")
        stated = data.pop(cls.checked, None)
        # Over what the file says, not over the model: a field that a later version of this format adds has its default here.
        found = _digest(data, cls.undigested)
        try:
            record = cls.model_validate(data)
        except ValidationError as error:
            # The key only: a value could be anything.
            key = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
            raise SnapshotError(f"{name} is damaged (at '{key}'): {next_step}") from None
        if stated != found:
            raise SnapshotError(f"{name} is damaged (its digest does not match): {next_step}")
        return record


def _digest(data: dict[str, Any], without: frozenset[str]) -> str:
    return hashlib.sha256(canonical({key: value for key, value in data.items() if key not in without})).hexdigest()


def canonical(data: Any) -> bytes:
    """Return the one JSON form of `data`: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
