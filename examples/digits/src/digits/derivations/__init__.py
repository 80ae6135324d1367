"""Derivations that are proved, a module each."""
