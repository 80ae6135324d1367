"""The rules of a build, for the Snakefile of a study.

A study's Snakefile names its configuration and takes the rules from the installed package:

    from rederive.workflow import SNAKEFILE

    configfile: "config.yaml"
    include: SNAKEFILE

    rule all:
        input: rules.report.input

Which rule is built without a name only the study's own file can say: Snakemake forgets it at the end of an included
one.

Paths in the rules are relative to the study's folder, where Snakemake runs. What belongs to the tool lies beside the
rules in the package (captions), and in `rederive.report` (the theme).
"""

import os
import shutil
import sys
from pathlib import Path

SNAKEFILE = str(Path(__file__).with_name("Snakefile"))


def put_command_on_path() -> None:
    """Let jobs find `rederive` beside the Python that runs Snakemake, where its environment is not activated."""
    if shutil.which("rederive") is None:
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
