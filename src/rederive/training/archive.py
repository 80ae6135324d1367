"""Numbers of runs that were trained before, kept with what made them: one file a run and seed.

`rederive archive` keeps the finished runs of a study, or adopts those of another machine; with `training.archive` a job
takes the seeds that are kept and trains the others. A run is found by what it is: its settings, the checksum of the
data, and the fingerprint of the code that made it. Code that has changed since may take a run all the same where a
replay (`rederive.training.replay`) has shown that it computes the same; the replays lie beside the run.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from rederive import environment, files
from rederive.config import Experiment, Study
from rederive.errors import UserError
from rederive.fingerprint import fingerprint, training
from rederive.imports import load
from rederive.layout import Layout, seeds_of
from rederive.training.history import Row, to_csv
from rederive.training.provenance import Provenance, Replay, Seed, read_rows, read_run
from rederive.training.wholeness import refuse_what_no_run_gives

REPLAYS = "replays.json"
NO_DATA = ""  # the checksum of a run that has no data set of the study
_REPLAYS = TypeAdapter(list[Replay])


class Identity(NamedTuple):
    """What determines the numbers of a run, apart from its seeds and its length."""

    spec: str
    fingerprint: str
    data_checksum: str
    versions: str = ""  # of Python, libraries and processor, where the configuration requires them


class Kept(NamedTuple):
    """One seed of a run: its numbers, and the record of what made them."""

    path: Path
    rows: list[Row]
    provenance: Provenance

    @property
    def seed(self) -> int:
        """The seed."""
        (seed,) = self.provenance.seeds
        return seed

    @property
    def made(self) -> Seed:
        """How its numbers came about."""
        return self.provenance.seeds[self.seed]


def identity(study: Study, experiment: Experiment, data_checksum: str, code: str | None = None) -> Identity:
    """Return the identity of an experiment's run by today's code on data with this checksum.

    `code` is the fingerprint of its trainer, where it is known already: to compute it takes a while.
    """
    code = code or fingerprint(training(study.trainers[experiment.trainer]))
    required = json.dumps(environment.present()) if study.training.versions == "require" else ""
    return Identity(experiment.identity_of(experiment.spec), code, data_checksum, required)


def path_of(folder: Path, run: str, seed: int) -> Path:
    """Return where the numbers of a run's seed are kept; the record lies beside them, as `.json`."""
    return folder / run / f"seed_{seed}.csv"


def keep(study: Study, source: Path, folder: Path) -> list[Path]:
    """Keep the runs of the study that lie under `source`; return the files written to `folder`.

    `source` is the results of a build, here or on another machine, or another folder of kept runs. A run takes the
    place of a kept one that other code made, or that kept less of its beginning. Raises UserError, and writes nothing,
    where nothing is found, or where a file is not whole, is no run of the study, or contradicts what is kept.
    """
    found: dict[Path, Kept] = {}
    refused = []
    for provenance in sorted(path for path in source.rglob("seed*.json") if path.with_suffix(".csv").exists()):
        try:
            for kept in _split(provenance):
                copy = path_of(folder, refuse_what_is_no_run(study, kept), kept.seed)
                if _replaces(kept, copy):
                    found[copy] = kept
        except UserError as error:
            refused.append(str(error))
    if refused:
        raise UserError("\n".join([*refused, "nothing was archived"]))
    if not found and not any(source.rglob("seed*.csv")):
        raise UserError(f"{source}: found no finished run of the study; train first")
    for copy, kept in found.items():
        _write(copy, kept)
    return list(found)


