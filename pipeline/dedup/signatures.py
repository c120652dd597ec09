"""Band hashes: what two documents must share to be compared, and what the published index holds of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.hashing import SHINGLE_BASE, mix64
from pipeline.text.kernels import kernel
from pipeline.text.minhash import signatures

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.dedup.plan import Plan
    from pipeline.text.shingling import Shingling


class Bands(NamedTuple):
    """Band hashes of `n` documents."""

    hashes: npt.NDArray[np.int64]
    """Shape ``(n, bands)``. A band's number is part of its hash, so that one flat index can hold all bands."""
    usable: npt.NDArray[np.bool_]
    """Shape ``(n,)``; false for a document without words, which is nobody's candidate (its hashes are 0)."""


def band_hashes(texts: pa.Array, plan: Plan, shingling: Shingling, seed: int) -> Bands:
    """Return the band hashes of each text. A row's result depends on its text alone, so any split into batches gives the same."""
    signed = signatures(texts, plan.permutations, shingling, seed)
    usable = signed.shingles > 0
    return Bands(_hash_bands(signed.values, usable, plan.bands, plan.rows), usable)


@kernel
def _hash_bands(
    values: npt.NDArray[np.uint32], usable: npt.NDArray[np.bool_], bands: int, rows: int
) -> npt.NDArray[np.int64]:
    """Hash each band of each signature to 64 bits."""
    out = np.zeros((len(values), bands), np.int64)
    for i in range(len(values)):
        if not usable[i]:
            continue
        for band in range(bands):
            value = np.uint64(band + 1)
            for row in range(rows):
                value = mix64(np.uint64(value * SHINGLE_BASE + np.uint64(values[i, band * rows + row])))
            out[i, band] = np.int64(value)
    return out
