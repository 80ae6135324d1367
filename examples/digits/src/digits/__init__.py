"""The study's own code: data, models, an operation with its derivation, a figure."""
