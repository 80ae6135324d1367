"""A whole pack agrees; a changed one does not, and the place is named; who signed it is told."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.audit import tampering
from tests.shared import first_difference

from rederive.audit import manifest, pack
from rederive.audit.audit import audit
from rederive.errors import UserError

SAMPLE, BITS, HARMLESS = 18, 2, 8


@pytest.fixture(scope="session")
def contents(packed: Path) -> dict[str, bytes]:
    return pack.unzipped(packed)


@pytest.fixture(scope="session")
def auditor(contents: dict[str, bytes]) -> tampering.Auditor:
    return tampering.Auditor(contents)


def audited(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Audit in a process of its own: what it imports out of a pack stays there."""
    command = [sys.executable, "-m", "rederive", "audit", str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)


def test_a_whole_pack_agrees_on_page_and_for_machines(packed: Path, tmp_path: Path) -> None:
    done = audited(packed, "--trust-code", "--json", str(tmp_path / "a.json"), "--page", str(tmp_path / "a.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["agrees"] is True
    assert found["problems"] == []
    assert found["checks"]["derivations proved again"] == "1"
    assert found["checks"]["trainings whole and with the SHA-256 of their record"] == "6"
    assert all(int(found["checks"][f"numbers read back from the {kind}"]) > 5 for kind in ("html", "md"))
    assert "Everything that was checked agrees" in (tmp_path / "a.md").read_text()


def test_equal_files_give_equal_bytes(packed: Path, contents: dict[str, bytes]) -> None:
    assert first_difference(pack.zipped(contents), packed.read_bytes()) == ""
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {entry.date_time for entry in archive.infolist()} == {pack.EARLIEST}


def test_a_pack_holds_all_that_the_report_rests_on(contents: dict[str, bytes]) -> None:
    for name in (
        *(f"results/report/report.{suffix}" for suffix in ("md", "html", "tex", "pdf")),
        *("results/numbers.json", "results/claims.json", "results/runs/linear/seeds_0-1-2.json"),
        *("results/derivations/division.json", "config.yaml", "report/report.md.j2", "src/study/train.py", "Snakefile"),
        *("CITATION.cff", ".zenodo.json", "ro-crate-metadata.json", manifest.MANIFEST),
    ):
        assert name in contents, name
    assert not any("checkpoint" in name or name.startswith("results/logs") for name in contents)


def test_other_code_is_not_run_unless_it_is_trusted(packed: Path, tmp_path: Path, contents: dict[str, bytes]) -> None:
    mark = tmp_path / "ran"
    evil = f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n".encode()
    changed = {**contents, "src/study/__init__.py": evil, "src/study/train.py": evil + contents["src/study/train.py"]}
    path = tmp_path / "evil.zip"
    path.write_bytes(pack.zipped(tampering.resigned(changed)))
    assert audited(path).returncode == 1
    assert not mark.exists()


def test_the_pack_agrees_for_the_auditor_that_judges_changes(packed: Path, auditor: tampering.Auditor) -> None:
    assert auditor(packed).problems == []


def test_single_changes_are_found_and_their_places_named(
    contents: dict[str, bytes], auditor: tampering.Auditor, tmp_path: Path
) -> None:
    for change in tampering.changes(contents, SAMPLE, seed=1):
        outcome = tampering.tried(change, auditor, tmp_path)
        assert outcome.found, change.kind
        assert outcome.named, outcome


def test_a_bit_of_any_file_is_found(contents: dict[str, bytes], auditor: tampering.Auditor, tmp_path: Path) -> None:
    for change in tampering.unsigned_hashes(contents, BITS, seed=1):
        outcome = tampering.tried(change, auditor, tmp_path)
        assert outcome.found, change.place
        assert outcome.named, outcome


def test_what_is_only_packed_otherwise_is_not_blamed(
    contents: dict[str, bytes], auditor: tampering.Auditor, tmp_path: Path
) -> None:
    for told, content in tampering.harmless(contents, HARMLESS, seed=1):
        path = tmp_path / "again.zip"
        path.write_bytes(content)
        assert auditor(path).problems == [], told


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not a whole pack"), (b"PK\x03\x04", "not a whole pack"), (b"text", "not a whole pack")],
)
def test_what_is_no_pack_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "no.zip"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        audit(path)


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../b", "C:\\x"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "out.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(UserError, match="leads out of the pack"):
        audit(path)


def test_a_file_without_a_name_is_refused(tmp_path: Path) -> None:
    """An entry whose name the directory of the ZIP calls a comment, as fuzzing found."""
    path = tmp_path / "nameless.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("name"), b"x")
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 28], content[entry + 32] = 0, 4  # lengths of name and comment
    path.write_bytes(content)
    with pytest.raises(UserError, match="found the name ''"):
        audit(path)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
class TestSignature:
    @pytest.fixture
    def key(self, tmp_path: Path) -> Path:
        return self.new_key(tmp_path / "key")

    @staticmethod
    def new_key(path: Path) -> Path:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
        return path

    @staticmethod
    def signed(contents: dict[str, bytes], key: Path) -> dict[str, bytes]:
        return {**contents, manifest.SIGNATURE: manifest.sign(contents[manifest.MANIFEST], key)}

    @staticmethod
    def allowed(folder: Path, key: Path) -> Path:
        path = folder / "allowed"
        path.write_text(f"author@example.org {key.with_suffix('.pub').read_text()}")
        return path

    def test_unsigned_is_told(self, contents: dict[str, bytes]) -> None:
        assert manifest.signer(contents, None) == ("unsigned", "unsigned")

    def test_who_signed_is_told(self, contents: dict[str, bytes], key: Path, tmp_path: Path) -> None:
        pack_of_author = self.signed(contents, key)
        alone = manifest.signer(pack_of_author, None)
        assert alone.state == "signed"
        assert "SHA256:" in alone.told
        known = manifest.signer(pack_of_author, self.allowed(tmp_path, key))
        assert known.state == "signed"
        assert "signed by author@example.org" in known.told

    def test_another_key_is_no_signature_of_the_author(
        self, contents: dict[str, bytes], key: Path, tmp_path: Path
    ) -> None:
        other = self.new_key(tmp_path / "other")
        found = manifest.signer(self.signed(contents, other), self.allowed(tmp_path, key))
        assert found.state == "wrong"
        assert "does not have" in found.told

    def test_a_list_made_again_is_wrongly_signed(self, contents: dict[str, bytes], key: Path) -> None:
        changed = self.signed(contents, key) | {"README.md": b"another"}
        found = manifest.signer(tampering.resigned(changed), None)
        assert found.state == "wrong"
        assert "wrongly signed" in found.told

    def test_a_signature_for_another_purpose_is_none(
        self, contents: dict[str, bytes], key: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "list").write_bytes(contents[manifest.MANIFEST])
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "file", str(tmp_path / "list")], check=True
        )
        found = manifest.signer({**contents, manifest.SIGNATURE: (tmp_path / "list.sig").read_bytes()}, None)
        assert found.state == "wrong"
