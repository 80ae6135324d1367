"""The tables of the report, as Markdown with traced numbers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rederive.report.claims import counted
from rederive.report.markdown import NO_BREAK, anchor, code, escape, table
from rederive.report.numbers import bounds, identifier, plain
from rederive.results.agreement import STATUSES
from rederive.results.number_keys import DIFFERENCE, unknown
from rederive.results.summarise import published_inside
from rederive.results.table_columns import ABOUT, heading, with_ends

if TYPE_CHECKING:
    from rederive.report.document import Document

AGREE = ("both", "value_agrees")
STATUS = {words: key for key, words in STATUSES.items()}
AGREEMENT = {True: "inside", False: "outside", None: ""}
DIGITS = 8  # of a hash, in print
FILE_DIGITS = 6  # where a run has one for each seed


class Tables:
    """Each function returns a table with its caption above it."""

    def __init__(self, document: "Document"):
        self._document = document
        self._numbers = document.used_numbers

    def functions(self) -> dict[str, Any]:
        """Return the tables, and what chooses and names their rows, by the names that templates call them."""
        return {
            "table": self.results,
            "agreement_table": self.agreement,
            "rows_where": self.rows_where,
            "row_label": self.row_label,
            "read_like": self.read_like,
            "curve_table": self.curves,
            "networks": self.networks,
            "derivation_table": self.derivations,
            "equivalent_table": self.equivalents,
            "runs_table": self.runs,
        }

    def results(self, name: str, caption: str) -> str:
        """A result table of the study: each row reproduced and published, and whether they agree."""
        wanted = {table.name: table for table in self._document.study.tables}
        if name not in wanted:
            raise unknown(name, wanted, "table", "table")
        names, metric = wanted[name].rows, wanted[name].metric
        if columns := wanted[name].columns:
            return self._by_columns(name, caption, names, columns)
        header = ["Changed", "Value", "Epochs", "Ours" if self._document.one_seed else "Ours (95 % interval)"]
        compared = metric == self._document.study.headline
        if compared and any(f"{row}.published" in self._document.numbers for row in names):
            header += ["Published", "Difference"]
            header += [] if self._document.one_seed else ["One more run"]
        with self._numbers.at(f"table {name}"):
            rows = [self._result(row, metric)[: len(header)] for row in names]
        return self._document.captioned(name, caption, header, rows, "llrrrrl"[: len(header)])

    def _by_columns(self, name: str, caption: str, rows: Sequence[str], columns: Sequence[str]) -> str:
        """A table whose columns the config names."""
        study = self._document.study
        header = [heading(column, study.metrics, study.report.original) for column in columns]
        with self._numbers.at(f"table {name}"):
            found = [[self._cell(row, column) for column in columns] for row in rows]
        align = "".join("l" if column in ABOUT else "r" for column in columns)
        return self._document.captioned(name, caption, header, found, align)

    def _cell(self, row: str, column: str) -> str:
        if column in ABOUT:
            return escape(str(getattr(self._document.study.experiments[row], column)))
        if f"{row}.{column}" not in self._document.numbers:
            return "–"
        signed = column.startswith(DIFFERENCE)
        if not with_ends(column, self._document.study.metrics):
            return self._numbers.num(f"{row}.{column}")
        return self._numbers.interval(f"{row}.{column}", signed=signed, unbroken=True)

    def _result(self, name: str, metric: str) -> list[str]:
        experiment = self._document.study.experiments[name]
        has_published = f"{name}.published" in self._document.numbers
        return [
            escape(experiment.changed),
            escape(experiment.value) + (" (ours)" if experiment.origin == "ours" else ""),
            self._numbers.num(f"{name}.epochs"),
            self._numbers.interval(f"{name}.{metric}", unbroken=True) + self._lost(name),
            self._numbers.num(f"{name}.published") if has_published else "",
            self._numbers.num(f"{name}.difference", signed=True) if has_published else "",
            AGREEMENT[
                published_inside(
                    *(self._document.numbers.get(f"{name}.{key}") for key in ("published", "one_more_run"))
                )
            ],
        ]

    def _lost(self, name: str) -> str:
        """Say how many seeds of an experiment diverged or collapsed; nothing where all trained."""
        told = ""
        for fate in ("diverged", "collapsed"):
            found = self._document.numbers.get(f"{name}.{fate}")
            if found and found.value:
                told += f"; {self._numbers.num(f'{name}.{fate}')} of {counted(found.of or 0, 'seed')} {fate}"
        return told

    def agreement(self, caption: str) -> str:
        """All published rows: what was published, what ours came to, and what agrees."""
        metric = self._document.study.headline
        rows = []
        with self._numbers.at("table agreement"):
            for name in self._document.study.experiments:
                if (status := self._status(name)) is None:
                    continue
                rows.append(
                    [
                        self.row_label(name),
                        self._numbers.num(f"{name}.published"),
                        self._numbers.interval(f"{name}.{metric}", unbroken=True),
                        *(self._if_known(f"{name}.{key}") for key in ("value_z", "curve_distance")),
                        self._if_known(f"{name}.curve_multiple") + (" (pooled)" if self._pooled(name) else ""),
                        self._if_known(f"{name}.curve_chi2"),
                        STATUSES[status] if status in AGREE else f"**{STATUSES[status]}**",
                    ]
                )
        names = ["Row", "Published", "Ours (interval)", "Off by", "Curve off by", "In spreads", "χ²/n"]
        return self._document.captioned("agreement", caption, [*names, "What agrees"], rows, "lrrrrrrl")

    def rows_where(self, *statuses: str) -> list[str]:
        """Return the experiments whose status is one of these keys of STATUSES, in the order of the study."""
        for status in statuses:
            if status not in STATUSES:
                raise unknown(status, STATUSES, "rows_where", "status")
        return [name for name in self._document.study.experiments if self._status(name) in statuses]

    def row_label(self, name: str) -> str:
        """Return the data set's title, where there is one, and the label of an experiment, escaped."""
        experiment = self._document.study.experiments[name]
        if not experiment.data:
            return escape(experiment.label)
        return f"{escape(self._document.study.data.sets[experiment.data].title)}: {escape(experiment.label)}"

    def read_like(self, name: str) -> str:
        """Say after which other epoch of our run it has the published value of a row; nothing where it never has.

        It has it where the two differ by no more than what the claims call no difference of that metric.
        """
        study, metric = self._document.study, str(self._document.study.headline)
        experiment = study.experiments[name]
        nearest = self._document.numbers.get(f"{name}.nearest_epoch")
        margins = {margin.name: margin.value for margin in self._document.conclusions.margins()}
        margin = margins.get(f"{experiment.data} {metric}")
        if nearest is None or margin is None or nearest.value == experiment.epochs:
            return ""
        key = f"{experiment.run}.{metric}@{nearest.value}"
        ours, published = self._numbers.get(key).value, self._numbers.get(f"{name}.published").value
        if not isinstance(ours, float) or not isinstance(published, float) or abs(ours - published) > margin:
            return ""
        return f"after epoch {self._numbers.num(f'{name}.nearest_epoch')}, {self._numbers.num(key)}"

    def _status(self, name: str) -> str | None:
        number = self._document.numbers.get(f"{name}.agreement")
        return STATUS[str(number.value)] if number else None

    def _pooled(self, name: str) -> bool:
        number = self._document.numbers.get(f"{name}.curve_spread_is")
        return number is not None and number.value == "pooled"

    def _if_known(self, key: str) -> str:
        return self._numbers.num(key) if key in self._document.numbers else "–"

    def curves(self, metric: str, caption: str) -> str:
        """A metric of every run beside the published curves, in the first epoch and in the last of the experiment."""
        rows = []
        with self._numbers.at(f"table {metric}"):
            for name, experiment in self._document.study.experiments.items():
                if experiment.run != name or f"{name}.{metric}@1" not in self._document.numbers:
                    continue
                ends = [f"{name}.published_{metric}@{epoch}" for epoch in (1, experiment.epochs)]
                row = [self.row_label(name)]
                for epoch, key in zip((1, experiment.epochs), ends, strict=True):
                    row.append(self._numbers.interval(f"{name}.{metric}@{epoch}", unbroken=True))
                    row.append(self._numbers.num(key) if key in self._document.numbers else "–")
                rows.append(row)
        header = ["Experiment", "First epoch", "Published", "Last epoch", "Published"]
        return self._document.captioned(metric, caption, header, rows, "lrrrr")

    def networks(self, names: Sequence[str], caption: str) -> str:
        """Parameters and operations of the networks of some experiments, those that the study has."""
        with self._numbers.at("table networks"):
            rows = [
                [
                    escape(self._document.study.experiments[name].label),
                    self._numbers.num(f"{name}.parameters"),
                    self._numbers.num(f"{name}.flops_per_image"),
                ]
                for name in names
                if name in self._document.study.experiments
            ]
        header = ["Network of", "Parameters", "Operations for one image"]
        return self._document.captioned("networks", caption, header, rows, "lrr")

    # Proofs, runs, origins

    def derivations(self, caption: str) -> str:
        """How each derivation was checked."""
        rows = []
        oracles = sorted({oracle for derivation in self._document.derivations for oracle in derivation["oracles"]})
        with self._numbers.at("table of derivations"):
            for derivation in self._document.derivations:
                key = f"derivations.{derivation['name']}"
                rows.append(
                    [
                        escape(derivation["title"]),
                        f"{self._numbers.num(f'{key}.steps_proved')} of {self._numbers.num(f'{key}.steps')}",
                        _code_proved(derivation.get("code")),
                        f"{self._numbers.num(f'{key}.routes_right')} of {self._numbers.num(f'{key}.routes')}",
                        self._numbers.num(f"{key}.max_relative_error"),
                        *(_asked(derivation["oracles"].get(oracle)) for oracle in oracles),
                        f"{self._numbers.num(f'{key}.mutants_rejected')} of {self._numbers.num(f'{key}.mutants')}",
                    ]
                )
        names = [escape(ORACLES.get(oracle, oracle)) for oracle in oracles]
        header = ["Derivation", "Steps", "Code", "Routes", "Error", *names, "Mutants rejected"]
        return self._document.captioned("derivations", caption, header, rows, f"lrlrr{'l' * len(names)}r")

    def equivalents(self, caption: str) -> str:
        """The mutants that are right, by the reason why they are."""
        found: dict[str, list[str]] = {}
        for derivation in self._document.derivations:
            for reason, mutants in sorted(derivation.get("equivalents", {}).items()):
                found.setdefault(reason, []).extend(mutants)
        rows = [
            [
                escape(reason),
                str(len(mutants)),
                ", ".join(code(function) for function in sorted({mutant.split(":")[0] for mutant in mutants})),
            ]
            for reason, mutants in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        ]
        header = ["Why it computes the same", "Mutants", "Of"]
        return self._document.captioned("equivalents", caption, header, rows, "lrl")

    def runs(self, caption: str) -> str:
        """The runs, with what made them."""
        rows = []
        for run, facts in sorted(self._document.runs.items()):
            files = [digest[:FILE_DIGITS] for _, digest in sorted(facts.files.items())]
            hashes = [
                ", ".join(code(str(value)[:DIGITS]) for value in found) or "–"
                for found in (facts.fingerprint, facts.data_checksum)
            ]
            seeds = ", ".join(map(str, facts.seeds)) + (" (all the same)" if facts.deterministic else "")
            fates = [("diverged", facts.diverged), ("collapsed", facts.collapsed)]
            remarks = [f"{', '.join(map(str, sorted(lost)))} {fate}" for fate, lost in fates if lost]
            reasons = sorted(set(facts.left_out.values()))
            remarks += [f"{_seeds_with(facts.left_out, reason)} {reason.removeprefix('was ')}" for reason in reasons]
            if facts.imported:
                told = ", ".join(f"{file} {digest[:DIGITS]}" for file, digest in sorted(facts.imported.items()))
                remarks.append(f"imported, not trained: {told}")
            rows.append(
                [
                    code(run),
                    escape(seeds + (f" ({'; '.join(remarks)})" if remarks else "")),
                    str(facts.epochs),
                    *hashes,
                    ", ".join(code(digest) for digest in files),
                ]
            )
        header = ["Run", "Seeds", "Epochs", "Code", "Data", "Files"]
        return self._document.captioned("runs", caption, header, rows, "llrlll")

    def origins(self) -> str:
        """All numbers that the text uses, each with where it comes from in a few words."""
        rows = []
        for key in sorted(self._numbers.uses):
            number = self._numbers.get(key)
            how = (number.brief or number.how) + (f" ({number.missing})" if number.missing else "")
            value = f"{plain(number)} {bounds(number)}".strip()
            rows.append([anchor(code(key), identifier(key)), escape(value).replace(" ", NO_BREAK), escape(how)])
        return table(["Key", "Value", "From"], rows, "lll")


def _code_proved(found: Mapping[str, Any] | None) -> str:
    if not found:
        return "–"
    if found["proved"] is None:  # no operation of the engine is what this derivation is about
        return "–"
    return "proved" if found["proved"] else "**not proved**"


ORACLES = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}


def _asked(outcome: Any) -> str:
    """Say whether another library gave the same gradient; a text says why it was not asked."""
    return "–" if outcome is None else escape(outcome) if isinstance(outcome, str) else "✓"


def _seeds_with(reasons: Mapping[int, str], reason: str) -> str:
    """Return the seeds that have a reason, as text."""
    return ", ".join(str(seed) for seed, told in sorted(reasons.items()) if told == reason)
