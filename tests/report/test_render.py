import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from tests import synthetic
from typer.testing import CliRunner, Result

from rederive.cli import app
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.report.trace import describe


@pytest.fixture
def build(built: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may change."""
    shutil.copytree(built, tmp_path / "build")
    return tmp_path / "build"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the templates that a test may change."""
    shutil.copytree(synthetic.TEMPLATES, tmp_path / "templates")
    return tmp_path / "templates"


def text_of(folder: Path) -> str:
    return (folder / "report" / "report.md").read_text()


def test_every_section_is_there_in_order(built: Path) -> None:
    headings = re.findall(r"^# (.*)$", text_of(built), re.MULTILINE)
    assert headings == [
        *("Abstract", "At a glance", "The project", "Summary", "Derivations", "Implementation", "Sigmoid and ReLU"),
        *("Configurations on MNIST", "Initial weights", "A convolutional network on CIFAR-10"),
        *("Variations of network and training", "Where we disagree", "Beyond the write-up"),
        "Protocol, and where it departs",
        *("How this was built", "Discussion", "Conclusion", "References", "Appendix: the tests"),
        "Appendix: where the numbers come from",
    ]


def test_the_front_matter_is_what_sites_read(built: Path) -> None:
    front = yaml.safe_load(text_of(built).split("---\n")[1])
    assert front["title"] == "A deep-learning write-up, rederived"
    assert front["layout"] == "page"


def test_the_front_matter_tells_version_and_day_of_release(built: Path) -> None:
    front = yaml.safe_load(text_of(built).split("---\n")[1])
    project = yaml.safe_load((synthetic.REPOSITORY / "CITATION.cff").read_text())
    assert front["date"] == str(project["date-released"])
    assert front["version"] == project["version"]
    assert front["author"] == [author["name"] for author in project["authors"]]


def test_figures_are_linked_where_they_lie(built: Path) -> None:
    links = re.findall(r"\]\(([^)#]+\.svg)\)", text_of(built))
    assert len(links) >= 12
    assert all((built / "report" / link).resolve().is_file() for link in links)


def test_every_link_within_the_text_has_its_target(built: Path) -> None:
    text = text_of(built)
    targets = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= targets


def test_every_shipped_reference_is_cited(built: Path) -> None:
    known = set(re.findall(r"^@\w+\{(\w+),", (synthetic.TEMPLATES / "references.bib").read_text(), re.MULTILINE))
    assert set(re.findall(r'id="ref-(\w+)"', text_of(built))) == known


def test_every_number_of_the_text_is_in_the_trace_with_its_place(built: Path) -> None:
    trace = json.loads((built / "report" / "trace.json").read_text())
    anchors = {number["anchor"] for number in trace["numbers"].values()}
    assert set(re.findall(r"\]\(#(n-[^)]+)\)", text_of(built))) == anchors
    assert trace["numbers"]["mnist.relu.accuracy"]["uses"] == ["table activations", "table agreement"]
    assert "table cifar10_parameters" in trace["numbers"]["cifar10.batch_16.published"]["uses"]
    assert "network" in trace["numbers"]["cifar10.batch_16.published"]["uses"]
    assert all(run in trace["runs"] for number in trace["numbers"].values() for run in number.get("runs", []))


def test_neither_host_nor_time_nor_folder_is_in_the_report(built: Path) -> None:
    for path in (built / "report").iterdir():
        content = path.read_text()
        for secret in ("should-not-appear", "T00:00:00", "T01:00:00", str(built), str(synthetic.REPOSITORY)):
            assert secret not in content, f"{secret} in {path.name}"


def test_an_unknown_key_stops_the_report_and_names_its_neighbours(build: Path, templates: Path) -> None:
    (templates / "sections" / "abstract.md.j2").write_text("{{ num('mnist.relu.acuracy') }}")
    with pytest.raises(UserError, match=r"mnist\.relu\.acuracy.*nearest: mnist\.relu\.accuracy"):
        synthetic.render_build(build, templates)


def test_a_typed_number_stops_the_report(build: Path, templates: Path) -> None:
    (templates / "sections" / "abstract.md.j2").write_text("ReLU reaches 0.973.")
    with pytest.raises(UserError, match=r"abstract\.md\.j2, line 1: 0\.973"):
        synthetic.render_build(build, templates)


def test_a_number_typed_into_a_claim_stops_the_report(build: Path, templates: Path) -> None:
    claims = (templates / "claims.yaml").read_text()
    (templates / "claims.yaml").write_text(claims.replace("Twice the filters raise", "In 9 runs they raise"))
    with pytest.raises(UserError, match=r"filters_help: holds, line 1: 9"):
        synthetic.render_build(build, templates)


def test_a_reference_to_a_figure_that_is_not_there_stops_the_report(build: Path, templates: Path) -> None:
    (templates / "sections" / "abstract.md.j2").write_text("{{ fig('nowhere') }}")
    with pytest.raises(UserError, match="refers to fig-nowhere"):
        synthetic.render_build(build, templates)


@pytest.mark.parametrize("mistake", ["{{ undefined_thing }}", "{% if %}", "{{ num() }}"])
def test_a_mistake_in_a_template_is_an_error_with_its_place(build: Path, templates: Path, mistake: str) -> None:
    (templates / "sections" / "abstract.md.j2").write_text(f"text\n\n{mistake}")
    with pytest.raises(UserError, match=r"abstract\.md\.j2, line 3"):
        synthetic.render_build(build, templates)


def test_a_misspelt_function_is_answered_with_its_neighbours(build: Path, templates: Path) -> None:
    (templates / "sections" / "abstract.md.j2").write_text("{{ figur('mnist_activations', 'Ours.') }}")
    with pytest.raises(UserError, match=r"'figur' is undefined; nearest: .*\bfigure\b"):
        synthetic.render_build(build, templates)


def test_one_derivation_is_printed_where_the_text_asks_for_it(build: Path, templates: Path) -> None:
    (templates / "report.md.j2").write_text("{{ derivation('normalize') }}\n{{ references() }}")
    synthetic.render_build(build, templates)
    proof = json.loads((build / "derivations" / "normalize.json").read_text())
    printed = text_of(build)
    assert all(step["index_latex"] in printed for step in proof["steps"])
    assert proof["result_latex"] in printed
    (templates / "report.md.j2").write_text("{{ derivation('normalise') }}")
    with pytest.raises(UserError, match="the derivation 'normalise', which does not exist; nearest: normalize"):
        synthetic.render_build(build, templates)


def test_a_number_of_a_text_without_sections_is_used_in_the_text(build: Path, templates: Path) -> None:
    (templates / "report.md.j2").write_text("{{ num('mnist.relu.accuracy') }}\n{{ references() }}")
    synthetic.render_build(build, templates)
    assert "used in      the text" in describe(Layout(build), "mnist.relu.accuracy")


def test_claims_without_a_place_are_the_reports_own(build: Path, templates: Path) -> None:
    assert "| What the write-up concludes " in text_of(build)
    claims = templates / "claims.yaml"
    claims.write_text(re.sub(r"^  place: .*\n", "", claims.read_text(), flags=re.MULTILINE))
    synthetic.conclude(build, claims)
    (templates / "report.md.j2").write_text("{{ scorecard('All.') }}\n{{ references() }}")
    synthetic.render_build(build, templates)
    header, _, *rows = (line.split("|") for line in text_of(build).splitlines() if line.startswith("|"))
    assert header[2].strip() == "Claim"
    assert {row[5].strip() for row in rows} == {"this report"}


def test_without_a_proof_there_is_no_report(build: Path) -> None:
    path = build / "derivations" / "normalize.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"passed": False}))
    (build / "report" / "report.md").unlink()
    with pytest.raises(UserError, match="no report: the derivation normalize does not pass"):
        synthetic.render_build(build)
    assert not (build / "report" / "report.md").exists()


def test_the_text_says_what_the_verdict_says(build: Path) -> None:
    sentence = "Single samples do cost accuracy"
    assert sentence in text_of(build)
    assert "[Claim 13: holds](#claim-13)" in text_of(build)
    runs = (build / "runs.csv").read_text().splitlines()
    # The same run table, but for the accuracies of batch size 1.
    changed = [re.sub(r"^(cifar10.batch_1,.*,accuracy),.*", r"\1,0.9", line) for line in runs]
    (build / "runs.csv").write_text("\n".join(changed) + "\n")
    synthetic.conclude(build)
    synthetic.render_build(build)
    assert sentence not in text_of(build)
    assert "Single samples cost no accuracy" in text_of(build)
    assert "[Claim 13: does not hold](#claim-13)" in text_of(build)
    scorecard = next(line for line in text_of(build).splitlines() if 'id="claim-13"' in line)
    assert "| **does not hold** |" in scorecard


def test_the_exit_code_says_what_the_verdict_says(build: Path, templates: Path) -> None:
    claims = templates / "claims.yaml"
    entries = yaml.safe_load(claims.read_text())
    for entry in entries.values():
        entry.pop("expected", None)  # whatever the study pins: this test has one pin of its own
    entries["single_samples_cost"]["expected"] = {"official": "holds"}
    claims.write_text(yaml.safe_dump(entries, sort_keys=False))

    def checked() -> Result:
        synthetic.conclude(build, claims)
        return CliRunner().invoke(app, ["check-claims", "--study", str(build / "study.json")])

    assert checked().exit_code == 0
    runs = (build / "runs.csv").read_text().splitlines()
    changed = [re.sub(r"^(cifar10.batch_1,.*,accuracy),.*", r"\1,0.9", line) for line in runs]
    (build / "runs.csv").write_text("\n".join(changed) + "\n")
    result = checked()
    assert result.exit_code == 1
    assert result.output == "claim 13 (single_samples_cost): does not hold; pinned: holds\n"


def test_one_seed_is_said_once_to_be_too_few(built: Path, tmp_path: Path) -> None:
    folder = synthetic.whole_build(tmp_path, synthetic.study(seeds=[0]), drawn=built)
    text = text_of(folder)
    assert text.count("Every experiment was run once, with one seed") == 1
    # What only several seeds can have is neither promised nor left empty.
    for word in ("95 % interval)", "One more run", "Mean (95", "mean over seeds with", "seeds' range", "1 seeds"):
        assert word not in text, word
    assert "These runs cannot test that" not in text
    assert len(re.findall(r"Our one run points the (same|other) way: \[", text)) >= 16
    assert len(re.findall(r"\| one run: the (same|other) way +\|", text)) == 16
    assert "Here as in the write-up each experiment was run once" in text
    assert "**One run beside another.**" in text
    ways = {way: len(re.findall(rf"\| one run: the {way} way +\|", text)) for way in ("same", "other")}
    trace = json.loads((folder / "report" / "trace.json").read_text())["numbers"]
    assert {way: trace[f"claims.{way}_way"]["value"] for way in ways} == ways


def test_a_route_that_leads_elsewhere_is_counted_in_the_table_of_derivations(build: Path) -> None:
    proof = synthetic.proofs(build)[0]
    facts = json.loads(proof.read_text())
    proof.write_text(json.dumps(facts | {"routes": {"kronecker": True, "adjoint": False, "exact": True}}))
    synthetic.conclude(build)
    synthetic.render_build(build)
    (row,) = re.findall(rf"^\| {facts['title']} \|.*$", text_of(build), re.MULTILINE)
    assert [cell.strip() for cell in re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", row).split("|")][4] == "2 of 3"


def test_stand_in_data_is_named_in_title_first_page_and_figures(tmp_path: Path) -> None:
    folder = synthetic.whole_build(tmp_path, synthetic.study(seeds=[0, 1], data={"source": "standin"}))
    text = text_of(folder)
    front, body = text.split("\n---\n", 1)
    assert yaml.safe_load(front.removeprefix("---\n"))["title"].startswith("[Stand-in data] ")
    assert body.strip().startswith("> **Stand-in data.** This report was built on generated images")
    alts = re.findall(r"!\[([^\n]*)\]\(\.\./figures/(?!graph)", text)
    assert len(alts) >= 10
    assert "What was measured here is nobody's result" in text
    assert "fig-agreement" not in text
    assert all(alt.startswith("Generated stand-in data") for alt in alts)


def test_a_study_with_runs_still_missing_has_a_report(built: Path, tmp_path: Path) -> None:
    made = synthetic.study(seeds=[0, 1])
    without = tuple(run for run in made.runs() if run != "mnist.benchmark")
    text = text_of(synthetic.whole_build(tmp_path, made, without, drawn=built))
    assert "[–](#n-cifar10-benchmark-accuracy)" in text
    assert "not testable with these runs" in text