def find(folder: Path, experiment: Experiment, seeds: Collection[int], wanted: Identity) -> dict[int, Kept]:
    """Return the kept seeds of a run that may stand for it; say in a line each why others do not.

    Raises UserError where there is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"training.archive: {folder} is no folder; `rederive archive` makes one, null does without")
    found: dict[int, Kept] = {}
    told = []
    known = False
    # A run is kept under one name, most often its own: the others are looked at where that is not it.
    for run in sorted(filter(Path.is_dir, folder.iterdir()), key=lambda path: (path.name != experiment.key, path)):
        if known:
            break
        replays = read_replays(run)
        for seed in sorted(set(seeds) - found.keys()):
            record = path_of(folder, run.name, seed).with_suffix(".json")
            if not record.exists():
                continue
            try:
                kept = read(record)
                if spec_identity(experiment, kept.provenance) != wanted.spec:
                    break  # all seeds of a folder have one spec
                known = True
                taken = _certified(kept, experiment, wanted, replays)
            except UserError as error:
                told.append(str(error))
                continue
            if isinstance(taken, str):
                told.append(f"{record}: {taken}")
            else:
                found[seed] = taken
    for line in told or [f"{folder}: no run with this spec"] * (not found):
        print(f"not in the archive: {line}", flush=True)
    return found


def official_checksum(study: Study, experiment: Experiment) -> str | None:
    """Return the checksum of the official data that a run trains on; None where the study has others."""
    files = study.data.sets[experiment.data].files
    return load(files).prepared if files and study.data.source == "official" else None


def valid(study: Study, folder: Path) -> dict[str, dict[int, Kept]]:
    """Return the kept seeds that may stand for those of the study, by run; say in a line each why others do not."""
    found = {}
    codes = {name: fingerprint(training(trainer)) for name, trainer in study.trainers_in_use().items()}
    for key, experiment in study.runs().items():
        if study.trainers[experiment.trainer].kind == "import":
            continue
        checksum = official_checksum(study, experiment) if experiment.data else NO_DATA
        if checksum is not None:
            wanted = identity(study, experiment, checksum, codes[experiment.trainer])
            found[key] = find(folder, experiment, study.seeds, wanted)
    return found


def to_take(kept: Mapping[str, Mapping[int, Kept]], layout: Layout) -> dict[Path, Kept]:
    """Return those of the valid kept seeds that no file of a build holds yet, by the file that is to hold them."""
    found: dict[Path, Kept] = {}
    for key, seeds in kept.items():
        there = {seed for file in layout.runs.glob(f"{key}/seeds_*.csv") for seed in seeds_of(file)}
        found |= {layout.run(key, [seed]): seeds[seed] for seed in sorted(seeds.keys() - there)}
    return found


def kept_under(folder: Path, run: str) -> list[Kept]:
    """Return the seeds of a run of the study that lie under `folder`, an archive or the results of a build."""
    places = [folder / run, Layout(folder).runs / run]
    records = sorted(record for place in places for record in place.glob("seed*.json"))
    found = {one.seed: one for record in records for one in _split(record)}
    return [found[seed] for seed in sorted(found)]


def read(record: Path) -> Kept:
    """Read one seed of a run. Raises UserError where it is damaged or not whole."""
    rows, provenance = read_run(record)
    return Kept(record.with_suffix(".csv"), rows, provenance)


def read_replays(run: Path) -> list[Replay]:
    """Return the replays of a kept run, the folder of which is given; none where there is no file."""
    path = run / REPLAYS
    try:
        return _REPLAYS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except ValidationError as error:
        raise UserError(f"{path}: not a list of replays ({error.errors()[0]['msg']}); remove it and replay") from None


def write_replay(run: Path, replay: Replay) -> None:
    """Add a replay to those of a kept run; it takes the place of one between the same two codes.

    One that compared less and found no difference does not: what was shown stays shown.
    """
    kept = read_replays(run)
    before = [one for one in kept if (one.made_by, one.replayed_by) == (replay.made_by, replay.replayed_by)]
    compared = (replay.epochs, replay.steps)
    if replay.outcome != "different" and any((one.epochs, one.steps) > compared for one in before):
        return
    replays = sorted([*(one for one in kept if one not in before), replay], key=lambda r: (r.when, r.made_by))
    files.write_json(run / REPLAYS, _REPLAYS.dump_python(replays, mode="json"))


def _certified(kept: Kept, experiment: Experiment, wanted: Identity, replays: Iterable[Replay]) -> Kept | str:
    """Return the kept run with what it is taken by, or why it is not taken."""
    if kept.provenance.data_checksum != wanted.data_checksum:
        return "differs in data_checksum"
    if wanted.versions and (other := environment.differences(kept.made.versions)):
        return f"differs in {', '.join(other.values())}"
    if kept.provenance.spec["epochs"] < experiment.spec.epochs:  # a schedule's length is in its spec's identity
        return f"differs in epochs: has {kept.provenance.spec['epochs']}, wanted {experiment.spec.epochs}"
    made = kept.made.model_copy(update={"taken_from": kept.path.as_posix()})
    if made.fingerprint != wanted.fingerprint:
        by = [replay for replay in replays if replay.certifies(made.fingerprint, wanted.fingerprint)]
        if not by:
            return "differs in fingerprint, and no replay shows that today's code computes the same (rederive replay)"
        made = made.model_copy(update={"certified_by": by[-1]})
    rows = [row for row in kept.rows if row.epoch <= experiment.spec.epochs]
    if kept.provenance.spec["epochs"] != experiment.spec.epochs:
        made = made.model_copy(update={"predictions": ""})  # they are those of a later epoch
    return Kept(kept.path, rows, kept.provenance.model_copy(update={"seeds": {kept.seed: made}}))


def _split(record: Path) -> Iterator[Kept]:
    """Yield the seeds of a training job's files, or of a kept run's, one by one."""
    path = record.with_suffix(".csv")
    facts = _modern(record)
    try:
        provenance = Provenance.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{record}: not the provenance of a run ({first['loc']}: {first['msg']})") from None
    rows, _ = read_rows(record, provenance)
    for seed, made in provenance.seeds.items():
        alone = provenance.model_copy(update={"seeds": {seed: made}})
        yield Kept(path, [row for row in rows if row.seed == seed], alone)


class ForeignError(UserError):
    """A run that is none of the study's."""


