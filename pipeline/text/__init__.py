"""Text in, values out: pure functions and compiled kernels; no Spark, no files."""
