"""The one exception that a user can cause and mend."""


class UserError(Exception):
    """Something outside the program is wrong: an input, a file, a setting, a missing tool.

    The command line prints the message alone, without a traceback, and exits with 1. The message says which file or
    key, what was found, what was expected, and what to do.
    """
