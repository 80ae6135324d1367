"""A small study, trained and packed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rederive import new
from rederive.audit import pack, rebuild

ROOT = Path(__file__).parents[2]
PROOFS = ("division",)
TRAIN = """
from rederive.cli.common import resolved
from rederive.proofs import export_certificates, verify
from pathlib import Path
from rederive.training import train
study = resolved([Path("config.yaml")])
study.save("results/study.json")
export_certificates(Path("archive"), ["division"], study.derivations)
for run in study.runs():
    train("results/study.json", run, study.seeds)
for name in ("division",):
    verify(name, Path(f"results/derivations/{name}.json"), False, study.derivations, Path("archive"))
"""

PACK = "import sys; from rederive.cli import main; sys.argv[1:1] = ['pack']; main()"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with two runs of three seeds, a proof and a claim, built as far as the PDF."""
    folder = tmp_path_factory.mktemp("audit") / "study"
    new.new(folder, "minimal")
    package = folder / "src/study/derivations"
    package.mkdir()
    (package / "__init__.py").write_text('"""What is proved."""\n')
    for name in PROOFS:
        shutil.copy(ROOT / "src/writeup/derivations" / f"{name}.py", package)
    config = (folder / "config.yaml").read_text().replace("report:\n", "report:\n  pdf_engine: typst\n", 1)
    (folder / "config.yaml").write_text(f"{config}\nderivations: study.derivations\ntraining: {{archive: archive}}\n")
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}{os.pathsep}{ROOT / 'src'}"}
    subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, env=environment, check=True)
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    contents[pack.ENVIRONMENT] = b"pdf_engine: typst"
    with rebuild.rebuilding(contents, tmp_path_factory.mktemp("work"), True) as made:
        for name, content in made().items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def packed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study's pack, unsigned."""
    output = tmp_path_factory.mktemp("packed") / "pack.zip"
    subprocess.run([sys.executable, "-c", PACK, str(output)], cwd=small, check=True)
    return output