def refuse_what_is_no_run(study: Study, kept: Kept) -> str:
    """Return the run of the study that this is.

    Raises ForeignError where it is none, or a longer one, and UserError for numbers that no run of it gives.
    """
    run = _run_of(study, kept.provenance)
    refuse_what_no_run_gives(kept.path, kept.rows, study, study.experiments[run].trainer)
    return run


def _run_of(study: Study, provenance: Provenance) -> str:
    for key, experiment in study.runs().items():
        if spec_identity(experiment, provenance) == experiment.identity_of(experiment.spec):
            if provenance.spec["epochs"] < experiment.spec.epochs:
                raise ForeignError(
                    f"{provenance.run}: has {provenance.spec['epochs']} epochs, {key} has {experiment.spec.epochs}"
                )
            return key
    raise ForeignError(f"{provenance.run}: no run of the study has its settings; remove it, or name another study")


def spec_identity(experiment: Experiment, provenance: Provenance) -> str | None:
    """Return the identity of what was trained, if it is of the experiment's kind."""
    try:
        return experiment.identity_of(type(experiment.spec).model_validate(provenance.spec))
    except ValidationError:
        return None


def _replaces(kept: Kept, copy: Path) -> bool:
    """Return whether a run is to be written where another of its name and seed may be kept."""
    if not copy.exists():
        return True
    there = read(copy.with_suffix(".json"))
    if there.provenance.data_checksum != kept.provenance.data_checksum:
        raise UserError(f"{copy}: a run on other data is kept there; remove it, or name another folder")
    if there.provenance.spec != kept.provenance.spec:
        raise UserError(f"{copy}: a run with other settings is kept there; remove it, or name another folder")
    if there.made.fingerprint == kept.made.fingerprint and (there.made.device, there.made.threads) == (
        kept.made.device,
        kept.made.threads,
    ):
        if there.rows != kept.rows:
            raise UserError(
                f"{kept.path}, seed {kept.seed}: the same code on the same kind of processor gave other numbers than "
                f"those kept in {copy}; one of them is not what it says"
            )
        return len(kept.made.opening) > len(there.made.opening)
    return len(kept.made.opening) >= len(there.made.opening)


def _write(copy: Path, kept: Kept) -> None:
    files.write_text(copy, to_csv(kept.rows))
    made = kept.made.model_copy(update={"host": None, "taken_from": None, "certified_by": None})
    record = kept.provenance.model_copy(
        update={"run": copy.parent.name, "seeds": {kept.seed: made}, "sha256": files.sha256(copy)}
    )
    record.write(copy.with_suffix(".json"))
    if kept.made.certified_by:
        write_replay(copy.parent, kept.made.certified_by)


def _modern(record: Path) -> dict[str, Any]:
    """Return a record as it is written today; until version 0.1 a job's seeds had one between them."""
    try:
        facts: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        if isinstance(facts.get("seeds"), dict):
            return facts
        if taken := facts.get("taken_from"):
            raise UserError(f"{record}: was itself taken, from {taken}; archive that")
        digest = facts.get("sha256") or files.sha256(record.with_suffix(".csv"))
        common = {key: facts[key] for key in ("fingerprint", "device", "threads", "versions", "started", "ended")}
        seeds = {}
        for seed in map(str, facts["seeds"]):
            group = next(name for name in facts["seconds_per_epoch"] if seed in name.split("-"))
            seeds[seed] = common | {
                "tf32": facts.get("tf32", False),
                "host": facts.get("host"),
                "seconds_per_epoch": facts["seconds_per_epoch"][group],
                "together": list(map(int, group.split("-"))) if "-" in group else [],
                "restored_from_epoch": facts["restored_from_epoch"].get(group),
                "diverged": facts["diverged"].get(seed),
                "opening": facts.get("openings", {}).get(seed, []),
                "predictions": facts.get("predictions", {}).get(seed, ""),
            }
        whole = ("run", "spec", "data_checksum", "data_source", "origin", "parameters", "flops_per_image")
        return {key: facts[key] for key in whole} | {"sha256": digest, "seeds": seeds}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, StopIteration) as error:
        told = f"{error} is not given" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{record}: not the provenance of a run ({told})") from None
