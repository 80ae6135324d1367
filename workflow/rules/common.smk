# Helpers of the rules. Nothing here reads data, imports torch or takes time: this file is read again in every job.
from pathlib import Path

from rederive.config import resolve
from rederive.derivations import derivation_names
from rederive.errors import UserError
from rederive.files import sha256
from rederive.fingerprint import fingerprint
from rederive.training.spec import resources as training_resources

try:
    study = resolve(config, [*workflow.configfiles, *workflow.overwrite_configfiles])
except UserError as error:
    raise WorkflowError(str(error))

study_file = f'{config.get("pathvars", {}).get("results", "results")}/study.json'

# Training asks for a GPU unless the config keeps it off them; a machine without one gives it nothing to wait for.
gpus = 0 if study.training.device == "cpu" else 1

templates = sorted(str(path) for pattern in ["**/*.j2", "*.yaml", "*.bib"] for path in Path("report").glob(pattern))
theme = sorted(str(path) for path in Path("report/theme").iterdir())
# The report shows parts of these as they stand, comments too.
listed_sources = sorted(map(str, Path("src/rederive/autograd").glob("*.py")))

derivations = derivation_names()
derivations_of_the_report = expand("<results>/derivations/{derivation}.json", derivation=derivations)

# How the arrays that networks are trained on are made.
if study.data.source == "official":
    meaning_of_data = fingerprint("rederive.data.prepare:prepare")
else:
    meaning_of_data = f"{study.data.standin.model_dump_json()} {fingerprint('rederive.data.standin:generate')}"


def with_provenance(paths):
    """The numbers of runs, and beside each what made it."""
    return [str(Path(path).with_suffix(ending)) for path in paths for ending in (".csv", ".json")]


def runs_of(dataset=None):
    """What the training jobs of a data set write, or of all."""
    return [f"<results>/{path}" for path in with_provenance(study.run_files(dataset))]


def finished_runs():
    """The contents of the runs that are there, for a report before the last of them is trained.

    They are a parameter and no input: Snakemake would bring an input up to date, which is to train.
    """
    results = Path(study_file).parent
    paths = with_provenance(study.report_files(results))
    return {path: sha256(results / path) for path in paths if (results / path).exists()}


def kept_hypotheses():
    """What was trained for the hypotheses; a parameter and no input, for the same reason."""
    kept = Path(study.hypotheses.kept)
    return sha256(kept) if kept.exists() else None


def code_of_derivation(name):
    """The definition that a derivation's fingerprint starts from."""
    return f"rederive.derivations.catalogue.{name}:DERIVATION"


def spec_of(dataset):
    """What a run is, as text: a run whose text changes is trained again, and no other."""

    def spec(wildcards):
        spec = study.experiments[f"{dataset}.{wildcards.experiment}"].spec
        return f"{spec.epochs} epochs of {spec.identity()}"

    return spec


def training_needs(dataset, resource):
    """Megabytes or minutes of a training job: what its network, data and seeds need, times the attempt."""
    runs = study.runs(dataset)

    def need(wildcards, attempt):
        spec = runs[f"{dataset}.{wildcards.experiment}"].spec
        seeds = len(wildcards.seeds.split("-"))
        return attempt * getattr(training_resources(spec, seeds), resource)

    return need
