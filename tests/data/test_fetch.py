"""Fetching: which places are asked in which order, what is accepted, and what a failure leaves and says."""

import gzip
import hashlib
import http.server
import io
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rederive.data import download
from rederive.data.fetch import fetch
from rederive.data.official import OfficialFile, OfficialFiles
from rederive.errors import UserError
from writeup import cifar10, mnist

NOWHERE = ("http://127.0.0.1:9/nothing-listens-here",)


def _content(name: str) -> bytes:
    return name.encode() * 1000


def _small(official: OfficialFiles) -> OfficialFiles:
    """The official names with contents of our own, and no way out to the network."""
    small = tuple(
        OfficialFile(file.name, len(_content(file.name)), hashlib.sha256(_content(file.name)).hexdigest())
        for file in official.files
    )
    return replace(official, files=small, addresses=NOWHERE)


MNIST, CIFAR10 = _small(mnist.FILES), _small(cifar10.FILES)


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDERIVE_DATA_MIRROR", raising=False)


def _fill(
    folder: Path, collection: Any, pack: Any = lambda content: content, suffix: str = "", layout: Any = True
) -> Path:
    for file in collection.files:
        path = folder / (collection.folder if layout else "") / f"{file.name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(_content(file.name)))
    return folder


def _is_complete(root: Path, collection: Any) -> bool:
    return all(collection.path(root, file).read_bytes() == _content(file.name) for file in collection.files)


def _tar(folder: Path) -> Path:
    folder.mkdir()
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
        for file in CIFAR10.files:
            member = tarfile.TarInfo(f"{CIFAR10.folder}/{file.name}")
            member.size = len(_content(file.name))
            archive.addfile(member, io.BytesIO(_content(file.name)))
    return folder


