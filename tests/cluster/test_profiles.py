"""Every profile on stand-ins for the schedulers' programs: what loads, what is submitted, and with which words."""

import re
from itertools import pairwise

import pytest
from tests.cluster.site import CONFIG, StubbedSite
from tests.workflow.project import ROOT

from rederive.config import resolve
from rederive.imports import load
from rederive.training.cost import resources
from rederive.yaml_files import read_yaml

pytestmark = pytest.mark.cluster

PROFILES = sorted(path.name for path in (ROOT / "profiles").iterdir())
TARGETS = ["all", "report", "figures", "derivations", "mnist", "cifar10"]
STUDY = resolve(read_yaml(CONFIG))
ONE_RUN = "results/runs/mnist.relu/seeds_0-1.csv"


def asked(run: str, attempt: int) -> tuple[int, int]:
    """Return the megabytes and minutes that the job of a run asks for."""
    experiment = STUDY.runs()[run]
    cost = load(str(STUDY.trainers[experiment.trainer].cost))
    need = resources(cost(experiment.spec), seeds=len(STUDY.seeds))
    return need.mem_mb * attempt, need.runtime * attempt


def test_every_shipped_profile_is_known_here() -> None:
    assert PROFILES == ["default", "pbs", "sge", "slurm"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_target_is_planned_with_every_profile(site: StubbedSite, profile: str) -> None:
    printed = site.run("snakemake", "--dry-run", "--quiet", "rules", "--profile", f"profiles/{profile}", "--", *TARGETS)
    planned = dict(re.findall(r"^(\w+) +(\d+)$", printed, flags=re.MULTILINE))
    assert (planned["train"], planned["tex_source"]) == ("5", "1")


def test_a_misspelt_profile_stops_the_build(site: StubbedSite) -> None:
    printed = site.run("snakemake", "--dry-run", "--profile", "profiles/slrum", check=False)
    assert "profiles/slrum" in printed
    assert "no profile.yaml" in printed
    assert "total" not in printed


@pytest.mark.parametrize(("source", "makes"), [("standin", {"standin"}), ("official", {"fetch", "prepare"})])
def test_every_job_has_a_log_memory_and_a_time(site: StubbedSite, source: str, makes: set[str]) -> None:
    # Of a job with a message Snakemake prints nothing else.
    for path in (site.folder / "src/rederive/workflow/rules").glob("*.smk"):
        path.write_text(re.sub(r"^ +message:\n +.*\n", "", path.read_text(), flags=re.MULTILINE))
    arguments = ["--dry-run", "--workflow-profile", "none", "--config", f"data={{source: {source}}}", "--", *TARGETS]
    printed = site.run("snakemake", *arguments)
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", printed, flags=re.MULTILINE)
    working = [(rule, text) for rule, text in jobs if "    output: " in text]  # a target does nothing itself
    assert makes | {"verify", "train", "plot", "render"} <= {rule for rule, _ in working}
    for rule, text in working:
        assert "    log: " in text, rule
        assert re.search(r"\bmem_mb=\d+", text), rule
        assert re.search(r"\bruntime=\d+", text), rule


def slurm_line(site: StubbedSite, rule: str, wildcards: str, *words: str) -> list[str]:
    """Return an sbatch line without its --wrap and with the run's identifier replaced; `words` is what differs."""
    log = site.folder / ".snakemake" / "slurm_logs" / f"rule_{rule}" / wildcards / "%j.log"
    fixed = ["sbatch", "--parsable", "--job-name", "rederive_ID", "--output", str(log), "--export=ALL"]
    return [*fixed, "--comment", f"rule_{rule}_wildcards_{wildcards}", *words]


def slurm_lines(site: StubbedSite, *arguments: str) -> list[list[str]]:
    """Return the sbatch lines of a build whose jobs all fail and are not tried again."""
    site.edit("profiles/slurm/profile.yaml", "retries: 2", "retries: 0")
    impatient = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "1"]
    lines = site.submitted("--profile", "profiles/slurm", *impatient, *arguments)
    assert all(re.fullmatch(r"rederive_[0-9a-f-]{36}", line[3]) for line in lines)
    return [
        [*line[:3], "rederive_ID", *(word for word in line[4:] if not word.startswith("--wrap="))] for line in lines
    ]


