"""Benchmark slices: what the corpus must not contain, and what it must cover."""
