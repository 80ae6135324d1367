"""What changes a fingerprint, and what must not: shown on small packages written for each case."""

from pathlib import Path

import pytest

from rederive.fingerprint import _project, definitions, fingerprint

PACKAGE = {
    "pkg/__init__.py": "",
    "pkg/train.py": '''
"""Train."""
from pkg import steps
from pkg.constants import RATE
from .nets.layers import Dense as Layer

BATCH = 4

def train(data: list) -> float:
    """Train on data."""
    # one layer
    layer = Layer(BATCH)
    return steps.step(layer, RATE)

def unrelated():
    return 1
''',
    "pkg/steps.py": """
UNUSED = 1
SCALE = 2
def step(layer, rate):
    import pkg.late
    return pkg.late.helper(layer) * SCALE
""",
    "pkg/late.py": "def helper(x):\n    return x\ndef other(x):\n    return -x\n",
    "pkg/constants.py": "RATE = 0.1\nOTHER = 7\n",
    "pkg/nets/__init__.py": "",
    "pkg/nets/layers.py": """
class Base:
    depth = 1
class Dense(Base):
    units: int = 3
class Conv(Base):
    pass
""",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in PACKAGE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def edited(package: Path, name: str, old: str, new: str) -> str:
    path = package / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    _project.cache_clear()
    return fingerprint("pkg.train:train", root=package)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pkg/train.py", "# one layer", "# a single layer"),
        ("pkg/train.py", '"""Train on data."""', '"""Train on the data.\n\n    Twice.\n    """'),
        ("pkg/train.py", "data: list) -> float", "data: 'tuple[int]') -> 'int'"),
        ("pkg/train.py", "Layer(BATCH)", "Layer(\n        BATCH,\n    )"),
        ("pkg/train.py", "return 1", "return 2"),
        ("pkg/train.py", '"""Train."""', '"""Another module docstring."""'),
        ("pkg/steps.py", "UNUSED = 1", "UNUSED = 2"),
        ("pkg/late.py", "return -x", "return +x"),
        ("pkg/constants.py", "OTHER = 7", "OTHER = 8"),
        ("pkg/nets/layers.py", "pass", "size = 3"),
    ],
)
def test_meaning_is_kept(package: Path, name: str, old: str, new: str) -> None:
    before = fingerprint("pkg.train:train", root=package)
    assert edited(package, name, old, new) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pkg/train.py", "BATCH = 4", "BATCH = 5"),
        ("pkg/train.py", "BATCH = 4", "BATCH = 4\nBATCH += 1"),
        ("pkg/steps.py", "SCALE = 2", "SCALE = 3"),
        ("pkg/late.py", "return x", "return 2 * x"),  # imported inside a function, used as an attribute
        ("pkg/constants.py", "RATE = 0.1", "RATE = 0.2"),  # from module import name
        ("pkg/nets/layers.py", "depth = 1", "depth = 2"),  # a base class, through a relative import with a new name
        ("pkg/nets/layers.py", "units: int = 3", "units: int = 4"),
        ("pkg/nets/layers.py", "class Base", "print('imported')\nclass Base"),  # runs on import
    ],
)
def test_meaning_is_changed(package: Path, name: str, old: str, new: str) -> None:
    before = fingerprint("pkg.train:train", root=package)
    assert edited(package, name, old, new) != before


def test_a_name_given_on_by_a_package_is_followed(package: Path) -> None:
    (package / "pkg/nets/__init__.py").write_text("from .layers import Dense\n")
    _project.cache_clear()
    assert edited(package, "pkg/train.py", "from .nets.layers import", "from .nets import")
    before = fingerprint("pkg.train:train", root=package)
    assert edited(package, "pkg/nets/layers.py", "units: int = 3", "units: int = 5") != before


def test_a_module_used_as_a_value_counts_whole(package: Path) -> None:
    edited(package, "pkg/train.py", "steps.step(layer, RATE)", "run(steps)")
    before = fingerprint("pkg.train:train", root=package)
    assert edited(package, "pkg/steps.py", "UNUSED = 1", "UNUSED = 2") != before


def test_two_definitions_that_change_places_have_one_meaning(package: Path) -> None:
    before = fingerprint("pkg.train:train", root=package)
    assert edited(package, "pkg/constants.py", "RATE = 0.1\nOTHER = 7", "OTHER = 7\nRATE = 0.1") == before


def test_an_entry_that_does_not_exist_is_refused(package: Path) -> None:
    with pytest.raises(ValueError, match="pkg.train:trian"):
        fingerprint("pkg.train:trian", root=package)


def test_what_is_hashed_can_be_read(package: Path) -> None:
    reached = [entry.split("\n", 1)[0].rsplit(":", 1)[0] for entry in definitions("pkg.train:train", root=package)]
    assert reached == [
        "pkg.constants:RATE",
        "pkg.late:helper",
        "pkg.nets.layers:Base",
        "pkg.nets.layers:Dense",
        "pkg.steps:SCALE",
        "pkg.steps:step",
        "pkg.train:BATCH",
        "pkg.train:train",
    ]
