"""From a merged configuration to the study that it describes."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rederive import imports
from rederive.config.errors import describe, invalid, refuse_other_than_text, refuse_unknown
from rederive.config.schema import Config, Table, Trainer
from rederive.config.settings import Entry, Settings, entry_model
from rederive.config.study import Experiment, Study
from rederive.errors import UserError
from rederive.layout import job_name
from rederive.yaml_files import in_order_of, merge, read_yaml


def resolve(config: Mapping[str, Any], files: Iterable[str | Path] = ()) -> Study:
    """Return the study that a merged configuration describes.

    `files` are those it was merged from, the strongest last: an error names the one that holds the offending key. The
    study's own code lies in `src/` beside any of them.
    Raises UserError for unknown keys, wrong types and impossible values.
    """
    paths = [Path(file) for file in files]
    written: dict[str, Any] = {}
    for path in paths:
        imports.add_code_of(path.parent)
        written = merge(written, read_yaml(path))
    config = in_order_of(written, config)
    try:
        parsed = Config.model_validate(config)
    except ValidationError as error:
        raise invalid(describe(error, Config), paths) from None
    experiments = _complete(parsed, paths)
    complete = {
        key: _experiment(key, entry, spec, parsed.trainers[str(entry.trainer)])
        for key, (entry, spec) in experiments.items()
    }
    # The longest of equal experiments gives the run its name, the first of equally long ones. Imported files are told
    # apart by the experiment's name alone.
    run_of: dict[tuple[str, str], str] = {}
    same = {
        key: (each.trainer, each.key if parsed.trainers[each.trainer].imports else each.identity_of(each.spec))
        for key, each in complete.items()
    }
    for key in sorted(complete, key=lambda key: -complete[key].epochs):
        run_of.setdefault(same[key], key)
    study = Study(
        seeds=parsed.seeds,
        data=parsed.data,
        training=parsed.training,
        report=parsed.report,
        trainers=parsed.trainers,
        metrics=parsed.metrics,
        strict=parsed.strict,
        derivations=parsed.derivations,
        experiments={
            key: experiment.model_copy(update={"run": run_of[same[key]]}) for key, experiment in complete.items()
        },
        tables=[_table(table, parsed) for table in parsed.tables],
        figures=parsed.figures,
        hypotheses=parsed.hypotheses,
    )
    if problems := [*_long_names(study), *_wrong_candidates(study)]:
        raise invalid(problems, paths)
    return study


def _wrong_candidates(study: Study) -> Iterator[str]:
    """Yield what is wrong with the candidates of `hypotheses`, each with its key."""
    for row in [*study.hypotheses.known, *study.hypotheses.rows]:
        if row not in study.experiments:
            yield f"hypotheses: found the row {row!r}, which is no experiment"
    for row in filter(study.experiments.get, study.hypotheses.rows):
        for name, candidate in study.hypotheses.candidates(row).items():
            where = f"hypotheses.rows.{row}.candidates.{name}"
            try:
                for key in ("like", "curve", "copied_from"):
                    if found := getattr(candidate, key):
                        refuse_unknown(f"{where}.{key}", [found], study.experiments, "experiment")
                if candidate.trainer:
                    refuse_unknown(f"{where}.trainer", [candidate.trainer], study.trainers, "trainer")
                made = study.candidate(row, name)
            except ValidationError as error:
                yield from (f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            except ValueError as error:
                yield str(error)
            else:
                if made.data != study.experiments[row].data:
                    yield f"{where}: trains on {made.data}, and the row is of {study.experiments[row].data}"


def _table(table: Table, config: Config) -> Table:
    """Return a table with its metric; `f1.published` is the column `published`, or `published_f1` beside a headline."""
    headline = config.headline("a table")
    metric = table.metric or headline

    def written(column: str) -> str:
        of, dot, kind = column.partition(".")
        return column if not dot or of not in config.metrics else kind if of == headline else f"{kind}_{of}"

    columns = [written(column) for column in table.columns]
    return table.model_copy(update={"metric": metric, "columns": columns})


LONGEST_JOB = 200  # bytes; what a file is called while it is written is longer, and 255 are allowed


def _long_names(study: Study) -> Iterator[str]:
    """Yield what is wrong with the names of a job's files, with its key."""
    longest = max(len(job_name(group)) for group in study.seed_groups())
    if longest > LONGEST_JOB:
        yield (
            f"training.seeds_per_job: found {study.training.seeds_per_job}, which gives a job so many seeds that the "
            f"name of its files has {longest} characters; set it to less, so that it is {LONGEST_JOB} at most"
        )


