"""Get official files: from mirrors, else as their own downloader does; only checked files get their names."""

import gzip
import io
import lzma
import os
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from rederive import files
from rederive.data import download
from rederive.data.download import STALL_SECONDS, UnreachableError
from rederive.data.official import OfficialFile, OfficialFiles
from rederive.errors import UserError, of_system
from rederive.imports import load

MIRROR_VARIABLE = "REDERIVE_DATA_MIRROR"
ROOM = 1 << 20  # what a packed file may have more than what is in it
# What an answer or a file that is not what it should be can lead to; none of it keeps the next mirror from being asked.
UNREADABLE = (OSError, EOFError, ValueError, OverflowError, RuntimeError, zlib.error, lzma.LZMAError, tarfile.TarError)


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
        if "://" in place and not _is_address(place):
            tried.append(f"{place}: found another scheme, expected http or https, or a folder")
            continue
        if _is_address(place):
            if silent is None:
                silent = download.silent([*filter(_is_address, places), *official.addresses])
            if place in silent:
                tried.append(f"{place}: {silent[place]}")
                continue
        missing = _take(place, official, missing, root, tried)
    if missing:
        if silent is None:
            silent = download.silent(official.addresses)
        missing = _download(official, missing, root, silent, tried)
    if missing:
        raise UserError(_way_out(title, official, missing, root, tried))


def _is_whole(path: Path, file: OfficialFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and files.sha256(path) == file.sha256


def _is_address(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


# --- one place ------------------------------------------------------------------------------------------------


def _take(
    place: str, official: OfficialFiles, wanted: list[OfficialFile], root: Path, tried: list[str]
) -> list[OfficialFile]:
    """Move what `place` has of `wanted` below `root`; note in `tried` why not; return what is still missing."""
    try:
        members = _archive_members(place, official, wanted)
    except UnreachableError as error:
        tried.append(f"{place}: {error}")
        return wanted
    except UNREADABLE as error:
        tried.append(f"{place}: {official.archive}: {_reason(error)}")
        members = {}
    missing: list[OfficialFile] = []
    absent: list[str] = []
    for file in wanted:
        try:
            content = members[file.name] if file.name in members else _single_file(place, official, file)
        except UnreachableError as error:
            tried.append(f"{place}: {file.name}: {error}")
            return [*missing, *wanted[wanted.index(file) :]]
        except UNREADABLE as error:
            tried.append(f"{place}: {file.name}: {_reason(error)}")
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


def _reason(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())[:200] or "cannot be read"


def _put(path: Path, content: bytes) -> None:
    try:
        files.write_bytes(path, content)
    except OSError as error:
        raise UserError(
            f"{path}: could not be written ({error.strerror}). Make room, or name another folder."
        ) from error


def _single_file(place: str, official: OfficialFiles, file: OfficialFile) -> bytes | None:
    for name in (f"{official.folder}/{file.name}", file.name):
        content = _read(place, name, file.size)
        if content is not None and file.mismatch(content) is None:
            return content
        packed = _read(place, f"{name}.gz", file.size)
        if packed is not None:
            # One byte more than is right shows that a file is too long; a bomb is not unpacked further.
            return gzip.GzipFile(fileobj=io.BytesIO(packed)).read(file.size + 1)
        if content is not None:
            return content
    return None


def _archive_members(place: str, official: OfficialFiles, wanted: list[OfficialFile]) -> dict[str, bytes]:
    """Return the contents of the `wanted` files which the tar file at `place` holds; links are not followed."""
    if official.archive is None or _is_there(place, f"{official.folder}/{wanted[0].name}"):
        return {}
    largest = sum(file.size for file in official.files)
    packed = _read(place, official.archive, largest)
    if packed is None:
        return {}
    sizes = {f"{official.folder}/{file.name}": file for file in wanted}
    members: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
        for member in archive:
            if member.offset_data + member.size > largest + ROOM:
                raise ValueError(f"unpacked it has more than the {largest:,} bytes that are right")
            stream = archive.extractfile(member) if member.name in sizes and member.isfile() else None
            if stream is not None:
                file = sizes[member.name]
                members[file.name] = stream.read(file.size + 1)
    return members


def _is_there(place: str, name: str) -> bool:
    if _is_address(place):
        return download.is_there(f"{place.rstrip('/')}/{name}")
    return (_folder(place) / name).is_file()


def _folder(place: str) -> Path:
    """Return the folder that a mirror names. The home of somebody unknown stands as it is, and is found nowhere."""
    return Path(os.path.expanduser(place))  # Path.expanduser would raise RuntimeError


def _read(place: str, name: str, size: int) -> bytes | None:
    """Return the file `name` at `place`, which has about so many bytes; None where there is no such file."""
    if _is_address(place):
        return download.get(f"{place.rstrip('/')}/{name}", size + ROOM)
    path = _folder(place) / name
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return stream.read(size + ROOM)


# --- the network ----------------------------------------------------------------------------------------------


def _download(
    official: OfficialFiles, wanted: list[OfficialFile], root: Path, silent: dict[str, str], tried: list[str]
) -> list[OfficialFile]:
    """Let their own downloader get all files; then take `wanted` from what it got."""
    tried.extend(f"{address}: {silent[address]}" for address in official.addresses if address in silent)
    if all(address in silent for address in official.addresses):
        return wanted
    own_downloader = load(official.download)  # slow to import, and rarely needed
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    seconds = download.GRACE_SECONDS + sum(file.size for file in official.files) / download.SLOWEST
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".download.", ignore_cleanup_errors=True) as temporary:
            try:
                download.within(seconds, lambda: own_downloader(temporary, download=True))
            except TimeoutError:
                tried.append(f"{official.download}: no end after {seconds:.0f} s")
                return wanted
            except Exception as error:  # of other people's code, on what other people's servers sent
                tried.append(f"{official.download}: {_reason(error)}")
                return wanted
            return _take(temporary, official, wanted, root, tried)
    except OSError as error:
        raise of_system(error) from None
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
