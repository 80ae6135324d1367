"""The page follows the text while it is written."""

import json
import shutil
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.layout import Layout
from rederive.report import preview as module
from rederive.report.preview import PAGE, Preview, serve, server


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the templates that a test may change."""
    shutil.copy(synthetic.REPOSITORY / "CITATION.cff", tmp_path)
    shutil.copytree(synthetic.TEMPLATES, tmp_path / "templates")
    return tmp_path / "templates"


@pytest.fixture
def preview(built: Path, templates: Path) -> Any:
    made = Preview(Layout(built), synthetic.proofs(built), templates)
    made.update()
    return made


def say(templates: Path, sentence: str) -> None:
    path = templates / "sections" / "conclusion.md.j2"
    path.write_text(path.read_text() + f"\n{sentence}\n")


def test_the_page_is_the_one_that_a_build_writes(preview: Any, built: Path) -> None:
    assert preview.error == ""
    assert preview.html == (built / "report" / "report.html").read_text()


def test_an_edit_converts_its_section_and_no_other(
    preview: Any, templates: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = []

    def convert(text: str, theme: str) -> str:
        converted.append(text)
        return f"<section id='x'><h2>{text}</h2></section>"

    monkeypatch.setattr(module, "html_section", convert)
    before = (built / "report" / "report.md").read_text()
    say(templates, "A new sentence.")
    preview.update()
    assert len(converted) == 1
    assert "A new sentence." in converted[0]
    assert "A new sentence." in preview.html
    assert preview.number == 2
    assert (built / "report" / "report.md").read_text() == before


def test_another_claim_is_tested(preview: Any, templates: Path, built: Path) -> None:
    claims = templates / "claims.yaml"
    claims.write_text(claims.read_text().replace("Single samples do cost accuracy", "They cost a lot"))
    verdicts = (built / "claims.json").read_text()
    preview.update()
    assert "They cost a lot" in preview.html
    assert (built / "claims.json").read_text() == verdicts


def test_a_mistake_is_told_and_the_page_stays(preview: Any, templates: Path) -> None:
    before = preview.html
    say(templates, "{{ num('mnist.relu.acuracy') }}")
    preview.update()
    assert "nearest: mnist.relu.accuracy" in preview.error
    assert (preview.html, preview.number) == (before, 1)


def test_a_build_without_numbers_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"numbers\.json: not found; build the report once"):
        Preview(Layout(tmp_path), [])


def test_the_browser_is_told(preview: Any, templates: Path) -> None:
    http = server(preview, 0)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{http.server_port}"
    try:
        with urllib.request.urlopen(f"{address}/events", timeout=60) as events:

            def told() -> Any:
                line = events.readline().decode()
                assert events.readline() == b"\n"
                return json.loads(line.removeprefix("data: "))

            assert told() == {"number": 1, "error": ""}
            say(templates, "A new sentence.")
            preview.update()
            assert told() == {"number": 2, "error": ""}
        with urllib.request.urlopen(f"{address}/", timeout=60) as answer:
            assert answer.url == f"{address}{PAGE}"
            assert "A new sentence." in answer.read().decode()
        with urllib.request.urlopen(f"{address}/numbers.json", timeout=60) as answer:
            assert "mnist.relu.accuracy" in json.loads(answer.read())
    finally:
        http.shutdown()
        http.server_close()


def test_what_is_saved_is_followed(preview: Any, templates: Path) -> None:
    stop = threading.Event()
    following = threading.Thread(target=serve, args=(preview, 0, stop), daemon=True)
    states = preview.states()
    assert next(states) == (1, "")
    following.start()
    for sentence in range(200):  # until the watcher has begun
        say(templates, f"Sentence {'x' * sentence}.")
        if stop.wait(0.5) or preview.number > 1:
            break
    assert next(states)[0] > 1
    stop.set()
    following.join(timeout=30)
    assert not following.is_alive()
