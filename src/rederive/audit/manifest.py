"""What a pack holds, by SHA-256, and who signed that list. `sha256sum -c` reads the list, too."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rederive.errors import UserError

MANIFEST = "manifest-sha256.txt"
SIGNATURE = f"{MANIFEST}.sig"
NAMESPACE = "rederive"  # a signature made for another purpose is none of this list


def listed(contents: Mapping[str, bytes]) -> bytes:
    """Return the list of all files but itself and its signature, sorted."""
    names = sorted(contents.keys() - {MANIFEST, SIGNATURE})
    return "".join(f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in names).encode()


def differences(contents: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return which files of a pack are not as its list says: name, and what is wrong."""
    if MANIFEST not in contents:
        return [(MANIFEST, "missing: a pack has a list of its files")]
    told: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(contents[MANIFEST].decode("utf-8", "replace").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in told:
            wrong.append((f"{MANIFEST}, line {number}", f"found {line[:80]!r}, expected a SHA-256 and one file's name"))
        told[name] = digest
    wrong += [(name, f"missing, and named in {MANIFEST}") for name in sorted(told.keys() - contents.keys())]
    others = sorted(contents.keys() - told.keys() - {MANIFEST, SIGNATURE})
    wrong += [(name, f"foreign: not named in {MANIFEST}") for name in others]
    wrong += [
        (name, f"changed: its SHA-256 is not the one in {MANIFEST}")
        for name in sorted(told.keys() & contents.keys())
        if hashlib.sha256(contents[name]).hexdigest() != told[name]
    ]
    return wrong


class Signer(NamedTuple):
    """What is known of who signed: `state` is unsigned, signed or wrong."""

    state: str
    told: str


def sign(manifest: bytes, key: Path) -> bytes:
    """Return the SSH signature of a list by a private key. Raises UserError where it cannot be made."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, MANIFEST)
        path.write_bytes(manifest)
        done = _ssh_keygen(["-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(path)])
        if done.returncode:
            raise UserError(f"--sign {key}: ssh-keygen cannot sign with it: {_said(done)}")
        return path.with_name(SIGNATURE).read_bytes()


def signer(contents: Mapping[str, bytes], allowed_signers: Path | None) -> Signer:
    """Return who signed a pack's list.

    A key is a name to nobody: `allowed_signers`, a file as ssh-keygen has it ("author@example.org ssh-ed25519 AAAA"),
    says whose it is. Without it the answer is the key's fingerprint, to be compared with one that the author publishes.
    """
    if SIGNATURE not in contents:
        return Signer("unsigned", "unsigned")
    if shutil.which("ssh-keygen") is None:
        return Signer("wrong", "signed, and there is no ssh-keygen here to check it with")
    with tempfile.TemporaryDirectory() as name:
        signature = Path(name, SIGNATURE)
        signature.write_bytes(contents[SIGNATURE])
        manifest = contents.get(MANIFEST, b"")
        told = ["-n", NAMESPACE, "-s", str(signature)]
        good = _ssh_keygen(["-Y", "check-novalidate", *told], manifest)
        if good.returncode:
            return Signer("wrong", f"wrongly signed: {_said(good)}")
        key = _said(good).rpartition(" key ")[2]
        if allowed_signers is None:
            return Signer("signed", f"signed with the key {key}; whose that is, --allowed-signers tells")
        found = _ssh_keygen(["-Y", "find-principals", "-s", str(signature), "-f", str(allowed_signers)])
        who = found.stdout.decode("utf-8", "replace").strip().splitlines()
        if found.returncode or not who:
            return Signer("wrong", f"signed with the key {key}, which {allowed_signers} does not have")
        sure = _ssh_keygen(["-Y", "verify", "-f", str(allowed_signers), "-I", who[0], *told], manifest)
        if sure.returncode:
            return Signer("wrong", f"wrongly signed: {_said(sure)}")
        return Signer("signed", f"signed by {who[0]} with the key {key}")


def _ssh_keygen(arguments: list[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=given, capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        raise UserError("ssh-keygen is not installed; it signs packs and checks signatures") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
