"""How far the engine's convolutional networks and PyTorch's are apart, in float64.

Run with `python benchmarks/network_agreement.py [--full] [--steps N]`. For every form of network and training in the
study: the first gradient, and losses and parameters after some steps on random images. By default with a few filters,
batches of three and 100 steps; `--full` takes the networks at their size, which is slow.
"""

import argparse
import time
from pathlib import Path

from rederive.config import resolve
from rederive.yaml_files import read_yaml
from writeup.engine_networks import STEPS, compare, forms


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="networks and batches at their size")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    config = Path(__file__).parents[1] / "config.yaml"
    study = resolve(read_yaml(config), [config])
    print("| form | gradient | losses | parameters | s |\n|---|---|---|---|---|")
    for name, small in forms(study).items():
        begun = time.perf_counter()
        found = compare(study.experiments[name].spec if arguments.full else small, steps=arguments.steps)
        seconds = time.perf_counter() - begun
        errors = " | ".join(f"{error:.0e}" for error in (found.gradient, found.losses, found.parameters))
        print(f"| {name} | {errors} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
