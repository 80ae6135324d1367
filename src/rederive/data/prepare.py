"""From official files to prepared arrays."""

from pathlib import Path

from rederive.data import arrays, cifar10, mnist
from rederive.data.official import COLLECTIONS
from rederive.errors import UserError

PARSERS = {"mnist": mnist.splits, "cifar10": cifar10.splits}


def prepare(dataset: str, source_dir: str | Path, out_dir: str | Path) -> None:
    """Write the official files of `dataset` below `source_dir` as arrays to `out_dir`, with a manifest.

    Every file's SHA-256 is checked before a byte of it is parsed. Raises UserError when one is missing or wrong.
    """
    collection = COLLECTIONS[dataset]
    contents = {}
    for file in collection.files:
        path = collection.path(source_dir, file)
        if not path.is_file():
            raise UserError(f"{path}: no such file. `rederive fetch {dataset}` gets it.")
        contents[file.name] = path.read_bytes()
        problem = file.mismatch(contents[file.name])
        if problem is not None:
            raise UserError(
                f"{path}: {problem}. This is not the official file; delete it, then `rederive fetch {dataset}`."
            )
    arrays.save(out_dir, dataset, "official", PARSERS[dataset](contents))
