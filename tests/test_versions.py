"""What is recorded of Python, libraries and processor, and where it is told that they are others now."""

import json
import platform
from pathlib import Path

import numpy as np
from tests import synthetic

from rederive import environment
from rederive.layout import Layout
from rederive.records import RunFacts
from rederive.report.document import Document
from rederive.training.status import other_versions


def test_the_versions_are_those_of_the_libraries_themselves() -> None:
    found = environment.present()
    assert (found["python"], found["numpy"]) == (platform.python_version(), np.__version__)
    assert found["blas"].split()[0] in str(np.show_config(mode="dicts")["Build Dependencies"]["blas"])


def test_only_what_is_recorded_and_another_is_a_difference() -> None:
    here = environment.present()
    assert environment.differences({"python": here["python"], "numpy": "0.1", "rederive": "0.0"}) == {
        "numpy": f"numpy 0.1 (here {here['numpy']})"
    }
    assert environment.differences(environment.versions()) == {}


def test_status_names_the_runs_that_were_made_with_others(tmp_path: Path) -> None:
    study = synthetic.study(seeds=[0, 1])
    synthetic.write_build(tmp_path, study)
    layout = Layout(tmp_path)
    path = layout.provenance(study.run_files(layout)[0])
    for record in tmp_path.glob("runs/*/*.json"):
        made = json.loads(record.read_text())
        for seed in made["seeds"].values():
            seed["versions"] = environment.versions() | ({"numpy": "0.1"} if record == path else {})
        record.write_text(json.dumps(made))
    run = path.parent.name
    assert other_versions(study, layout) == [f"made with numpy 0.1 (here {np.__version__}): {run}"]


def test_the_report_tells_what_is_another() -> None:
    document = Document.__new__(Document)
    document.runs = {"mnist.relu": RunFacts(versions=[json.dumps({"numpy": "0.1"})])}
    assert "numpy 0.1" in document.other_versions()
    document.runs = {"mnist.relu": RunFacts(versions=[json.dumps(environment.versions())])}
    assert document.other_versions() == ""
