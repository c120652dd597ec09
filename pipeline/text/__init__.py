"""Pure functions on text: text in, values out; no Spark, no files."""
