"""The one exception that a user can cause and mend."""

import errno
import os


class UserError(Exception):
    """Something outside the program is wrong: an input, a file, a setting, a missing tool.

    The command line prints the message alone, without a traceback, and exits with 1. The message says which file or
    key, what was found, what was expected, and what to do.
    """


_WAYS_OUT = {
    errno.ENOENT: "is not there; name another file, or run the step that writes it",
    errno.EISDIR: "is a folder, and a file is expected",
    errno.ENOTDIR: "is a file, and a folder is expected, or lies below one",
    errno.EEXIST: "is a file, and a folder is expected, or lies below one",
    errno.ENOSPC: "could not be written, the disk is full; make room and run again",
    errno.EDQUOT: "could not be written, the quota is used up; make room and run again",
    errno.EFBIG: "could not be written, it is larger than is allowed here (ulimit -f)",
    errno.EROFS: "could not be written, the file system can only be read; write elsewhere (pathvars)",
    errno.EACCES: "may not be used; give yourself the right to it, or write elsewhere (pathvars)",
    errno.EPERM: "may not be used; give yourself the right to it, or write elsewhere (pathvars)",
    errno.ENAMETOOLONG: "has too long a name for this file system",
    errno.ENOMEM: "could not be used, memory is full; free some, or set what is asked for to less",
    errno.ELOOP: "is a link that leads back to itself",
    errno.EMFILE: "could not be opened, too many files are open (ulimit -n)",
}


def of_system(error: OSError) -> UserError:
    """Return what the operating system refused as an error that says which file, what was found and what to do."""
    name = error.filename if error.filename is not None else "standard output"
    way_out = _WAYS_OUT.get(error.errno or 0, "could not be used")
    return UserError(f"{os.fsdecode(name) if isinstance(name, bytes) else name}: {way_out} ({error.strerror or error})")
