"""The project, built by a real Slurm with all that goes wrong on a cluster, ends where an undisturbed build ends.

`slurm.sh` starts a Slurm of one node with two pretend GPUs; one build goes through it, step by step.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cluster.site import Site, copy_project

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
PROGRAMS = ["slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "munged", "munge"]
COLUMNS = "JobID,State,Comment,TimeLimit,MinMemory,tres-per-job,ReasonList"
# What a user types: snakemake --profile profiles/slurm
IMPATIENT = [sys.executable, str(HERE / "impatient.py"), "--profile", "profiles/slurm", "--latency-wait", "5"]
REPORT = ["runs.csv", "numbers.json", "claims.json", "tables", "figures", "report"]


class SlurmSite(Site):
    """A site with a real Slurm. What happens is printed, with seconds (`pytest -s` shows it)."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        super().__init__(folder, environment)
        self.began = time.monotonic()
        self.at_once = 0  # the most training jobs that were seen running at a time
        self.head: subprocess.Popen[str] | None = None

    def say(self, what: str) -> None:
        """Print what happens."""
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", flush=True)

    def build(self, *arguments: str) -> None:
        """Start a build by Slurm."""
        self.head = self.start(*IMPATIENT, *arguments)

    def finish(self) -> None:
        """Wait until the build has ended, well."""
        assert self.head is not None
        self.until(lambda: self.head is not None and self.head.poll() is not None, "the build ends")
        assert self.head.returncode == 0, self.printed()

    def printed(self) -> str:
        """Return what the head process has printed."""
        return (self.folder / "output.log").read_text()

    def jobs(self, job: str) -> list[dict[str, str]]:
        """Return what Slurm knows of the submissions of a job such as `train mnist.relu`, the oldest first."""
        rule, _, name = job.partition(" ")
        comment = f"rule_{rule}" + (f"_wildcards_{name}_0-1" if name else "")
        return [row for row in self.queue() if row["Comment"] == comment]

    def queue(self) -> list[dict[str, str]]:
        """Return all that Slurm has been given, the oldest first."""
        columns = COLUMNS.split(",")
        wide = ",".join(f"{column}:|" for column in columns)
        printed = self.run("squeue", "--states=all", "--noheader", "--sort=i", f"--Format={wide}")
        rows = [dict(zip(columns, line.split("|"), strict=False)) for line in printed.splitlines()]
        running = [row for row in rows if row["State"] == "RUNNING" and "rule_train" in row["Comment"]]
        self.at_once = max(self.at_once, len(running))
        return rows

    def state(self, number: str) -> str:
        """Return what Slurm calls a job."""
        (state,) = [row["State"] for row in self.queue() if row["JobID"] == number]
        return state

    def until(self, condition: Callable[[], object], what: str, seconds: float = 240) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}\n{self.queue()}\n{self.printed()}"
            time.sleep(0.2)
        self.say(what)

    def log(self, job: str) -> str:
        """Return the log of a training job, of its last attempt."""
        rule, _, name = job.partition(" ")
        path = self.folder / "results" / "logs" / rule / f"{name}_0-1.log"
        return path.read_text() if path.exists() else ""

    def until_trains(self, job: str, first_words: str = "") -> str:
        """Wait until a job has trained for an epoch, and return its number in Slurm."""
        self.until(
            lambda: (
                re.search(rf"{first_words}(.|\n)*epoch \d+/", self.log(job))
                and self.jobs(job)[-1]["State"] == "RUNNING"
            ),
            f"{job} trains",
        )
        return self.jobs(job)[-1]["JobID"]

    def until_state(self, job: str, number: str, state: str) -> None:
        """Wait until Slurm calls a job so."""
        self.until(
            lambda: [row for row in self.jobs(job) if row["JobID"] == number and row["State"] == state],
            f"{job}: Slurm calls its job {number} {state}",
        )

    def restored(self, experiment: str) -> list[int]:
        """Return the epochs from which the seeds of a run have gone on, of those that did."""
        path = self.folder / "results" / "runs" / experiment / "seeds_0-1.json"
        told = [made.get("restored_from_epoch") for made in json.loads(path.read_text())["seeds"].values()]
        return [epoch for epoch in told if epoch is not None]


def files(folder: Path, names: list[str]) -> dict[str, bytes]:
    """Return the contents of files, and of those in folders, by path."""
    paths = [
        path
        for name in names
        for path in ([folder / name] if (folder / name).is_file() else (folder / name).rglob("*"))
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running Slurm, as the environment by which its programs find it."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if missing:
        pytest.skip(f"no Slurm here, {', '.join(missing)} not found: make system-packages")
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    try:
        up = [str(HERE / "slurm.sh"), "up", str(folder)]
        exports = subprocess.run(up, stdout=subprocess.PIPE, text=True, check=True).stdout
        (found,) = re.findall(r"^export PATH=(\S+)$", exports, flags=re.MULTILINE)
        yield {"PATH": found.replace("$PATH", os.environ["PATH"])}
    finally:
        subprocess.run([str(HERE / "slurm.sh"), "down", str(folder)], check=True)


@pytest.fixture(scope="module")
def sites(slurm: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, SlurmSite]]:
    """Two copies of the project in which the proofs are done: one to build here, one to build by Slurm."""
    folder = tmp_path_factory.mktemp("projects")
    local = Site(copy_project(folder / "local"), {})
    local.edit("config.yaml", "batch_size: 32\n    epochs: 2", "batch_size: 32\n    epochs: 400")
    local.edit("config.yaml", "batch_size: 16\n    epochs: 2", "batch_size: 16\n    epochs: 100")
    local.run("snakemake", "--quiet", "all", "--", "derivations")
    shutil.copytree(local.folder, folder / "slurm", symlinks=True)
    site = SlurmSite(folder / "slurm", slurm)
    try:
        yield local, site
    finally:
        local.kill()
        site.kill()


