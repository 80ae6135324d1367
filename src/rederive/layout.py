"""Where the files of a build lie: the one place that knows."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# How the report looks in each format: the tool's.
THEME = Path(__file__).with_name("report") / "theme"

# The text of the study, and what the original published: files of a person, beside the configuration.
TEXT = Path("report")
CLAIMS = TEXT / "claims.yaml"
PUBLISHED = TEXT / "published.yaml"
PUBLISHED_CURVES = TEXT / "published_curves.csv"

# What other libraries say of the derivations' gradients: of a build in its results, and kept beside the kept runs.
ORACLES = "oracles.json"
# What came of the derivations' certificates: kept there, too.
CERTIFICATES = "certificates.json"


def job_name(seeds: Iterable[int]) -> str:
    """Return what the files of a training job with these seeds are called: seeds_0-1-2."""
    return f"seeds_{'-'.join(map(str, seeds))}"


def seeds_of(file: Path) -> list[int]:
    """Return the seeds of a file that `job_name` names."""
    return [int(seed) for seed in file.stem.removeprefix("seeds_").split("-")]


@dataclass(frozen=True)
class Layout:
    """The files below a results folder. Paths are made and not looked for."""

    folder: Path

    @classmethod
    def of(cls, study: str | Path) -> "Layout":
        """Return the layout of the folder that holds a resolved study."""
        return cls(Path(study).parent)

    @property
    def study(self) -> Path:
        """The resolved configuration."""
        return self.folder / "study.json"

    def manifest(self, data_set: str) -> Path:
        """Return what says of a data set where its arrays come from; they lie beside it."""
        return self.folder / "data" / data_set / "manifest.json"

    def run(self, experiment: str, seeds: Iterable[int]) -> Path:
        """Return the rows of a training job."""
        return self.runs / experiment / f"{job_name(seeds)}.csv"

    @property
    def runs(self) -> Path:
        """The folder of what training jobs write, one folder a run."""
        return self.folder / "runs"

    @staticmethod
    def provenance(rows: Path) -> Path:
        """Return what tells how the rows of a training job came about."""
        return rows.with_suffix(".json")

    def checkpoints(self, experiment: str) -> Path:
        """Return the folder of a run's states on its way."""
        return self.folder / "checkpoints" / experiment

    @property
    def taken(self) -> Path:
        """Which kept runs were taken for a report that trains nothing."""
        return self.folder / "taken.json"

    @property
    def replays(self) -> Path:
        """What came of training the beginning of a sample of kept runs again."""
        return self.folder / "replays.json"

    @property
    def run_table(self) -> Path:
        """The rows of all runs."""
        return self.folder / "runs.csv"

    @property
    def run_index(self) -> Path:
        """What made each run of the table."""
        return self.folder / "runs.json"

    @property
    def predictions(self) -> Path:
        """What each seed's last network says of every evaluation image."""
        return self.folder / "predictions.json"

    def derivation(self, name: str) -> Path:
        """Return what came of the proof of a derivation."""
        return self.folder / "derivations" / f"{name}.json"

    @property
    def oracles(self) -> Path:
        """What other libraries say of the derivations' gradients."""
        return self.folder / ORACLES

    @property
    def numbers(self) -> Path:
        """Every number that the text can use."""
        return self.folder / "numbers.json"

    def table(self, name: str) -> Path:
        """Return a result table."""
        return self.tables / f"{name}.csv"

    @property
    def tables(self) -> Path:
        """The folder of the result tables."""
        return self.folder / "tables"

    @property
    def claims(self) -> Path:
        """The verdicts on the claims."""
        return self.folder / "claims.json"

    @property
    def figures(self) -> Path:
        """The folder of the figures."""
        return self.folder / "figures"

    @property
    def figure_index(self) -> Path:
        """What each figure shows."""
        return self.figures / "index.json"

    def report(self, suffix: str) -> Path:
        """Return the report in a format, such as "md"."""
        return self.folder / "report" / f"report.{suffix}"

    @property
    def trace(self) -> Path:
        """Where the numbers of the report come from."""
        return self.folder / "report" / "trace.json"

    @property
    def printed(self) -> Path:
        """Every number that the report prints, as a table for people."""
        return self.folder / "report" / "numbers.csv"

    @property
    def package(self) -> Path:
        """The report's source, packed."""
        return self.folder / "report" / "report-source.tar.gz"
