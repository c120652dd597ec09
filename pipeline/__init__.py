"""Sluice: raw text becomes a training corpus that can answer for itself."""

__version__ = "0.1.0"
