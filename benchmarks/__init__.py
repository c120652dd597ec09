"""Throughput and quality, ours and peers'."""
