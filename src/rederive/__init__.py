"""Rebuild a deep-learning write-up end to end: proofs, training, conclusions, report."""

__version__ = "0.1.0"
