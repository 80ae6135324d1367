"""One file a derivation; the name of the file is the name of the derivation."""
