"""`python -m rederive.cli` is the command `rederive`."""

from rederive.cli import main

main()
