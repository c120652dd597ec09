"""Bias: whom the texts speak of, and whose texts the stages keep."""
