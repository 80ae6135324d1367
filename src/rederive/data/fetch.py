"""Get official files: from mirrors, else as their own downloader does; only checked files get their names."""

import gzip
import http.client
import io
import os
import socket
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path

from rederive import files, progress
from rederive.data.official import OfficialFile, OfficialFiles
from rederive.errors import UserError
from rederive.imports import load

MIRROR_VARIABLE = "REDERIVE_DATA_MIRROR"
ANSWER_SECONDS = 6.0  # how long hosts have to answer at all; without a network the error comes after this time
STALL_SECONDS = 30.0  # how long a transfer under way may stand still
BLOCK = 1 << 20
UNREADABLE = (OSError, EOFError, zlib.error, http.client.HTTPException)


def fetch(title: str, official: OfficialFiles, directory: str | Path, mirrors: Sequence[str] = ()) -> None:
    """Put the official files of the data set `title` below `directory`.

    Files that are there and right stay. The others are looked for, in this order: packed in `directory` itself, in each
    of `mirrors`, in $REDERIVE_DATA_MIRROR (folders or http addresses, with packed or unpacked files), at the addresses
    of their own downloader. Nothing gets its final name before its SHA-256 matched.

    Raises UserError, naming everything that was tried, when a file could not be had.
    """
    root = Path(directory)
    missing = [file for file in official.files if not _is_whole(official.path(root, file), file)]
    environment = os.environ.get(MIRROR_VARIABLE)
    places = [str(root), *mirrors, *([environment] if environment else [])]
    silent: dict[str, str] | None = None
    tried: list[str] = []
    for place in places:
        if not missing:
            return
        if _is_address(place):
            if silent is None:
                silent = _silent([*filter(_is_address, places), *official.addresses])
            if place in silent:
                tried.append(f"{place}: {silent[place]}")
                continue
        missing = _take(place, official, missing, root, tried)
    if missing:
        if silent is None:
            silent = _silent(official.addresses)
        missing = _download(official, missing, root, silent, tried)
    if missing:
        raise UserError(_way_out(title, official, missing, root, tried))