@pytest.fixture
def serve() -> Iterator[Any]:
    """Serve a folder over http on this machine; yields a function from folder to address."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    def start(folder: Path, handler: Any = None) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler or partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("layout", [True, False])
@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
@pytest.mark.parametrize("collection", [MNIST, CIFAR10])
def test_a_folder_serves_packed_and_unpacked_files(
    tmp_path: Path, collection: Any, pack: Any, suffix: str, layout: bool
) -> None:
    mirror = _fill(tmp_path / "mirror", collection, pack, suffix, layout)
    fetch("some", collection, tmp_path / "root", [str(mirror)])
    assert _is_complete(tmp_path / "root", collection)


def test_the_tar_file_is_unpacked(tmp_path: Path) -> None:
    fetch("CIFAR-10", CIFAR10, tmp_path / "root", [str(_tar(tmp_path / "mirror"))])
    assert _is_complete(tmp_path / "root", CIFAR10)


def test_packed_files_put_in_place_by_hand_are_unpacked(tmp_path: Path) -> None:
    fetch("CIFAR-10", CIFAR10, _tar(tmp_path / "root"), [])
    assert _is_complete(tmp_path / "root", CIFAR10)


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_an_http_mirror(tmp_path: Path, serve: Any, pack: Any, suffix: str) -> None:
    address = serve(_fill(tmp_path / "mirror", MNIST, pack, suffix))
    fetch("MNIST", MNIST, tmp_path / "root", [address])
    assert _is_complete(tmp_path / "root", MNIST)


def test_the_tar_file_over_http(tmp_path: Path, serve: Any) -> None:
    fetch("CIFAR-10", CIFAR10, tmp_path / "root", [serve(_tar(tmp_path / "mirror"))])
    assert _is_complete(tmp_path / "root", CIFAR10)


def test_the_environment_names_the_last_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDERIVE_DATA_MIRROR", str(_fill(tmp_path / "mirror", MNIST)))
    fetch("MNIST", MNIST, tmp_path / "root", [str(tmp_path / "not there")])
    assert _is_complete(tmp_path / "root", MNIST)


def test_one_mirror_has_what_another_lacks_or_has_wrong(tmp_path: Path) -> None:
    wrong, right = _fill(tmp_path / "wrong", MNIST), _fill(tmp_path / "right", MNIST)
    names = [file.name for file in MNIST.files]
    (wrong / MNIST.folder / names[0]).write_bytes(_content(names[0])[::-1])
    (wrong / MNIST.folder / names[1]).unlink()
    (right / MNIST.folder / names[2]).unlink()
    fetch("MNIST", MNIST, tmp_path / "root", [str(wrong), str(right)])
    assert _is_complete(tmp_path / "root", MNIST)


def test_what_is_there_and_right_is_not_fetched_again(tmp_path: Path) -> None:
    root = _fill(tmp_path / "root", MNIST)
    before = [path.stat().st_mtime_ns for path in sorted(root.rglob("*"))]
    fetch("MNIST", MNIST, root, [])
    assert [path.stat().st_mtime_ns for path in sorted(root.rglob("*"))] == before


@pytest.mark.parametrize(
    ("damage", "word"),
    [(lambda content: content[:-1], "instead of"), (lambda content: content[:-1] + b"?", "SHA-256")],
)
def test_a_damaged_file_is_refused_by_name_and_leaves_nothing(tmp_path: Path, damage: Any, word: str) -> None:
    mirror = _fill(tmp_path / "mirror", MNIST)
    name = MNIST.files[2].name
    (mirror / MNIST.folder / name).write_bytes(damage(_content(name)))
    with pytest.raises(UserError, match=f"{name} has .*{word}"):
        fetch("MNIST", MNIST, tmp_path / "root", [str(mirror)])
    left = sorted(path.name for path in (tmp_path / "root").rglob("*") if path.is_file())
    assert left == sorted(file.name for file in MNIST.files if file.name != name)


def test_a_truncated_transfer_leaves_nothing(tmp_path: Path, serve: Any) -> None:
    class Cut(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"only this")

        def log_message(self, *arguments: Any) -> None:
            pass

    with pytest.raises(UserError, match="ended before all of its 1,000,000 bytes had come"):
        fetch("MNIST", MNIST, tmp_path / "root", [serve(tmp_path, Cut)])
    assert not [path for path in (tmp_path / "root").rglob("*") if path.is_file()]


def test_without_network_and_mirror_the_error_comes_soon_and_names_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 192.0.2.0/24 is reserved for documentation: packets to it are lost, as on a machine behind a closed door.
    silent = replace(MNIST, addresses=("http://192.0.2.1/mnist/", *NOWHERE))
    monkeypatch.setenv("REDERIVE_DATA_MIRROR", "http://192.0.2.2/mirror")
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        fetch("MNIST", silent, tmp_path / "root", [str(tmp_path / "no mirror")])
    assert time.monotonic() - start < 10
    message = str(caught.value)
    for tried in ("no mirror", "http://192.0.2.2/mirror", "http://192.0.2.1/mnist/", NOWHERE[0]):
        assert tried in message
    for way in ("data.mirrors", "REDERIVE_DATA_MIRROR", str(tmp_path / "root/MNIST/raw"), "make demo"):
        assert way in message


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("in the way")
    with pytest.raises(UserError, match=r"root/MNIST/raw/train-images-idx3-ubyte: could not be written"):
        fetch("MNIST", MNIST, tmp_path / "root", [str(_fill(tmp_path / "mirror", MNIST))])


def test_torchvisions_downloader_is_used_when_its_host_answers(
    tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision import datasets

    mirror = tmp_path / "official"
    mirror.mkdir()
    resources = []
    for file in MNIST.files:
        packed = gzip.compress(_content(file.name), mtime=0)
        (mirror / f"{file.name}.gz").write_bytes(packed)
        resources.append((f"{file.name}.gz", hashlib.md5(packed).hexdigest()))
    address = serve(mirror) + "/"
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "_load_data", lambda self: (None, None))  # our contents are no IDX files
    answering = replace(MNIST, addresses=(address + MNIST.files[0].name + ".gz",))
    fetch("MNIST", answering, tmp_path / "root", [])
    assert _is_complete(tmp_path / "root", MNIST)
    assert sorted(path.name for path in (tmp_path / "root").iterdir()) == ["MNIST"]


def test_a_killed_download_leaves_nothing_that_looks_whole(tmp_path: Path, serve: Any) -> None:
    class Slow(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "47040016")
            self.end_headers()
            self.wfile.write(b"\0" * 1_000_000)
            self.wfile.flush()
            started.set()
            time.sleep(20)

        def log_message(self, *arguments: Any) -> None:
            pass

    started = threading.Event()
    program = (
        "import sys; from rederive.data.fetch import fetch; from writeup.mnist import FILES; "
        "fetch('MNIST', FILES, sys.argv[1], [sys.argv[2]])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "root"), serve(tmp_path, Slow)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert started.wait(30)
        process.send_signal(signal.SIGKILL)
    assert not [path for path in tmp_path.rglob("*ubyte*") if not path.name.startswith(".")]


def test_the_table_of_files_agrees_with_torchvision() -> None:
    from torchvision import datasets

    assert {file.name for file in CIFAR10.files} == {
        name
        for name, _ in [
            *datasets.CIFAR10.train_list,
            *datasets.CIFAR10.test_list,
            (datasets.CIFAR10.meta["filename"], ""),
        ]
    }
    assert [f"{file.name}.gz" for file in MNIST.files] == [name for name, _ in datasets.MNIST.resources]
    hosts = [*datasets.MNIST.mirrors, datasets.CIFAR10.url]
    addresses = mnist.FILES.addresses + cifar10.FILES.addresses
    assert all(any(address.startswith(host) for host in hosts) for address in addresses)
    assert download.ANSWER_SECONDS < 10
