"""Document ids as numbers, 16 bytes each, in the order of the ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.errors import ContractViolation

if TYPE_CHECKING:
    from collections.abc import Sequence

Words = npt.NDArray[np.uint64]

_ID_DIGITS = 32


def numbers(ids: Sequence[str]) -> Words:
    """Return ids as numbers, shape ``(n, 2)``: leading and trailing half.

    Raises
    ------
    ContractViolation
        If an id does not have 32 hexadecimal digits; it is not quoted.
    """
    try:
        data = bytes.fromhex("".join(ids))
    except ValueError:
        data = b""
    if len(data) != len(ids) * _ID_DIGITS // 2 or any(len(name) != _ID_DIGITS for name in ids):
        raise ContractViolation(
            f"a document_id does not have {_ID_DIGITS} hexadecimal digits: the index cannot hold it"
        )
    return np.frombuffer(data, ">u8").reshape(-1, 2).astype(np.uint64)


def names(high: Words, low: Words) -> list[str]:
    """Return the ids that `numbers` made numbers of."""
    text = np.column_stack([high, low]).astype(">u8").tobytes().hex()
    return [text[i : i + _ID_DIGITS] for i in range(0, len(text), _ID_DIGITS)]
