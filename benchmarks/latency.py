"""How long whoever writes waits: from a saved sentence to the page, from a command to its answer.

Medians of `ROUNDS`, on a build that is there (`make report` or `make demo` first; its folder is the argument). Seconds
of the clock are what a reader feels; those of the processor beside them do not grow with what else the machine does.

    python benchmarks/latency.py [results]

| from | to | what is measured |
|---|---|---|
| a saved sentence | HTML for the browser | `rederive preview`: file written, text rendered and set, page fetched |
| a saved sentence | four formats | Snakemake: Markdown, HTML, LaTeX, PDF |
| nothing changed | "nothing to be done" | `snakemake -n`, less the same over an empty Snakefile |
| a question | its answer | `rederive status`, `trace`, `why` |

Where each limit lies: the sentence, in rendering the text (Jinja) and pandoc for one section; the formats, in the
slowest of three pandocs and the PDF's compiler, after a start of Snakemake; the question, in importing pydantic.
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
GOALS = {"sentence": 0.7, "formats": 4.0, "nothing": 0.4, "question": 0.3}
SENTENCE = "A sentence of round {}."
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


def sentence(project: Path, results: Path) -> Measured:
    """Return what passes between a saved sentence and the page that has it."""
    from rederive.cli.common import proved
    from rederive.layout import Layout
    from rederive.report.preview import PAGE, Preview, server

    layout = Layout(results)
    preview = Preview(layout, proved(layout), project / "report")
    preview.update()
    http = server(preview, 0)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{http.server_port}"

    def one(i: int) -> Measured:
        began, used = time.perf_counter(), os.times()
        say(project, i)
        preview.update()
        with urllib.request.urlopen(address + PAGE) as answer:
            if SENTENCE.format(i) not in answer.read().decode():
                sys.exit(f"the page does not have the sentence: {preview.error}")
        now = os.times()
        return time.perf_counter() - began, sum(now[:4]) - sum(used[:4])

    try:
        return median(one)
    finally:
        http.shutdown()


def say(project: Path, i: int) -> None:
    """Put a sentence into the text."""
    (project / "report" / SECTION).write_text(
        (ROOT / "report" / SECTION).read_text(encoding="utf-8") + f"\n{SENTENCE.format(i)}\n", encoding="utf-8"
    )


def main() -> None:
    """Print a line for each wait; exit with 1 where one is longer than its goal."""
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results").resolve()
    programs = Path(sys.executable).parent
    rederive, snakemake = str(programs / "rederive"), str(programs / "snakemake")
    runs = json.loads((results / "study.json").read_text(encoding="utf-8"))["report"]["runs"]
    settings = ["--config", f"report={{runs: {runs}}}", "--cores", "2", "--quiet", "all"]
    found: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as name:
        project = Path(name, "project")
        shutil.copytree(ROOT / "report", project / "report")
        found["sentence"] = sentence(project, results)
        empty = Path(name, "empty")
        empty.mkdir()
        (empty / "Snakefile").write_text('rule all:\n    output: "a"\n    shell: "touch a"\n', encoding="utf-8")
        plan = median(lambda _: command(ROOT, snakemake, "-n", *settings))
        bare = median(lambda _: command(empty, snakemake, "-n", "--cores", "2", "--quiet", "all"))
        found["nothing"] = (plan[0] - bare[0], plan[1] - bare[1])
        for question in (["status"], ["trace", "study.runs"], ["why", "render"]):
            asked = [rederive, *question, "--study", f"{results}/study.json"]
            taken = median(lambda _, asked=asked: command(ROOT, *asked))  # type: ignore[misc]
            found["question"] = max(found.get("question", taken), taken)
    original = (ROOT / "report" / SECTION).read_text(encoding="utf-8")
    try:

        def formats(i: int) -> Measured:
            (ROOT / "report" / SECTION).write_text(original + f"\n{SENTENCE.format(i)}\n", encoding="utf-8")
            return command(ROOT, snakemake, *settings)

        found["formats"] = median(formats)
    finally:
        (ROOT / "report" / SECTION).write_text(original, encoding="utf-8")
    print(f"{'wait':<10} {'seconds':>8} {'of the processor':>17} {'goal':>6}")
    for wait, (wall, cpu) in found.items():
        print(f"{wait:<10} {wall:8.2f} {cpu:17.2f} {GOALS[wait]:6.1f}")
    sys.exit(any(wall > GOALS[wait] for wait, (wall, _) in found.items()))


if __name__ == "__main__":
    main()
