"""What can be known before the first minute of training: whether its files can be written, and its network fits.

Whatever else runs on the machine may still take the room or the memory later; training then says so
(`rederive.training.job`).
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rederive.errors import UserError
from rederive.training.cost import Cost

LONGEST_NAME = 255  # bytes, of a file on every common file system
DECORATION = len("..12345678.part")  # what a file is called while it is written
BYTES = 4  # of a parameter in single precision
STATES = 4  # weights, up to two moments, and the checkpoint before
ROOM = 5_000_000  # bytes for rows, status and log


def refuse_hopeless(run: str, files: Iterable[Path], cost: Cost | None) -> None:
    """Raise UserError where the `files` of a run cannot be written, or its network does not fit into memory."""
    for file in files:
        _refuse_long_name(run, file)
        _refuse_closed_folder(run, file.parent)
    if cost is None:
        return
    needed = 3 * BYTES * cost.parameters  # weights, gradients, and one layer's worth of all that is between
    memory = _memory()
    if memory is not None and needed > memory:
        raise UserError(
            f"{run}: its network has {cost.parameters:,} parameters, which need at least {needed / 1e9:,.1f} GB of "
            f"memory; this machine has {memory / 1e9:,.1f} GB. Make its layers smaller, or train on another machine."
        )
    for file in files:
        _refuse_full_disk(run, file.parent, ROOM + STATES * BYTES * cost.parameters)


def _refuse_long_name(run: str, file: Path) -> None:
    length = len(os.fsencode(file.name)) + DECORATION
    if length > LONGEST_NAME:
        raise UserError(
            f"{run}: the file {file.name[:60]}... would have a name of {length} bytes with what it is called while it "
            f"is written, {LONGEST_NAME} is the most; set training.seeds_per_job to less"
        )


def _refuse_closed_folder(run: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"{run}: nothing can be written to {folder} ({error.strerror}); nothing was trained. Make it a folder that "
            "can be written, or write elsewhere (pathvars)."
        ) from None


def _refuse_full_disk(run: str, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{run}: {folder} has {free / 1e6:,.0f} MB left, and the run needs {needed / 1e6:,.0f} MB for its "
            "checkpoints; nothing was trained. Make room and run again."
        )


def _memory() -> int | None:
    """Return the bytes of this machine's memory, where the system tells them."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
