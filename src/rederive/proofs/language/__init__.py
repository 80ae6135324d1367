"""The language of derivations: statements, notation, and how they print."""
