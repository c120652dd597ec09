"""Arrow string arrays as the NumPy arrays that the kernels read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class StringBuffers(NamedTuple):
    """The UTF-8 bytes of `n` strings: string `i` is ``data[offsets[i]:offsets[i + 1]]``."""

    data: npt.NDArray[np.uint8]
    """All bytes; those outside the offsets belong to other rows of the buffer (slices are not copied)."""
    offsets: npt.NDArray[np.int64]
    """Shape ``(n + 1,)``, never falling; the first need not be 0."""


def string_buffers(array: pa.Array | pa.ChunkedArray) -> StringBuffers:
    """Return the buffers of a string array, without a copy where it has neither nulls nor several chunks.

    A null is an empty string. Slices, `string`, `large_string`, string views and dictionaries of strings are understood.

    Raises
    ------
    TypeError
        If the array does not hold strings.

    >>> data, offsets = string_buffers(pa.array(["ab", None, "c"]).slice(1))
    >>> [bytes(data[i:j]) for i, j in zip(offsets[:-1], offsets[1:])]
    [b'', b'c']
    """
    if isinstance(array, pa.ChunkedArray):
        # 32-bit offsets cannot span more than 2 GB, so several chunks are joined with 64-bit ones.
        array = pa.concat_arrays([_plain(chunk, pa.large_string()) for chunk in array.chunks] or [_NO_STRINGS])
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        array = _plain(array, pa.large_string())
    if array.null_count:
        array = pc.fill_null(array, "")  # a null slot may span bytes, so a look at the offsets is not enough
    if not len(array):
        return StringBuffers(np.empty(0, np.uint8), np.zeros(1, np.int64))
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, width)[array.offset : array.offset + len(array) + 1]
    data = np.empty(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    return StringBuffers(data, offsets.astype(np.int64))


_NO_STRINGS = pa.array([], pa.large_string())


def _plain(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the array as plain strings of type `kind`."""
    value = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (
        pa.types.is_string(value)
        or pa.types.is_large_string(value)
        or pa.types.is_string_view(value)
        or pa.types.is_null(value)
    ):
        raise TypeError(f"expected an array of strings, not of {array.type}")
    return pc.cast(array, kind)


def one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
