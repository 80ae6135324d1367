"""`python -m rederive` is the command `rederive`."""

from rederive.cli import main

main()
