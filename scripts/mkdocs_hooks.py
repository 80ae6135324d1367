"""What MkDocs is told beside mkdocs.yml: links to sources lead to the reference, commands document themselves."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
COMMANDS = "<!-- commands -->"
SOURCE = re.compile(r"\[([^\]]*)\]\(\.\./([^)]*)\)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Return a page without links that leave the documents, and with the commands where they are asked for."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, commands())
    if page.file.src_path.startswith("reference/"):
        return markdown
    return SOURCE.sub(_to_reference, markdown)


def _to_reference(link: re.Match[str]) -> str:
    """Return a link to what the reference says of a module; of another file only its name."""
    words, path = link[1], link[2]
    module = path.removeprefix("src/").removesuffix("/").removesuffix(".py").replace("/", ".")
    return f"[{words}][{module}]" if module in documented() else words


def documented() -> set[str]:
    """Return the modules that the reference shows."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(REFERENCE.glob("*.md"))]
    return set(re.findall(r"^::: (\S+)$", "\n".join(pages), re.MULTILINE))


def commands() -> str:
    """Return every command with its arguments and options, as the command line declares them."""
    import click
    import typer.main
    from typer.cli import get_docs_for_click

    from rederive.cli import app

    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=click.Context(command, info_name="rederive"), name="rederive", title=" ")
    return text.replace("# ", "", 1).strip()
