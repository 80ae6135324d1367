"""Resolve `pyproject.toml` into the locked requirements and `environment.yml`.

The locks hold versions and hashes for every platform and no addresses: whichever index a machine uses, it installs
the same files.
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILE = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"]
COMPILE += ["--no-emit-index-url", "--no-header", "--no-annotate", "-c", "scripts/constraints.txt", "pyproject.toml"]
# The write-up of this repository trains in PyTorch; the tool alone needs none.
COMPILE += ["--extra", "torch"]
# What is on top of the first lock agrees with it: each is constrained by it.
LOCKS = {
    "requirements.lock": ["--group", "build"],
    "requirements-dev.lock": [
        "--group",
        "dev",
        "--extra",
        "oracles",
        "--extra",
        "certificates",
        "-c",
        "requirements.lock",
    ],
    "requirements-cluster.lock": ["--extra", "slurm", "--extra", "cluster", "-c", "requirements.lock"],
}
ENVIRONMENT = """\
# For conda users: `conda env create -f environment.yml`, then `pip install --no-deps -e .` in it.
# Written by `make lock` from requirements.lock; the versions are the same.
name: rederive
channels:
  - conda-forge
dependencies:
  - python =3.12
  - pip
  - pip:
"""


def environment(lock: str) -> str:
    """Return `environment.yml` for the text of a lock file: its requirements, without their hashes."""
    pins = [line.removesuffix(" \\") for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    return ENVIRONMENT + "".join(f'      - "{pin}"\n' for pin in pins)


def main() -> None:
    """Write the locks and the environment into the project's folder."""
    for name, arguments in LOCKS.items():
        subprocess.run([*COMPILE, *arguments, "-o", name], cwd=ROOT, check=True)
    (ROOT / "environment.yml").write_text(environment((ROOT / "requirements.lock").read_text()))


if __name__ == "__main__":
    main()
