"""The study has no code of its own."""
