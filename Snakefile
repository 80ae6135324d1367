# The table of contents of the build. What is measured stands in config.yaml, what is told in report/, the work is done
# by src/rederive; each rule of workflow/rules is one sub-command of `rederive`, under one name.
from snakemake.utils import min_version

min_version("9.19")


configfile: "config.yaml"


# Taken with `--sdm apptainer` only: the image of the Dockerfile, see docs/cluster.md.
container: "rederive.sif"


include: "workflow/rules/common.smk"


# The steps read the resolved configuration from here. It is no output of a rule: what a rule depends on are the
# values that it uses, which are its parameters, and not the file that holds them all.
onstart:
    study.save(study_file)


pathvars:
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    data_set="|".join(study.data.sets) or "none",
    experiment="[A-Za-z0-9_.]+",
    seeds="[0-9-]+",


include: "workflow/rules/data.smk"
include: "workflow/rules/derivations.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/results.smk"
include: "workflow/rules/hypotheses.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.report.input,
    localrule: True
