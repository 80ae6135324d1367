"""The bound of every operation's rounding error in float32, beside what is measured: the table of docs/engine.md.

python benchmarks/rounding.py
"""

from rederive.autograd import Op, convolution, normalization, ops, pooling
from rederive.proofs.checks.rounding import rounding


def main() -> None:
    print("| operation | bound | measured | largest share of an entry's bound |\n|---|--:|--:|--:|")
    for module in (ops, convolution, pooling, normalization):
        for op in vars(module).values():
            if isinstance(op, type) and issubclass(op, Op) and op.__module__ == module.__name__ and not op.unproved:
                found = rounding(op)
                print(f"| {op.__name__} | {found.bound:.1f} | {found.measured:.1f} | {found.share:.0%} |")


if __name__ == "__main__":
    main()