def test_a_build_by_slurm_survives_everything_and_equals_a_local_one(sites: tuple[Site, SlurmSite]) -> None:
    local, site = sites
    local_build = local.start("snakemake", "--quiet", "all")

    site.say("two runs, by Slurm, on a GPU each")
    site.build(*(f"results/runs/mnist.{name}/seeds_0-1.csv" for name in ("relu", "momentum_0.9")))
    terminated = site.until_trains("train mnist.relu")
    site.run("scancel", "--signal=TERM", terminated)
    late = site.until_trains("train mnist.momentum_0.9")
    # It hangs, and is given a second more; Slurm looks at the time every half a minute.
    site.run("scancel", "--signal=STOP", late)
    site.run("scontrol", "update", f"JobId={late}", "EndTime=now+1")
    status = site.run("rederive", "status")
    site.until_state("train mnist.relu", terminated, "FAILED")
    site.until_state("train mnist.momentum_0.9", late, "TIMEOUT")
    site.finish()
    for name in ("relu", "momentum_0.9"):
        first, second = site.jobs(f"train mnist.{name}")
        assert (first["State"] != "COMPLETED", second["State"]) == (True, "COMPLETED")
        assert int(second["MinMemory"].rstrip("M")) == 2 * int(first["MinMemory"].rstrip("M"))
        assert min(site.restored(f"mnist.{name}")) >= 1
        log = site.log(f"train mnist.{name}")
        assert re.match(rf"mnist.{name}: cpu .*, node \S+, GPU [01], Slurm job {second['JobID']}, attempt 2\n", log)
        assert re.search(rf"mnist.{name}, seed \d: going on from epoch \d+", log)
        site.say("    " + "\n            ".join(line for line in log.splitlines()[:2]))
    assert re.search(r"mnist.momentum_0.9.*running", status)

    site.say("the rest, by Slurm; the first attempt at the figures has too little memory")
    everything = ["--set-resources", "plot:mem_mb=60 + 2000 * (attempt - 1)"]
    site.build(*everything)
    downed = site.until_trains("train cifar10.benchmark")
    (node,) = set(re.findall(r"NodeName=(\S+)", site.run("scontrol", "show", "nodes")))
    site.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    site.until_state("train cifar10.benchmark", downed, "PENDING")
    # Slurm waits two minutes before it starts such a job again: its processes may still be at work. Here one can look.
    site.until(lambda: not site.run("pgrep", "--full", r"^slurmstepd: \[", check=False), "the node's jobs have ended")
    site.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
    for row in site.queue():
        if row["State"] == "PENDING":
            site.run("scontrol", "update", f"JobId={row['JobID']}", "StartTime=now")
    site.until_trains("train cifar10.benchmark", first_words="going on from epoch")
    assert len(site.jobs("train cifar10.benchmark")) == 1, "Slurm itself has put it back into the queue"

    site.kill()
    site.say("the head process is killed; its jobs run on")
    site.run("snakemake", "--unlock")
    inside = ["sbatch", "--parsable", "--job-name=head", "--mem=4000", "--output=output.log"]
    head = site.run(*inside, "--wrap", shlex.join(["exec", *IMPATIENT, *everything])).strip()
    site.until(lambda: site.state(head) not in ("PENDING", "RUNNING"), "the head process, now itself a job, ends")
    assert site.state(head) == "COMPLETED", site.printed()
    site.until(lambda: not [row for row in site.queue() if row["State"] in ("RUNNING", "COMPLETING")], "Slurm is idle")

    too_little, enough = site.jobs("plot")
    assert (too_little["State"], enough["State"]) == ("FAILED", "COMPLETED")
    slurm_log = site.folder / ".snakemake" / "slurm_logs" / "rule_plot" / f"{too_little['JobID']}.log"
    assert "exceeded memory limit" in slurm_log.read_text()
    assert site.at_once == 2
    for row in site.queue():
        assert row["tres-per-job"] == ("gres:gpu:1" if "rule_train" in row["Comment"] else "N/A"), row
    assert "Nothing to be done" in site.run("snakemake", "--dry-run")

    local_build.wait(timeout=400)
    assert local_build.returncode == 0, (local.folder / "output.log").read_text()
    here, there = files(local.folder / "results", REPORT), files(site.folder / "results", REPORT)
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []
    site.say(f"{len(here)} files of the results and the report equal those of a local build, byte for byte")
