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

from pathlib import Path

SNAKEFILE = str(Path(__file__).with_name("Snakefile"))
