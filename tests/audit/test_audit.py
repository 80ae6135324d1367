"""What a pack holds, what is no pack, and who signed one."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from tests.audit import tampering

from rederive.audit import manifest, pack
from rederive.audit.audit import audit
from rederive.errors import UserError


@pytest.fixture(scope="session")
def contents(packed: Path) -> dict[str, bytes]:
    return pack.unzipped(packed)


def test_equal_files_give_equal_bytes(packed: Path, contents: dict[str, bytes]) -> None:
    assert pack.zipped(contents) == packed.read_bytes()
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
