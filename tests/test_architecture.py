"""The house in two parts: the tool knows no study, and nothing in it goes in circles."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
TOOL = SRC / "rederive"
MODULES = {
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(TOOL.rglob("*.py"))
}

# Of each part, what it may import of the others: dependencies point one way.
BELOW = {
    "autograd": set(),
    "data": set(),
    "proofs": {"autograd"},
    "training": {"data", "results"},
    "results": {"training"},
    "figures": {"autograd", "results"},
    "report": {"figures", "results", "training"},
    "audit": {"proofs", "figures", "report", "results", "training"},
}
# The same of the rooms of `proofs`; what stands beside them, `verification`, may know all.
ROOMS = {
    "prover": set(),
    "language": {"prover"},
    "checks": {"prover", "language"},
}
PARTS = {path.name for path in TOOL.iterdir() if path.is_dir() and path.name != "__pycache__"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield every module that a source file imports, anywhere in it, and whether it does so when it is loaded."""
    tree = ast.parse(path.read_text())
    at_once = {part for node in tree.body if not _later(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in MODULES else str(node.module), node in at_once


def _later(node: ast.stmt) -> bool:
    """Say whether a statement is a definition, or for the type checker alone."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or (
        isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )


def test_the_tool_names_no_data_set() -> None:
    files = [path for path in TOOL.rglob("*") if path.suffix in (".py", ".json", ".lua", ".css", ".html", ".js")]
    named = [str(path) for path in files if re.search("mnist|cifar", path.read_text(), re.IGNORECASE)]
    assert len(files) > 50
    assert named == []


@pytest.mark.parametrize("module", MODULES)
def test_the_tool_imports_no_study(module: str) -> None:
    others = {path.name for path in SRC.iterdir()} - {"rederive"}
    assert "writeup" in others
    assert [name for name, _ in imports(MODULES[module]) if name.partition(".")[0] in others] == []


@pytest.mark.parametrize("part", sorted(PARTS & BELOW.keys()))
def test_dependencies_point_one_way(part: str) -> None:
    found = {
        (module, name)
        for module, path in MODULES.items()
        if module.startswith(f"rederive.{part}")
        for name, _ in imports(path)
        if name.startswith("rederive.") and name.split(".")[1] in PARTS - BELOW[part] - {part}
    }
    assert {pair for pair in found if pair[1].split(".")[1] in BELOW} == set()


def test_the_report_knows_of_training_only_what_it_records() -> None:
    found = {
        name
        for module, path in MODULES.items()
        if module.startswith("rederive.report")
        for name, _ in imports(path)
        if name.startswith("rederive.training")
    }
    assert found == {"rederive.training.provenance"}


@pytest.mark.parametrize("room", ROOMS)
def test_the_rooms_of_proofs_know_only_those_below(room: str) -> None:
    assert {path.parent.name for path in (TOOL / "proofs").glob("*/*.py")} == set(ROOMS)
    inside = [module for module in MODULES if module.startswith(f"rederive.proofs.{room}")]
    named = {name for module in inside for name, _ in imports(MODULES[module]) if name.startswith("rederive.proofs")}
    assert named
    allowed = tuple(f"rederive.proofs.{known}." for known in (room, *ROOMS[room]))
    assert {name for name in named if not name.startswith(allowed)} == set()


def test_no_module_needs_itself_to_be_loaded() -> None:
    needs = {
        module: {name for name, at_once in imports(path) if at_once and name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    for module in needs:
        reached: set[str] = set()
        waiting = [*needs[module]]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += needs[name]
        assert module not in reached, f"{module} is imported in a circle"


def _written() -> dict[str, str]:
    """Return the texts that people read or run: documents, tests and the sources."""
    folders = ("docs", "src", "tests", "scripts", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".md", ".py", ".txt")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in [*ROOT.glob("*.md"), *files]}


def test_targets_of_make_that_are_named_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (target, file)
        for file, text in _written().items()
        for target in re.findall(r"`make ([a-z-]+)[^`]*`", text)
        if target not in targets
    }
    assert named == set()


def test_no_document_installs_the_other_project_of_this_name() -> None:
    installs = re.compile(r"pip install (?:-\S+ )*rederive(?!-paper)\b")
    assert installs.search("pip install rederive\n")
    assert [
        file for file, text in _written().items() if installs.search(text) and file != "tests/test_architecture.py"
    ] == []