def _is_whole(path: Path, file: OfficialFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and files.sha256(path) == file.sha256


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


# --- one place ------------------------------------------------------------------------------------------------


def _take(
    place: str, official: OfficialFiles, wanted: list[OfficialFile], root: Path, tried: list[str]
) -> list[OfficialFile]:
    """Move what `place` has of `wanted` below `root`; note in `tried` why not; return what is still missing."""
    try:
        members = _archive_members(place, official, wanted)
    except (*UNREADABLE, tarfile.TarError) as error:
        tried.append(f"{place}: {official.archive}: {error}")
        members = {}
    missing, absent = [], []
    for file in wanted:
        try:
            content = members[file.name] if file.name in members else _single_file(place, official, file)
        except UNREADABLE as error:
            tried.append(f"{place}: {file.name}: {error}")
            missing.append(file)
            continue
        if content is None:
            absent.append(file.name)
            missing.append(file)
        elif problem := file.mismatch(content):
            tried.append(f"{place}: {problem}")
            missing.append(file)
        else:
            _put(official.path(root, file), content)
    if absent:
        tried.append(f"{place}: no {', '.join(absent)}, packed or unpacked")
    return missing


def _put(path: Path, content: bytes) -> None:
    try:
        files.write_bytes(path, content)
    except OSError as error:
        raise UserError(
            f"{path}: could not be written ({error.strerror}). Make room, or name another folder."
        ) from error


def _single_file(place: str, official: OfficialFiles, file: OfficialFile) -> bytes | None:
    for name in (f"{official.folder}/{file.name}", file.name):
        content = _read(place, name)
        if content is not None and file.mismatch(content) is None:
            return content
        packed = _read(place, f"{name}.gz")
        if packed is not None:
            # One byte more than is right shows that a file is too long; a bomb is not unpacked further.
            return gzip.GzipFile(fileobj=io.BytesIO(packed)).read(file.size + 1)
        if content is not None:
            return content
    return None


def _archive_members(place: str, official: OfficialFiles, wanted: list[OfficialFile]) -> dict[str, bytes]:
    """Return the contents of the `wanted` files which the tar file at `place` holds."""
    if official.archive is None:
        return {}
    packed = None
    if _read(place, f"{official.folder}/{wanted[0].name}", peek=True) is None:
        packed = _read(place, official.archive)
    if packed is None:
        return {}
    sizes = {f"{official.folder}/{file.name}": file for file in wanted}
    members = {}
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.name in sizes else None
            if stream is not None:
                file = sizes[member.name]
                members[file.name] = stream.read(file.size + 1)
    return members


def _read(place: str, name: str, peek: bool = False) -> bytes | None:
    """Return the file `name` at `place`, or with `peek` its first byte; None where there is no such file."""
    if not _is_address(place):
        path = Path(place).expanduser() / name
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return stream.read(1 if peek else -1)
    address = f"{place.rstrip('/')}/{name}"
    try:
        with urllib.request.urlopen(address, timeout=STALL_SECONDS) as response:
            if peek:
                return response.read(1)  # type: ignore[no-any-return]
            return _read_response(response, address)
    except urllib.error.HTTPError as error:
        if error.code in (403, 404, 410):
            return None
        raise


def _read_response(response: "urllib.request._UrlopenRet", address: str) -> bytes:
    size = int(response.headers.get("Content-Length") or 0)
    content = bytearray()
    with progress.transfer(address, size) as advance:
        while block := response.read(BLOCK):
            content += block
            advance(len(block))
    if size and len(content) != size:
        raise OSError(f"the transfer ended after {len(content):,} of {size:,} bytes")
    return bytes(content)


# --- the network ----------------------------------------------------------------------------------------------


def _silent(addresses: Sequence[str]) -> dict[str, str]:
    """Ask all of `addresses` at once; return those that do not answer within ANSWER_SECONDS, and why."""
    answers: dict[str, str | None] = {}

    def ask(address: str) -> None:
        request = urllib.request.Request(address, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=ANSWER_SECONDS).close()
        except urllib.error.HTTPError as error:
            # A mirror need not have a page at its root, but what else bars the way (a proxy, say) is no answer.
            answers[address] = None if error.code in (403, 404, 405, 501) else f"HTTP error {error.code} {error.reason}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            answers[address] = str(getattr(error, "reason", error))
        else:
            answers[address] = None

    # Threads of our own: looking up a name can hang for longer than any timeout, and must not hold up the exit.
    threads = [threading.Thread(target=ask, args=(address,), daemon=True) for address in addresses]
    deadline = time.monotonic() + ANSWER_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    outcomes = {address: answers.get(address, f"no answer within {ANSWER_SECONDS:g} s") for address in addresses}
    return {address: reason for address, reason in outcomes.items() if reason is not None}


def _download(
    official: OfficialFiles, wanted: list[OfficialFile], root: Path, silent: dict[str, str], tried: list[str]
) -> list[OfficialFile]:
    """Let their own downloader get all files; then take `wanted` from what it got."""
    tried.extend(f"{address}: {silent[address]}" for address in official.addresses if address in silent)
    if all(address in silent for address in official.addresses):
        return wanted
    download = load(official.download)  # slow to import, and rarely needed
    root.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        with tempfile.TemporaryDirectory(dir=root, prefix=".download.") as temporary:
            try:
                download(temporary, download=True)
            except (OSError, RuntimeError) as error:
                tried.append(f"{official.download}: {error}")
                return wanted
            return _take(temporary, official, wanted, root, tried)
    finally:
        socket.setdefaulttimeout(before)


def _way_out(title: str, official: OfficialFiles, missing: list[OfficialFile], root: Path, tried: list[str]) -> str:
    paths = "\n".join(f"       {official.path(root, file)}" for file in missing)
    attempts = "\n".join(f"  {line}" for line in tried)
    packed = official.archive or f"{official.files[0].name}.gz and so on"
    return (
        f"{title}: {len(missing)} of {len(official.files)} official files could not be had. Tried:\n"
        f"{attempts}\n"
        "Three ways out:\n"
        f"  1. Name a mirror (a folder or an http address with the files, packed or not, laid out as below):\n"
        f"     data.mirrors in config.yaml, or the environment variable {MIRROR_VARIABLE}.\n"
        f"  2. Put the files in place by hand (or packed, {packed}, in {root}):\n{paths}\n"
        "  3. Build the write-up on generated stand-in data, which needs no files: make demo"
    )
