# The rules come with the tool (src/rederive/workflow). What is measured stands in config.yaml, what is told in report/.
from rederive.workflow import SNAKEFILE


configfile: "config.yaml"


# Taken with `--sdm apptainer` only: the image of the Dockerfile, see docs/cluster.md.
container: "rederive.sif"


include: SNAKEFILE


rule all:
    input:
        rules.report.input,
    localrule: True
