"""`python -m rederive` is the command `rederive`."""

from rederive.cli import main

if __name__ == "__main__":
    main()
