"""Faults, each armed in the process that it befalls.

A moment is one in the life of a file: its content is written and not yet on the disk, it is on the disk and has not yet
its name, or it has its name.
"""

import errno
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Act = Callable[[], None]
Wanted = Callable[[str], bool]

DAY = 86_400.0
ROOM = 1 << 18  # bytes of memory that a process gets besides what it has


class Fault(NamedTuple):
    """A fault: its kind, the moment, and what arms it, given the study's folder and which files it waits for."""

    kind: str
    moment: str
    arm: Callable[[Path, Wanted], None]


def _at(moment: str, wanted: Wanted, act: Act, nth: int = 1) -> None:
    """Let `act` happen at a moment of the nth of the wanted files."""
    fsync, replace = os.fsync, Path.replace
    seen = 0

    def now(path: str, here: str) -> None:
        nonlocal seen
        if here == moment and wanted(path):
            seen += 1
            if seen == nth:
                act()

    def told_fsync(descriptor: int) -> None:
        now(os.readlink(f"/proc/self/fd/{descriptor}"), "written")
        fsync(descriptor)

    def told_replace(self: Path, target: Any) -> Path:
        now(str(target), "synced")
        found = replace(self, target)
        now(str(target), "named")
        return found

    os.fsync, Path.replace = told_fsync, told_replace  # type: ignore[method-assign,assignment]


def _signalled(number: signal.Signals, moment: str) -> Fault:
    return Fault(number.name, moment, lambda folder, wanted: _at(moment, wanted, lambda: os.kill(os.getpid(), number)))


def _power_cut(moment: str) -> Fault:
    """The power fails: of what was written since, files keep what fsync wrote, and are empty without it."""

    def arm(folder: Path, wanted: Wanted) -> None:
        before = {path.stat().st_ino: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
        synced: dict[int, int] = {}
        fsync = os.fsync

        def remembered(descriptor: int) -> None:
            fsync(descriptor)
            synced[os.fstat(descriptor).st_ino] = os.fstat(descriptor).st_mtime_ns

        def cut() -> None:
            for path in (path for path in folder.rglob("*") if path.is_file()):
                found = path.stat()
                if found.st_mtime_ns not in (before.get(found.st_ino), synced.get(found.st_ino)):
                    os.truncate(path, 0)
            os.kill(os.getpid(), signal.SIGKILL)

        os.fsync = remembered  # type: ignore[assignment]
        _at(moment, wanted, cut)

    return Fault("power cut", moment, arm)


def _full(number: int, nth: int) -> Fault:
    """The disk is full when a file is to be kept."""

    def arm(folder: Path, wanted: Wanted) -> None:
        def refuse() -> None:
            raise OSError(number, os.strerror(number))

        _at("written", wanted, refuse, nth)

    return Fault("full disk", f"file {nth}", arm)


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def lift_limits() -> None:
    """Take away what a fault has limited."""
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_AS):
        _limit(what, resource.getrlimit(what)[1])


def _limited(folder: Path, wanted: Wanted) -> None:
    """Let no file be longer than a few bytes: the kernel itself refuses, in the middle of a write."""
    _limit(resource.RLIMIT_FSIZE, 40)


def _refused_memory(folder: Path, wanted: Wanted) -> None:
    make = tempfile.mkstemp

    def refuse(*arguments: Any, **more: Any) -> Any:
        if wanted(str(more.get("prefix", ""))):
            raise MemoryError
        return make(*arguments, **more)

    tempfile.mkstemp = refuse


def _little_memory(folder: Path, wanted: Wanted) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _limit(resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") + ROOM)


def _clock_back(folder: Path, wanted: Wanted) -> None:
    """Set the clock back by a day: for the process, and for the times of the files that it makes."""
    now, replace = time.time, Path.replace
    time.time = lambda: now() - DAY

    def aged(self: Path, target: Any) -> Path:
        found = replace(self, target)
        os.utime(target, (time.time(), time.time()))
        return found

    Path.replace = aged  # type: ignore[method-assign,assignment]


FAULTS = (
    *(_signalled(signal.SIGKILL, moment) for moment in ("written", "synced", "named")),
    *(_signalled(signal.SIGTERM, moment) for moment in ("written", "named")),
    *(_power_cut(moment) for moment in ("synced", "named")),
    _full(errno.ENOSPC, 1),
    _full(errno.ENOSPC, 2),
    Fault("full disk", "in a write", _limited),
    Fault("out of memory", "refused", _refused_memory),
    Fault("out of memory", "limited", _little_memory),
    Fault("clock set back", "a day", _clock_back),
)
