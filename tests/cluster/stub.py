#!/usr/bin/env python3
"""A pretend program of a cluster: writes down how it was called and answers from the folder $STUBS.

The tests link it under each program's name. `$STUBS/outcomes` says line by line what becomes of submitted jobs: FAILED,
or COMPLETED (it is run here and now, and succeeds or fails by itself); the last line holds for all that follow.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

STUBS = Path(os.environ["STUBS"])
JOBS = STUBS / "jobs"


def submit(script: str) -> str:
    """Take a job: run it if it is to be completed; return its number."""
    number = str(os.getpid())
    outcome, *further = (STUBS / "outcomes").read_text().splitlines()
    if further:
        (STUBS / "outcomes").write_text("\n".join(further))
    if outcome == "COMPLETED":
        done = subprocess.run(["sh", "-c", script], stdout=sys.stderr, check=False)
        outcome = "COMPLETED" if done.returncode == 0 else "FAILED"
    JOBS.mkdir(exist_ok=True)
    (JOBS / number).write_text(outcome)
    return number


def state(number: str) -> str:
    """Return what became of a job."""
    return (JOBS / number).read_text()


name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
with open(STUBS / "calls", "a", encoding="utf-8") as calls:
    calls.write(json.dumps([name, *arguments]) + "\n")

answer = ""
if name == "sbatch":
    (command,) = [argument for argument in arguments if argument.startswith("--wrap=")]
    answer = submit(command.removeprefix("--wrap="))
elif name == "qsub":
    answer = submit(arguments[-1])
elif name == "apptainer" and arguments == ["--version"]:
    answer = "apptainer version 1.3.0"
elif name == "apptainer":  # exec [options] IMAGE SHELL -c COMMAND
    sys.exit(subprocess.run(arguments[-3:], check=False).returncode)
elif name == "squeue":
    answer = "\n".join(f"{job.name}|{job.read_text()}" for job in JOBS.glob("*"))
elif name == "scontrol":
    answer = "MinJobAge = 300 sec"
elif name == "sinfo":
    answer = "main*"  # the partition of those who name none
elif name == "sacctmgr":
    answer = "my_account"
elif name == "qstat" and arguments[0] == "-x":  # PBS keeps finished jobs
    status = 0 if state(arguments[-1]) == "COMPLETED" else 75
    answer = f"Job Id: {arguments[-1]}\n    job_state = F\n    Exit_status = {status}"
elif name == "qstat":  # Grid Engine forgets them
    sys.exit(1)
elif name == "qacct":
    answer = f"failed       0\nexit_status  {0 if state(arguments[-1]) == 'COMPLETED' else 75}"
print(answer)
