# Helpers of the rules. Nothing here reads data, imports torch or takes time: this file is read again in every job.
import hashlib
import inspect
import json
import sys
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from shlex import quote

from rederive.config import resolve
from rederive.proofs import derivation_names
from rederive.environment import present
from rederive.errors import UserError
from rederive.files import contents, sha256
from rederive.fingerprint import derivation, fingerprint, generating, plotting, preparing, training
from rederive.imports import load
from rederive.layout import CERTIFICATES, ORACLES, PUBLISHED, PUBLISHED_CURVES, THEME, Layout
from rederive.report.listings import listed_sources
from rederive.training.archive import to_take, valid
from rederive.training.cost import resources as training_resources
from rederive.training.history import to_csv
from rederive.workflow import put_command_on_path

put_command_on_path()

# Where there is pandas, Snakemake imports it, for longer than all else takes, to see whether a parameter is one of its
# tables. None of ours is.
sys.modules.setdefault("pandas", None)

try:
    study = resolve(config, [*workflow.configfiles, *workflow.overwrite_configfiles])
except UserError as error:
    raise WorkflowError(str(error))

# Where files lie in the results folder: for rules, as the path variable; for what is looked up while this is read, as
# the folder that it stands for.
layout = Layout(Path("<results>"))
there = Layout(Path(config.get("pathvars", {}).get("results", "results")))
study_file = str(there.study)

# Training asks for a GPU unless the config keeps it off them; a machine without one gives it nothing to wait for.
gpus = 0 if study.training.device == "cpu" else 1

# What Python, libraries and processor are: a parameter of training only where the configuration says so.
required_versions = present() if study.training.versions == "require" else None

templates = sorted(str(path) for pattern in ["**/*.j2", "*.yaml", "*.bib"] for path in Path("report").glob(pattern))
# What an original published: a study may have none, and need not have it of everything.
published = [str(path) for path in (PUBLISHED, PUBLISHED_CURVES) if path.exists()]
# Where the tool is installed says nothing: the contents of its files count.
theme = contents(THEME.iterdir())
# The report shows parts of these as they stand, comments too.
listings = contents(listed_sources(Path("report").rglob("*.j2")))

derivations = derivation_names(study.derivations)
derivations_of_the_report = expand("<results>/derivations/{derivation}.json", derivation=derivations)


def of_job(function):
    """A function that is asked of every training job. Snakemake finds out each time what it takes; here it is told."""
    function.__signature__ = inspect.signature(function)
    return function


@cache
def meaning_of(data_set):
    """How the arrays that networks are trained on are made; nothing where there are none."""
    if not data_set:
        return None
    declared = study.data.sets[data_set]
    if study.data.source == "official":
        return fingerprint(preparing(declared))
    return f"{declared.sizes}, seed {study.data.seed}, {fingerprint(generating(declared))}"


@cache
def code_of_trainer(name):
    return fingerprint(training(study.trainers[name]))


def with_provenance(paths):
    """The numbers of runs, and beside each what made it."""
    return [str(file) for path in paths for file in (path, layout.provenance(path))]


def runs_of(data_set=None):
    """What the training jobs of a data set write, or of all."""
    return with_provenance(study.run_files(layout, data_set))


def finished_runs():
    """The contents of the runs that are there or are taken, for a report before the last of them is trained.

    They are a parameter and no input: Snakemake would bring an input up to date, which is to train. Taking writes the
    numbers that are kept, and a record of its own: the parameter is the same before and after.
    """
    paths = map(Path, with_provenance(study.report_files(there)))
    now = {path.relative_to(there.folder).as_posix(): sha256(path) for path in paths if path.exists()}
    taken = json.loads(there.taken.read_text()) if there.taken.exists() else {}
    expected = {
        path.relative_to(there.folder).as_posix(): hashlib.sha256(to_csv(one.rows).encode()).hexdigest()
        for path, one in to_take(kept(), there).items()
    }
    told = {path: digest for path, digest in now.items() if path.endswith(".csv") or taken.get(path) != digest}
    return dict(sorted((told | expected).items()))


def code_of_derivation(name):
    """What a derivation's fingerprint starts from."""
    return derivation(name, study.derivations)


# Where answers of other programs are kept, as an option; a study need not keep anything.
kept_option = f"--kept {quote(str(study.training.archive))}" if study.training.archive else ""


def kept_file(name):
    """The content of a file that is kept beside the runs: a parameter and no input, for it need not be there."""
    path = Path(study.training.archive or "") / name
    return sha256(path) if study.training.archive and path.exists() else None


@of_job
def files_imported(wildcards):
    """The contents of the files that an imported run is read from; they are a parameter, for they are no output."""
    trainer = trainer_of(wildcards)
    if trainer.kind != "import":
        return None
    from rederive.training.imported import files_of

    found = files_of(trainer, study.experiments[wildcards.experiment], list(map(int, wildcards.seeds.split("-"))))
    return {str(path): sha256(path) for path in found}


def trainer_of(wildcards):
    return study.trainers[study.experiments[wildcards.experiment].trainer]


@of_job
def seeds_of_job(wildcards):
    return wildcards.seeds.replace("-", ",")


@of_job
def meaning_of_data(wildcards):
    return meaning_of(study.experiments[wildcards.experiment].data)


@of_job
def code_of_job(wildcards):
    return code_of_trainer(study.experiments[wildcards.experiment].trainer)


@of_job
def gpus_of(wildcards):
    return gpus if trainer_of(wildcards).python else 0


@of_job
def attempts(wildcards, attempt):
    return attempt


@cache
def kept():
    """The kept seeds that may be taken, by run."""
    if not study.training.archive:
        return {}
    with redirect_stdout(None):  # each job says in its log why a kept run is not taken
        return valid(study, Path(study.training.archive))


@of_job
def data_of(wildcards):
    """What says of the training data that they are there; nothing where all seeds are kept."""
    data_set = study.experiments[wildcards.experiment].data
    # What is taken needs no data.
    if not data_set or set(map(int, wildcards.seeds.split("-"))) <= kept().get(wildcards.experiment, {}).keys():
        return []
    return str(layout.manifest(data_set))


@cache
def sampled():
    """The kept runs of which a build trains the first steps again, and which of them."""
    sample = study.training.replay
    if not sample or not any(kept().values()):
        return []
    from rederive.training.replay import to_replay  # takes a second, and only some builds ask

    return [experiment for experiment, *_ in to_replay(study, Path(study.training.archive), [], [], sample)]


@cache
def kept_files():
    """The contents of the kept runs, for a report that trains nothing."""
    return {str(path): sha256(path) for path in sorted(Path(study.training.archive).rglob("*.json"))}


def kept_candidates():
    """The contents of the trainings for hypotheses: a parameter and no input, for no build trains them."""
    return {str(path): sha256(path) for path in sorted(Path(study.hypotheses.kept).rglob("*.csv"))}


@of_job
def spec_of(wildcards):
    """What a run is, as text: a run whose text changes is trained again, and no other."""
    spec = study.experiments[wildcards.experiment].spec
    return f"{spec.epochs} epochs of {spec.identity()}"


def training_needs(resource):
    """Megabytes or minutes of a training job: what its network, data and seeds need, times the attempt."""

    @of_job
    def need(wildcards, attempt):
        trainer, spec = trainer_of(wildcards), study.experiments[wildcards.experiment].spec
        cost = load(trainer.cost)(spec) if trainer.cost else None
        return attempt * getattr(training_resources(cost, len(wildcards.seeds.split("-"))), resource)

    return need
