"""How long whoever writes waits: from a saved sentence to the page, from a command to its answer.

Medians of `ROUNDS`, in a study that was built (`make report` or `make demo` first; the study's folder is the argument).
Seconds of the clock are what a reader feels; those of the processor beside them grow less with what else the machine
does. Beside both stands what cannot be had for less, measured in the same run.

    python benchmarks/latency.py [study]

| from | to | what is measured |
|---|---|---|
| a saved sentence | HTML for the browser | `rederive preview`: file written, text rendered and set, page fetched |
| a saved sentence | four formats | Snakemake: Markdown, HTML, LaTeX, PDF |
| nothing changed | "nothing to be done" | `snakemake -n`, less the same over an empty Snakefile |
| a question | its answer | `rederive status`, `trace`, `why` |

The limits: for a sentence pandoc for its section; for four formats a Snakemake that has one thing to do, and the PDF
alone; for nothing to be done reading the configuration; for a question importing what reads the command line.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 5
GOALS = {"sentence": 0.7, "formats": 4.0, "nothing": 0.4, "status": 0.3, "trace": 0.3, "why": 0.3}
ROUNDS_CALLED = ["nought", "one", "two", "three", "four", "five"]  # for a digit in the text would be a typed number
SECTION = Path("sections", "conclusion.md.j2")

Measured = tuple[float, float]  # seconds of the clock, of the processor


def command(folder: Path, *arguments: str) -> Measured:
    """Return what a command takes."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(arguments, cwd=folder, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        if status:
            sys.exit(output.read())
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def median(measure: Callable[[int], Measured]) -> Measured:
    """Return the medians of several rounds, after one that fills caches."""
    measure(0)
    rounds = [measure(i) for i in range(1, ROUNDS + 1)]
    return statistics.median(wall for wall, _ in rounds), statistics.median(cpu for _, cpu in rounds)


def sentence(project: Path, results: Path, original: str) -> tuple[Measured, Measured]:
    """Return what passes between a saved sentence and the page that has it, and pandoc's part of that."""
    from rederive.cli.common import proved
    from rederive.layout import THEME, Layout
    from rederive.report.formats import html_section, split_front_matter
    from rederive.report.html_sections import split
    from rederive.report.preview import PAGE, Preview, server

    _, body = split_front_matter((results / "report" / "report.md").read_text(encoding="utf-8"))
    heading = original.split("\n", 1)[0]
    section = next(part for part in split(body) if part.startswith(heading))

    layout = Layout(results)
    preview = Preview(layout, proved(layout), project / "report")
    preview.update()
    http = server(preview, 0)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{http.server_port}"

    def one(i: int) -> Measured:
        began, used = time.perf_counter(), os.times()
        say(project, original, i)
        preview.update()
        with urllib.request.urlopen(address + PAGE) as answer:
            if said(i) not in answer.read().decode():
                sys.exit(f"the page does not have the sentence: {preview.error}")
        return since(began, used)

    def least(_: int) -> Measured:
        began, used = time.perf_counter(), os.times()
        html_section(section, THEME)
        return since(began, used)

    try:
        return median(one), median(least)
    finally:
        http.shutdown()


def since(began: float, used: os.times_result) -> Measured:
    """Return the seconds of clock and processor since a moment."""
    now = os.times()
    return time.perf_counter() - began, sum(now[:4]) - sum(used[:4])


def said(i: int) -> str:
    """Return the sentence of a round."""
    return f"A sentence of round {ROUNDS_CALLED[i]}."


def say(project: Path, original: str, i: int) -> None:
    """Put a sentence into the text."""
    (project / "report" / SECTION).write_text(original + f"\n{said(i)}\n", encoding="utf-8")


def main() -> None:
    """Print a line for each wait; exit with 1 where one is longer than its goal."""
    study = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT).resolve()
    results = study / "results"
    os.chdir(study)  # what the text tells of is looked for here
    original = (study / "report" / SECTION).read_text(encoding="utf-8")
    programs = Path(sys.executable).parent
    rederive, snakemake = str(programs / "rederive"), str(programs / "snakemake")
    runs = json.loads((results / "study.json").read_text(encoding="utf-8"))["report"]["runs"]
    settings = ["--config", f"report={{runs: {runs}}}", "--cores", "2", "--quiet", "all"]
    found: dict[str, Measured] = {}
    limits: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as name:
        project = Path(name, "project")
        shutil.copytree(study / "report", project / "report")
        found["sentence"], limits["sentence"] = sentence(project, results, original)
        empty = Path(name, "empty")
        empty.mkdir()
        (empty / "Snakefile").write_text('rule all:\n    output: "a"\n    shell: "touch a"\n', encoding="utf-8")
        plan = median(lambda _: command(study, snakemake, "-n", *settings))
        bare = median(lambda _: command(empty, snakemake, "-n", "--cores", "2", "--quiet", "all"))
        found["nothing"] = (plan[0] - bare[0], plan[1] - bare[1])
        limits["nothing"] = median(lambda _: command(study, sys.executable, "-c", "import rederive.config"))
        for question in (["status"], ["trace", "study.runs"], ["why", "render"]):
            found[question[0]] = median(lambda _, asked=question: command(study, rederive, *asked))  # type: ignore[misc]
            limits[question[0]] = median(lambda _: command(study, sys.executable, "-c", "import rederive.cli"))
        once = median(lambda i: command(empty, snakemake, "--force", "--cores", "2", "--quiet", "all"))
    try:

        def formats(i: int) -> Measured:
            say(study, original, i)
            return command(study, snakemake, *settings)

        found["formats"] = median(formats)
        pdf = median(lambda _: command(study, rederive, "convert", "pdf"))
        limits["formats"] = (once[0] + pdf[0], once[1] + pdf[1])
    finally:
        (study / "report" / SECTION).write_text(original, encoding="utf-8")
        command(study, snakemake, *settings)
    print(f"{'wait':<10} {'seconds':>8} {'of the processor':>17} {'goal':>6} {'the limit':>10}")
    for wait, (wall, cpu) in found.items():
        print(f"{wait:<10} {wall:8.2f} {cpu:17.2f} {GOALS[wait]:6.1f} {limits[wait][1]:10.2f}")
    sys.exit(any(wall > GOALS[wait] for wait, (wall, _) in found.items()))


if __name__ == "__main__":
    main()
