"""Texts without some of their bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.text.arrow import string_buffers
from pipeline.text.kernels import kernel


def without(texts: pa.Array, cuts: pa.Array) -> pa.Array:
    """Return texts without the given bytes; nulls stay null, and a text without cuts stays as it is.

    Parameters
    ----------
    texts
        Strings, large or not.
    cuts
        For each text a list of integers: start and end of each stretch of bytes, ascending, at boundaries of characters; or null.
    """
    data, offsets = string_buffers(texts)
    lists = cuts.cast(pa.large_list(pa.int64()))
    # A null list may have values behind it; `flatten` leaves them out, so its own offsets are made of the lengths.
    lengths = np.array(
        [0 if item is None else item for item in pa.compute.list_value_length(lists).to_pylist()], np.int64
    )
    places = np.concatenate([[0], np.cumsum(lengths)])
    kept, ends = _without(data, offsets, lists.flatten().to_numpy(), places)
    found = pa.Array.from_buffers(pa.large_string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(kept)])
    if texts.null_count:
        found = pa.compute.if_else(texts.is_valid(), found, pa.scalar(None, pa.large_string()))
    return found.cast(texts.type)


@kernel
def _without(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    cuts: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Copy what lies between the cuts."""
    texts = len(offsets) - 1
    out = np.empty(offsets[texts] - offsets[0], np.uint8)
    ends = np.zeros(texts + 1, np.int64)
    written = 0
    for i in range(texts):
        position, end = offsets[i], offsets[i + 1]
        for place in range(places[i], places[i + 1], 2):
            # Whatever a damaged file says, nothing outside the text is read.
            start = min(max(offsets[i] + cuts[place], position), end)
            for j in range(position, start):
                out[written] = data[j]
                written += 1
            position = min(max(offsets[i] + cuts[place + 1], start), end)
        for j in range(position, end):
            out[written] = data[j]
            written += 1
        ends[i + 1] = written
    return out[:written], ends
