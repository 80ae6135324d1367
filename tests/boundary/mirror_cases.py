"""What mirrors can hold and answer: folders, tar files, pickles, HTTP."""

import gzip
import hashlib
import io
import pickle
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from tests.boundary.case import Case, call

from rederive.data import download
from rederive.data.official import OfficialFile, OfficialFiles

AREA = "mirrors, tar, pickle, http"
NAMES = ("images", "labels")
IMPATIENT = {"ANSWER_SECONDS": 1.0, "STALL_SECONDS": 1.0, "GRACE_SECONDS": 2.0}
NOWHERE = "http://127.0.0.1:9/nothing-listens-here"


def content(name: str) -> bytes:
    """Return what is in a file."""
    return name.encode() * 1000


FILES = OfficialFiles(
    folder="raw",
    files=tuple(OfficialFile(name, len(content(name)), hashlib.sha256(content(name)).hexdigest()) for name in NAMES),
    archive="all.tar.gz",
    download="writeup.mnist:nothing",
    addresses=(NOWHERE,),
    prepared="0" * 64,
)


def _loose(folder: Path, edit: Callable[[bytes], bytes] = bytes, suffix: str = "") -> None:
    for name in NAMES:
        path = folder / "raw" / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(edit(content(name)))


def _tar(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    with tarfile.open(folder / "all.tar.gz", "w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"raw/{name}")
    member.type, member.linkname = kind, link
    return member


def _whole(folder: Path) -> None:
    _tar(folder, *((_member(name), content(name)) for name in NAMES))


def _linked(kind: bytes, *targets: str) -> Callable[[Path], None]:
    return lambda folder: _tar(
        folder, *((_member(name, kind, target), b"") for name, target in zip(NAMES, targets, strict=True))
    )


def _cut(folder: Path) -> None:
    _whole(folder)
    packed = (folder / "all.tar.gz").read_bytes()
    (folder / "all.tar.gz").write_bytes(packed[: len(packed) // 2])


def _bomb(folder: Path) -> None:
    _tar(folder, (_member("more"), b"\0" * 50_000_000))


class _Bomb:
    """Unpickled, it would leave a file."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (Path("unpickled"),)


def _folders_for_files(folder: Path) -> None:
    for name in NAMES:
        (folder / "raw" / name).mkdir(parents=True)


# What a folder holds, what the message says of it. A mirror after it has the files: it must be asked.
FOLDERS: list[tuple[str, Callable[[Path], Any], tuple[str, ...]]] = [
    ("loose files", _loose, ()),
    ("packed files", lambda folder: _loose(folder, gzip.compress, ".gz"), ()),
    ("a tar file", _whole, ()),
    ("nothing", lambda folder: None, ("no images, labels, packed or unpacked",)),
    ("a file too short", lambda folder: _loose(folder, lambda data: data[:-1]), ("bytes instead of 6,000",)),
    ("a file too long", lambda folder: _loose(folder, lambda data: data + b"?"), ("bytes instead of 6,000",)),
    ("a byte changed", lambda folder: _loose(folder, lambda data: data[:-1] + b"?"), ("SHA-256",)),
    ("empty files", lambda folder: _loose(folder, lambda data: b""), ("has 0 bytes",)),
    ("folders for files", _folders_for_files, ("no images",)),
    ("packed: no gzip", lambda folder: _loose(folder, bytes, ".gz"), ("images: Not a gzipped file",)),
    ("packed: cut", lambda folder: _loose(folder, lambda d: gzip.compress(d)[:-9], ".gz"), ("images: ",)),
    ("packed: a bomb", lambda folder: _loose(folder, lambda d: gzip.compress(b"\0" * 10**7), ".gz"), ("instead of",)),
    (
        "packed: a bad checksum",
        lambda f: _loose(f, lambda d: gzip.compress(d)[:-8] + b"12345678", ".gz"),
        ("images: ",),
    ),
    ("tar: cut", _cut, ("all.tar.gz: ",)),
    ("tar: empty", lambda folder: (folder / "all.tar.gz").write_bytes(b""), ("all.tar.gz: ",)),
    ("tar: a text", lambda folder: (folder / "all.tar.gz").write_bytes(b"not here"), ("all.tar.gz: ",)),
    ("tar: zeros", lambda folder: (folder / "all.tar.gz").write_bytes(bytes(10240)), ("no images",)),
    ("tar: a folder", lambda folder: (folder / "all.tar.gz").mkdir(), ("no images",)),
    ("tar: links to nowhere", _linked(tarfile.SYMTYPE, "raw/gone", "raw/gone"), ("no images",)),
    ("tar: links in a circle", _linked(tarfile.SYMTYPE, "labels", "images"), ("no images",)),
    ("tar: hard links in a circle", _linked(tarfile.LNKTYPE, "raw/labels", "raw/images"), ("no images",)),
    ("tar: links out of it", _linked(tarfile.SYMTYPE, "../../../etc/passwd", "/etc/passwd"), ("no images",)),
    ("tar: devices", _linked(tarfile.CHRTYPE, "", ""), ("no images",)),
    ("tar: folders", _linked(tarfile.DIRTYPE, "", ""), ("no images",)),
    ("tar: paths out of it", lambda f: _tar(f, (_member("../../images"), content("images"))), ("no images",)),
    ("tar: a bomb", _bomb, ("all.tar.gz: ", "more than the 12,000 bytes")),
    ("tar: other contents", lambda f: _tar(f, *((_member(n), b"other") for n in NAMES)), ("has 5 bytes",)),
    ("pickles that run code", lambda f: _loose(f, lambda data: pickle.dumps(_Bomb())), ("instead of 6,000",)),
]


@dataclass
class Answers:
    """How a server answers; everything is one response to any GET."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Callable[[Callable[[bytes], Any]], None] = lambda write: None


def _slowly(write: Callable[[bytes], Any]) -> None:
    for _ in range(600):
        write(b"?")
        time.sleep(0.1)


def _endlessly(write: Callable[[bytes], Any]) -> None:
    for _ in range(2000):
        write(b"?" * 1_000_000)


def _never(write: Callable[[bytes], Any]) -> None:
    time.sleep(60)


HTTP: list[tuple[str, Answers, tuple[str, ...]]] = [
    ("not found", Answers(404), ("no images",)),
    ("forbidden", Answers(403), ("no images",)),
    ("an error of the server", Answers(500), ("HTTP error 500",)),
    ("too many requests", Answers(429), ("HTTP error 429",)),
    ("a redirection to itself", Answers(302, {"Location": "/"}), ("redirect",)),
    ("a redirection to a file", Answers(302, {"Location": "file:///etc/passwd"}), ("images: ", "file:///etc/passwd")),
    ("a redirection to nowhere", Answers(302, {"Location": NOWHERE}), ("Connection refused",)),
    ("a length that is no number", Answers(200, {"Content-Length": "abc"}, lambda w: w(b"?")), ("images: ", "abc")),
    ("a length below zero", Answers(200, {"Content-Length": "-5"}, lambda w: w(b"?")), ("images",)),
    (
        "more than there is",
        Answers(200, {"Content-Length": "9000"}, lambda w: w(b"?")),
        ("ended before all of its 9,000",),
    ),
    ("a length of a terabyte", Answers(200, {"Content-Length": str(10**12)}), ("1,000,000,000,000 bytes or more",)),
    ("bytes without end", Answers(200, {}, _endlessly), ("are the most that is right",)),
    ("a byte now and then", Answers(200, {"Content-Length": "6000"}, _slowly), ("no end after",)),
    ("silence", Answers(200, {"Content-Length": "6000"}, _never), ("images: ", "6,000 bytes")),
    ("another page", Answers(200, {}, lambda write: write(b"<html>Log in</html>")), ("images: Not a gzipped file",)),
]

PLACES: list[tuple[str, str, tuple[str, ...]]] = [
    ("a host that is not there", "http://no.such.host.invalid", ("no.such.host.invalid",)),
    ("a port where nobody listens", NOWHERE, ("Connection refused",)),
    ("another scheme", "ftp://127.0.0.1/data", ("ftp://", "expected http or https")),
    ("no host", "http://", ("http://",)),
    ("a port that is none", "http://127.0.0.1:99999", ("99999",)),
    ("brackets", "http://[::1", ("http://[::1",)),
    ("a folder of nobody", "~nobody-has-this-name/data", ("~nobody-has-this-name",)),
    ("a file for a folder", "config.yaml", ("config.yaml", "no images")),
]


@contextmanager
def server(answers: Answers) -> Iterator[str]:
    """Serve the same answer to any question on this machine; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(answers.status)
            for name, value in answers.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # who asked has left
                answers.body(self._send)

        def _send(self, block: bytes) -> None:
            self.wfile.write(block)
            self.wfile.flush()

        def log_message(self, *arguments: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.socket.close()


def _fetch(mirror: str, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    mirrors = [part for place in (mirror, *more) for part in ("--mirror", place)]
    return ("fetch", "mnist", "--directory", "root", *mirrors)


def _placed(fill: Callable[[Path], Any]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        (folder / "mirror").mkdir()
        fill(folder / "mirror")
        _whole_mirror(folder)

    return harm


def _in_the_way(folder: Path) -> None:
    _whole_mirror(folder)
    (folder / "root").write_text("a file")


def _whole_mirror(folder: Path) -> None:
    (folder / "whole").mkdir()
    _loose(folder / "whole")


@dataclass(frozen=True)
class FetchCase(Case):
    """A case whose mirror may be a server."""

    answers: Answers | None = None
    more: tuple[str, ...] = ()

    def run(self) -> tuple[int, str]:
        """Call the command, with the server's address in its place."""
        with patch("writeup.mnist.FILES", FILES), patch.multiple(download, **cast(dict[str, Any], IMPATIENT)):
            if self.answers is None:
                return call(self.commands[0])
            with server(self.answers) as address:
                return call(_fetch(address, self.more))


CASES = [
    *(
        FetchCase(AREA, f"folder: {name}", (_fetch("mirror"),), expected, _placed(fill))
        for name, fill, expected in FOLDERS
    ),
    *(
        FetchCase(AREA, f"folder: {name}, then a whole one", (_fetch("mirror", ("whole",)),), (), _placed(fill))
        for name, fill, expected in FOLDERS
        if expected
    ),
    *(
        FetchCase(AREA, f"http: {name}", (), expected, _whole_mirror, answers=answers)
        for name, answers, expected in HTTP
    ),
    *(
        FetchCase(AREA, f"http: {name}, then a whole folder", (), (), _whole_mirror, answers=answers, more=("whole",))
        for name, answers, _ in HTTP
    ),
    *(FetchCase(AREA, name, (_fetch(place),), expected, _whole_mirror) for name, place, expected in PLACES),
    *(
        FetchCase(AREA, f"{name}, then a whole folder", (_fetch(place, ("whole",)),), (), _whole_mirror)
        for name, place, _ in PLACES
    ),
    FetchCase(
        AREA,
        "a folder that cannot be written",
        (_fetch("whole"),),
        ("root/raw/images", "could not be written"),
        _in_the_way,
    ),
    FetchCase(
        AREA,
        "the environment names a mirror that is none",
        (_fetch("whole"),),
        (),
        _whole_mirror,
        environment=(("REDERIVE_DATA_MIRROR", "gopher://a b"),),
    ),
    Case(AREA, "prepare: no files", (("prepare", "mnist"),), ("train-images-idx3-ubyte", "rederive fetch mnist")),
    Case(
        AREA,
        "prepare: a pickle in place of a file",
        (("prepare", "mnist"),),
        ("train-images-idx3-ubyte", "not the official file"),
        lambda folder: _pickled(folder / "resources/mnist/MNIST/raw/train-images-idx3-ubyte"),
    ),
]


def _pickled(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(_Bomb()))
