"""Mixing functions for the kernels: MurmurHash3's finalisers, every step cast.

numba promotes 32-bit arithmetic to 64 bits; without a cast at each step the upper half would leak into the shifts.
"""

from __future__ import annotations

import numpy as np

from pipeline.text.kernels import kernel

WORD_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Base of the polynomial over a word's code points, modulo 2^64: odd, the golden ratio's bits."""
SHINGLE_BASE = np.uint64(0xD6E8FEB86659FD93)
"""Base of the polynomial over a shingle's word hashes, modulo 2^64: odd, another one."""


@kernel
def mix64(value: np.uint64) -> np.uint64:
    """Return MurmurHash3's 64-bit finaliser of `value`: a bijection in which every bit depends on every bit."""
    value = np.uint64(value ^ (value >> np.uint64(33)))
    value = np.uint64(value * np.uint64(0xFF51AFD7ED558CCD))
    value = np.uint64(value ^ (value >> np.uint64(33)))
    value = np.uint64(value * np.uint64(0xC4CEB9FE1A85EC53))
    return np.uint64(value ^ (value >> np.uint64(33)))


@kernel
def mix32(value: np.uint32) -> np.uint32:
    """Return MurmurHash3's 32-bit finaliser of `value`, the pre-mix of datasketch's scheme `affine32`."""
    value = np.uint32(value ^ (value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ (value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))
