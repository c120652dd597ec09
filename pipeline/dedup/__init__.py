"""Exact and near-duplicates, one file a step of the algorithm: similarity nominates, comparison decides."""