@pytest.mark.parametrize("attempt", [1, 2])
def test_slurm_gets_a_gpu_for_training_and_the_resources_of_each_spec(site: StubbedSite, attempt: int) -> None:
    # The default profile is loaded, too. How many jobs share the GPU of this machine holds for this machine only.
    site.edit("profiles/default/profile.yaml", '?8 if glob.glob("/dev/nvidia[0-9]*") else 100000', "1")
    site.edit("profiles/default/profile.yaml", "cores: all", "cores: 1")
    expected = []
    for run in STUDY.runs():
        memory, minutes = asked(run, attempt)
        words = ["-p", "main", "-t", str(minutes), "--mem", str(memory), "--nodes=1", "--requeue", "--cpus-per-task=1"]
        words += ["-D", str(site.folder), "--gpus=1"]
        expected.append(slurm_line(site, "train", f"{run}_0-1", *words))
    assert slurm_lines(site, "--attempt", str(attempt), "mnist", "cifar10") == sorted(expected)
    calls = [call[0] for call in site.calls() if call[0] in ("sbatch", "squeue")]
    assert ("sbatch", "sbatch") in pairwise(calls), "a second one is submitted before the first one is over"


def test_what_a_site_uncomments_in_the_slurm_profile_reaches_the_submit_line(site: StubbedSite) -> None:
    profile = "profiles/slurm/profile.yaml"
    for line in ("slurm_account: my_account", "slurm_partition: cpu", "slurm_partition: gpu", "gpu_model: a100"):
        site.edit(profile, f"#: {line}", line)
    for line in ("constraint: rome", "qos: short", 'runtime: "60 * attempt"'):
        site.edit(profile, f"#: {line}", line)
    oracles, training = slurm_lines(site, "--attempt", "3", ONE_RUN, "results/oracles.json")
    words = ["-A", "my_account", "-p", "gpu", "-t", "180", "-C", "rome", "--qos=short"]
    words += ["--mem", str(asked("mnist.relu", 3)[0]), "--nodes=1", "--requeue", "--cpus-per-task=1"]
    words += ["-D", str(site.folder), "--gpus=a100:1"]
    assert training == slurm_line(site, "train", "mnist.relu_0-1", *words)
    assert oracles[oracles.index("-A") :][:4] == ["-A", "my_account", "-p", "cpu"]
    assert not [word for word in oracles if "gpu" in word or "gres" in word]


def test_a_site_that_knows_gres_and_not_gpus_and_mails_of_failures(site: StubbedSite) -> None:
    site.edit(
        "profiles/slurm/profile.yaml",
        "    nodes: 1\n",
        '    gpu: 0\n    gres: "gpu:1"\n    slurm_extra: "\'--mail-type=FAIL\'"\n',
    )
    (line,) = slurm_lines(site, ONE_RUN)
    assert line[-1] == "--gres=gpu:1"
    assert "--mail-type=FAIL" in line
    assert not [word for word in line if word.startswith("--gpus")]


def test_a_study_for_processors_asks_for_no_gpu(site: StubbedSite) -> None:
    (line,) = slurm_lines(site, "--config", "training={device: cpu}", "--", ONE_RUN)
    assert not [word for word in line if "gpu" in word or "gres" in word]


def test_a_config_that_cannot_work_submits_nothing(site: StubbedSite) -> None:
    assert slurm_lines(site, "--config", "seeds=[-1]") == []
    assert "seeds" in site.output


PBS = ["qsub", "-V", "-N", "rederive.RULE", "-j", "oe", "-o", ".snakemake/", "-l"]
PBS += ["select=1:ncpus=1:ngpus=GPUS:mem=MEMORYmb", "-l", "walltime=SECONDS"]
SGE = ["qsub", "-terse", "-V", "-cwd", "-N", "rederive.RULE", "-j", "y", "-o", ".snakemake/"]
SGE += ["-pe", "smp", "1", "-l", "gpu=GPUS", "-l", "mem_free=MEMORYM", "-l", "h_rt=SECONDS"]


def filled(line: list[str], rule: str, gpus: int, memory: int, minutes: int) -> list[str]:
    """Return a submit line with the numbers of a job."""
    numbers = {"RULE": rule, "GPUS": str(gpus), "MEMORY": str(memory), "SECONDS": str(60 * minutes)}
    return [re.sub("|".join(numbers), lambda match: numbers[match.group()], word) for word in line]


@pytest.mark.parametrize(("scheduler", "line"), [("pbs", PBS), ("sge", SGE)])
def test_another_scheduler_by_profile_alone(site: StubbedSite, scheduler: str, line: list[str]) -> None:
    impatient = ["--latency-wait", "5", "--seconds-between-status-checks", "1"]
    profile = ["--profile", f"profiles/{scheduler}", *impatient]
    lines = site.submitted(*profile, ONE_RUN, outcomes=["FAILED", "COMPLETED"])
    assert (site.folder / ONE_RUN).stat().st_size > 0
    expected = [filled(line, "train", 1, *asked("mnist.relu", attempt)) for attempt in (1, 2)]
    assert sorted(words[:-1] for words in lines) == sorted(expected)
    site.edit(f"profiles/{scheduler}/profile.yaml", "retries: 2", "retries: 0")
    (oracles,) = site.submitted(*profile, "results/oracles.json")
    assert oracles[:-1] == filled(line, "ask_oracles", gpus=0, memory=4000, minutes=10)
