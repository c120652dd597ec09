"""Pure functions and numba kernels: text in, values out; no Spark, no input or output."""
