"""The digest of a corpus: independent of order, files and batches, and kept up to date by what is added and removed.

Every row is hashed to a vector of 1,024 numbers of 16 bits; the corpus is the sum of its rows' vectors, each component modulo
2**16. Adding a row adds its vector, removing it subtracts, so a release costs what it changes, not what the corpus holds; and the
sum does not see order. This is LtHash (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", Eurocrypt 1997; the
parameters of Lewi, Kim, Maykov and Weis, "Securing Update Propagation with Homomorphic Hashing", 2019, who give it more than
200 bits of security). A plain sum of 256-bit digests modulo 2**256 would be cheaper but sound against accidents only: Wagner's
generalised birthday attack ("A Generalized Birthday Problem", Crypto 2002) finds two sets with one sum in about 2**32 steps, and
a corpus is fed by strangers. The row's hash is SHAKE-128, an extendable output of 128 bits of security (FIPS 202).
"""

from __future__ import annotations

import base64
import hashlib
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ContractViolation

DIGESTED = (
    "document_id",
    "published_digest",
    "language",
    "source",
    "source_kind",
    "uri",
    "license",
    "quality_score",
)
"""Columns of a published document that the digest covers. Text is in it by its own sha256. Batch and lineage are not: the same
documents are the same corpus whichever batches, files and places in them brought them."""

_WIDTH = 1_024
_CHUNK = 2_048


class CorpusDigest:
    """The running digest: a sum of row vectors and a count."""

    def __init__(self, state: npt.NDArray[np.uint16] | None = None, rows: int = 0) -> None:
        self.state = np.zeros(_WIDTH, np.uint16) if state is None else state.copy()
        self.rows = rows

    @classmethod
    def from_text(cls, text: str, rows: int) -> Self:
        """Continue from the form that `to_text` gave."""
        data = base64.b64decode(text, validate=True)
        if len(data) != 2 * _WIDTH:
            raise ContractViolation(f"a digest's state has {2 * _WIDTH} bytes, not {len(data)}")
        return cls(np.frombuffer(data, "<u2").astype(np.uint16), rows)

    def to_text(self) -> str:
        """Return the state in base64; with the count it is all that is needed to continue."""
        return base64.b64encode(self.state.astype("<u2").tobytes()).decode("ascii")

    def hexdigest(self) -> str:
        """Return the digest: the sha256 of the count and the state, in hexadecimal."""
        return hashlib.sha256(self.rows.to_bytes(8, "big") + self.state.astype("<u2").tobytes()).hexdigest()

    def add(self, documents: pa.RecordBatch | pa.Table) -> None:
        """Add documents; they hold the columns of `DIGESTED`."""
        self.state += _sum(documents)
        self.rows += documents.num_rows

    def remove(self, documents: pa.RecordBatch | pa.Table) -> None:
        """Take documents away that were added before."""
        self.state -= _sum(documents)
        self.rows -= documents.num_rows


def _sum(documents: pa.RecordBatch | pa.Table) -> npt.NDArray[np.uint16]:
    """Return the sum of the rows' vectors."""
    total = np.zeros(_WIDTH, np.uint16)
    table = documents if isinstance(documents, pa.Table) else pa.Table.from_batches([documents])
    for start in range(0, table.num_rows, _CHUNK):
        rows = _encode(table.slice(start, _CHUNK)).to_pylist()
        vectors = b"".join(hashlib.shake_128(row).digest(2 * _WIDTH) for row in rows)
        total += np.frombuffer(vectors, "<u2").reshape(len(rows), _WIDTH).sum(axis=0, dtype=np.uint16)
    return total


def _encode(rows: pa.Table) -> pa.LargeBinaryArray:
    """Encode each row without ambiguity: every column as ``length:bytes,`` in its own order, null as ``-``."""
    colon, comma = (pa.scalar(sign, pa.large_string()) for sign in ":,")
    parts = []
    for name in DIGESTED:
        column = rows.column(name).combine_chunks()
        value = _number(column) if pa.types.is_floating(column.type) else column.cast(pa.large_string())
        length = pc.binary_length(value.cast(pa.large_binary())).cast(pa.large_string())
        parts.append(pc.fill_null(pc.binary_join_element_wise(length, value, colon), "-"))
    return pc.binary_join_element_wise(*parts, comma).cast(pa.large_binary())


def _number(column: pa.Array) -> pa.Array:
    """Return a float column as the decimal form of its 32 bits, so that no formatting can differ; -0 is 0, NaN is refused."""
    values = column.cast(pa.float32())
    bare = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False) + np.float32(0)
    if np.isnan(bare).any():
        raise ContractViolation("a published number is NaN: a figure that was not measured is null")
    return pa.array(bare.view(np.int32), mask=pc.is_null(values).to_numpy(zero_copy_only=False)).cast(pa.large_string())
