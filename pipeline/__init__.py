"""Sluice: raw text becomes a training corpus that can answer for itself."""

__version__ = "0.1.0"

__all__ = ["__version__"]
