"""What runs again after an edit, and above all what does not."""

import pytest
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow

TRAINING = {"train"}


def test_a_second_build_does_nothing(project: Project) -> None:
    assert project.jobs() == {}


def test_touched_files_change_nothing(project: Project) -> None:
    for path in [*project.folder.glob("src/**/*.py"), project.folder / "tiny.yaml"]:
        path.touch()
    assert project.jobs() == {}


def test_comments_docstrings_and_formatting_in_training_retrain_nothing(project: Project) -> None:
    for path in (*project.folder.glob("src/rederive/training/*.py"), *project.folder.glob("src/writeup/*.py")):
        lines = path.read_text().splitlines()
        code = [
            "# A comment on top.",
            *(line + "  # and one behind" if line == "import math" else line for line in lines),
        ]
        path.write_text("\n\n".join(["\n".join(code), "# The end.", ""]).replace('"""', '"""Of course: ', 1))
    assert project.jobs() == {}


def test_a_constant_of_one_trainer_retrains_its_runs_only(project: Project) -> None:
    project.edit("src/writeup/cnn.py", "0.5", "0.25")
    jobs = project.jobs()
    assert jobs["train"] == 1
    assert "verify" not in jobs


def test_an_operation_that_no_network_uses_retrains_nothing(project: Project) -> None:
    project.edit("src/rederive/autograd/ops.py", "class Normalize(Op):", "class Normalize(Op):\n    unused = 1\n")
    jobs = project.jobs()
    assert not TRAINING & jobs.keys()
    assert jobs["verify"] >= 1


def test_a_prose_edit_only_renders(project: Project) -> None:
    template = project.folder / "report" / "report.md.j2"
    template.write_text(template.read_text() + "\nOne more sentence.\n")
    jobs = project.jobs()
    assert "render" in jobs
    assert not {*TRAINING, "verify", "collect", "summarise", "plot", "standin", "resolve"} & jobs.keys()


def test_an_edited_experiment_reruns_alone_with_what_follows_from_it(project: Project) -> None:
    project.edit("tiny.yaml", "activation: relu", "activation: tanh")
    jobs = project.jobs()
    assert jobs["train"] == 1
    assert "verify" not in jobs
    assert {"collect", "summarise", "render"} <= jobs.keys()


def test_an_edited_base_reruns_what_is_built_on_it(project: Project) -> None:
    project.edit("tiny.yaml", "batch_size: 64", "batch_size: 32")
    assert project.jobs()["train"] == 2


def test_a_new_name_for_an_equal_experiment_trains_nothing(project: Project) -> None:
    project.edit("tiny.yaml", "  mnist.relu:", "  again: {base: mnist.benchmark}\n  mnist.relu:")
    assert not TRAINING & project.jobs().keys()


def test_a_further_seed_in_a_job_of_its_own_keeps_the_others(project: Project) -> None:
    project.edit("tiny.yaml", "seeds: [0]", "seeds: [0, 1]")
    jobs = project.jobs("--config", "training={seeds_per_job: 1, device: cpu}")
    assert jobs["train"] == 3


def test_another_mirror_or_title_trains_nothing(project: Project) -> None:
    project.edit("tiny.yaml", "data:\n", "data:\n  mirrors: [/somewhere/else]\n")
    project.edit("tiny.yaml", "seeds: [0]", "seeds: [0]\nreport: {title: Another}")
    assert not {*TRAINING, "standin", "verify"} & project.jobs().keys()


def test_a_change_that_gives_equal_files_stops_there(project: Project) -> None:
    project.edit("tiny.yaml", "seeds: [0]", "report: {pdf_engine: typst}\nseeds: [0]")
    project.snakemake()
    assert project.jobs() == {}
