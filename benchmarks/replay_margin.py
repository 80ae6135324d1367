"""How far do other kernels carry the losses of a run's first steps, in units of what one rounding does to them?

    python benchmarks/replay_margin.py [RUN...] [--study results/study.json]

The first steps of each run are trained in processes of their own with the kernels for other processors that OpenBLAS,
oneDNN and PyTorch have, and compared as `rederive replay` compares them: the largest difference of a step's loss over
what nudging every parameter by one rounding had come to by that step. `rederive.training.replay.MARGIN` has to be well
above these columns. The last one is a fault, a learning rate that is off by a tenth of a percent: where it is above
MARGIN, a replay of the first steps shows even that.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

# What each imitates: the kernels of an older or another processor.
KERNELS = {
    "Zen": {"OPENBLAS_CORETYPE": "ZEN", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "Sandy Bridge": {"OPENBLAS_CORETYPE": "SANDYBRIDGE", "ONEDNN_MAX_CPU_ISA": "AVX"},
    "Nehalem": {"OPENBLAS_CORETYPE": "NEHALEM", "ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
}
FAULT = "rate x 1.001"
RUNS = (
    "mnist.benchmark",
    "mnist.relu",
    "mnist.momentum_0.9",
    "cifar10.benchmark",
    "cifar10.batch_16",
    "cifar10.adam",
    "cifar10.rmsprop",
)
PROGRAM = """
import json, sys
from rederive.training import limit_threads
limit_threads(1)
from pathlib import Path
from rederive.config import Study
from rederive.data import load
from rederive.training.replay import Beginning, rounding_effects
study, run, faster, measure = sys.argv[1:]
loaded = Study.load(study)
experiment = loaded.experiments[run]
code = loaded.trainers[experiment.trainer].python
rate = experiment.spec.learning_rate * float(faster)
experiment = experiment.model_copy(update={"spec": experiment.spec.model_copy(update={"learning_rate": rate})})
again = Beginning(experiment, code, load(Path(study).parent / "data" / experiment.data), 0)
opening = again.open().openings[0]
print(json.dumps([opening, rounding_effects(opening, again) if measure == "1" else []]))
"""


def opening(
    study: str, run: str, kernels: dict[str, str], faster: float = 1.0, measure: bool = False
) -> list[list[float]]:
    """Return the losses of the first steps, and what one rounding does to them by each step."""
    command = [sys.executable, "-c", PROGRAM, study, run, str(faster), str(int(measure))]
    done = subprocess.run(command, env=os.environ | kernels, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", default=RUNS)
    parser.add_argument("--study", default="results/study.json")
    given = parser.parse_args()
    if not Path(given.study).exists():
        print(f"{given.study}: not found; build the data first (snakemake results/data/mnist/manifest.json)")
        return
    from rederive.training.provenance import relative_difference

    print(f"{'run':24}{'at step 100':>14}" + "".join(f"{name:>14}" for name in [*KERNELS, FAULT]))
    for run in given.runs:
        plain, effects = opening(given.study, run, {}, measure=True)
        cells = []
        for name in [*KERNELS, FAULT]:
            other, _ = opening(given.study, run, KERNELS.get(name, {}), 1.001 if name == FAULT else 1.0)
            shares = [relative_difference(*pair) / effect for *pair, effect in zip(plain, other, effects, strict=True)]
            cells.append(f"{max(shares):14.2f}")
        print(f"{run:24}{effects[-1]:14.1e}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
