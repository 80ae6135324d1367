"""To prepared arrays: from official files, or from a generator of stand-ins."""

from collections.abc import Callable, Mapping
from pathlib import Path

from rederive.data import arrays
from rederive.data.arrays import Split
from rederive.data.official import OfficialFiles
from rederive.errors import UserError


def prepare(
    name: str,
    official: OfficialFiles | None,
    read: Callable[[Path], dict[str, Split]],
    source_dir: str | Path,
    out_dir: str | Path,
) -> None:
    """Write the official files of the data set `name` below `source_dir` as arrays to `out_dir`, with a manifest.

    Every file's SHA-256 is checked before `read`, which is given `source_dir`, parses a byte of it. A data set without
    official files is whatever `read` makes of that folder. Raises UserError when a file is missing or wrong.
    """
    for file, path in official.paths(source_dir) if official else ():
        if not path.is_file():
            raise UserError(f"{path}: no such file. `rederive fetch {name}` gets it.")
        if problem := file.mismatch(path.read_bytes()):
            raise UserError(
                f"{path}: {problem}. This is not the official file; delete it, then `rederive fetch {name}`."
            )
    splits = read(Path(source_dir))
    if official and (found := arrays.checksum(arrays.named(splits))) != official.prepared:
        raise UserError(
            f"{source_dir}: the files are the official ones, but the arrays read from them have the checksum {found}, "
            f"expected {official.prepared}: what reads them has changed; set `prepared` of the data set's files anew"
        )
    arrays.save(out_dir, name, "official", splits)


def generate(
    name: str,
    standin: Callable[[Mapping[str, int], int], dict[str, Split]],
    sizes: Mapping[str, int],
    seed: int,
    out_dir: str | Path,
) -> None:
    """Write generated data in the place of the data set `name` to `out_dir`, in the prepared form.

    `standin` makes the splits from the number of examples of each and a seed.
    """
    arrays.save(out_dir, name, "standin", standin(sizes, seed))
