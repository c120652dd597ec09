"""Benchmark slices: their items, what of them is found in a text, and how well a batch covers them."""
