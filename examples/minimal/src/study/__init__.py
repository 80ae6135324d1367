"""The study's own code."""