def _experiment(key: str, entry: Entry, spec: Settings, trainer: Trainer) -> Experiment:
    """Return an experiment that is read from its own run."""
    return Experiment(
        key=key,
        label=entry.label or key.replace("_", " "),
        changed=entry.changed,
        value=entry.value,
        origin=entry.origin,
        trainer=str(entry.trainer),
        data=trainer.data_set,
        run=key,
        epochs=spec.epochs,
        schedule=trainer.schedule,
        spec=spec,
    )


def _complete(config: Config, files: list[Path]) -> dict[str, tuple[Entry, Settings]]:
    """Return each experiment with its trainer, and its spec: its own keys over those of its base, and so on.

    Raises UserError for whatever is wrong with them, all at once.
    """
    problems: list[str] = []
    chains: dict[str, list[str]] = {}
    entries: dict[str, Entry] = {}
    models: dict[str, type[Settings]] = {}
    for key, written in config.experiments.items():
        try:
            chains[key] = _chain(key, config.experiments)
            name = next(
                (found for link in chains[key] if (found := config.experiments[link].get("trainer")) is not None), None
            )
            if name is None:
                raise ValueError(f"experiments.{key}.trainer: not given, neither here nor in a base")
            refuse_other_than_text(f"experiments.{key}.trainer", name)
            refuse_unknown(f"experiments.{key}.trainer", [name], config.trainers, "trainer")
            try:
                models[key] = config.trainers[name].settings_model()
            except UserError as error:
                raise ValueError(f"trainers.{name}.settings: {error}") from None
            entry = entry_model(models[key])
            entries[key] = entry.model_validate(written).model_copy(update={"trainer": name})
        except ValidationError as error:
            problems += describe(error, entry, f"experiments.{key}")
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise invalid(problems, files)
    complete: dict[str, tuple[Entry, Settings]] = {}
    for key, entry_ in entries.items():
        given: dict[str, Any] = {}
        for link in reversed(chains[key]):
            given |= entries[link].model_dump(exclude_unset=True, exclude=set(Entry.model_fields))
        try:
            complete[key] = (entry_, models[key].model_validate(given))
        except ValidationError as error:
            missing = [str(problem["loc"][0]) for problem in error.errors() if problem["type"] == "missing"]
            wrong = [str(problem["ctx"]["error"]) for problem in error.errors() if problem["type"] == "value_error"]
            # A base with another trainer may set what this one does not know.
            strange = [str(p["loc"][0]) for p in error.errors() if p["type"] not in ("missing", "value_error")]
            if strange:
                wrong.append(f"{', '.join(strange)} of its base is nothing that trainer {entry_.trainer} takes")
            if missing:
                wrong.append(f"{', '.join(missing)} not given, neither here nor in a base")
            problems.append(f"experiments.{key}: {'; '.join(wrong)}")
    if problems:
        raise invalid(problems, files)
    return complete


def _chain(key: str, experiments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return an experiment, its base, the base of that, and so on. Raises ValueError for a base that cannot be."""
    chain: list[str] = []
    following: Any = key
    while following is not None:
        refuse_other_than_text(f"experiments.{(chain or [key])[-1]}.base", following)
        if following not in experiments:
            raise ValueError(
                f"experiments.{chain[-1]}.base: found {following!r}, which does not exist; "
                f"known: {', '.join(sorted(experiments))}"
            )
        if following in chain:
            raise ValueError(f"experiments.{key}.base: leads back to itself: {' -> '.join([*chain, following])}")
        chain.append(following)
        following = experiments[following].get("base")
    return chain
