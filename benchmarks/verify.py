"""What proving costs: all derivations in two processes, and one alone, which must not import PyTorch.

Medians of `ROUNDS` runs without oracles, in seconds of the clock and of the processor (of all processes together): on
a machine that has other work the second says more.

    python benchmarks/verify.py
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
AIMS = {"all": 25.0, "--only sigmoid": 1.5}  # seconds of the clock on two idle cores
COMMANDS = {"all": ["--without-oracles", "--jobs", "2"], "--only sigmoid": ["--only", "sigmoid"]}


def seconds(arguments: list[str]) -> tuple[float, float]:
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "rederive", "verify", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, used


def imports_torch() -> bool:
    code = "import sys; from rederive.cli import app; app(['verify', '--only', 'sigmoid'], standalone_mode=False)\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1] == "True"


def main() -> None:
    os.chdir(Path(__file__).parents[1])
    print(f"median of {ROUNDS} runs, seconds: clock, processor")
    for name, arguments in COMMANDS.items():
        clock, processor = (statistics.median(side) for side in zip(*map(seconds, [arguments] * ROUNDS), strict=True))
        print(f"{name:>16}: {clock:6.1f} {processor:6.1f}   (aim: {AIMS[name]})")
    print("imports torch:", imports_torch())


if __name__ == "__main__":
    main()
