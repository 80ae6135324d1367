"""What changes a fingerprint, and what must not: shown on small packages written for each case."""

from pathlib import Path

import pytest

from rederive.errors import UserError
from rederive.fingerprint import Root, fingerprint, reach
from rederive.fingerprint.modules import project

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
    "pkg/late.py": "def helper(x):\n    return x.depth + x.units\ndef other(x):\n    return -x\n",
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


def of(package: Path, **files: str) -> str:
    """Return the fingerprint of pkg.train:train, with some modules of the package replaced: train="..."."""
    for name, text in files.items():
        (package / "pkg" / f"{name}.py").write_text(text)
    project.cache_clear()
    return fingerprint("pkg.train:train", sources=package)


def edited(package: Path, name: str, old: str, new: str) -> str:
    path = package / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return of(package)


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
    before = of(package)
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
    before = of(package)
    assert edited(package, name, old, new) != before


def test_a_name_given_on_by_a_package_is_followed(package: Path) -> None:
    (package / "pkg/nets/__init__.py").write_text("from .layers import Dense\n")
    assert edited(package, "pkg/train.py", "from .nets.layers import", "from .nets import")
    before = of(package)
    assert edited(package, "pkg/nets/layers.py", "units: int = 3", "units: int = 5") != before


def test_a_module_used_as_a_value_counts_whole(package: Path) -> None:
    edited(package, "pkg/train.py", "steps.step(layer, RATE)", "run(steps)")
    before = of(package)
    assert edited(package, "pkg/steps.py", "UNUSED = 1", "UNUSED = 2") != before


def test_two_definitions_that_change_places_have_one_meaning(package: Path) -> None:
    before = of(package)
    assert edited(package, "pkg/constants.py", "RATE = 0.1\nOTHER = 7", "OTHER = 7\nRATE = 0.1") == before


@pytest.mark.parametrize(
    "address", ["pkg.train:trian", "pkg.trian:train", "pkg.nets.layers:Dense.unit", "other.train:train"]
)
def test_what_does_not_exist_is_refused(package: Path, address: str) -> None:
    with pytest.raises(UserError, match=address):
        fingerprint(address, sources=package)
    with pytest.raises(UserError, match=address):
        fingerprint(Root(("pkg.train:train",), left_out={address: "a reason"}), sources=package)


def test_what_is_reached_can_be_read(package: Path) -> None:
    definitions = reach("pkg.train:train", sources=package).definitions()
    assert list(definitions) == [
        "pkg.constants:RATE",
        "pkg.late:helper",
        "pkg.nets.layers:Base",
        "pkg.nets.layers:Dense",
        "pkg.steps:SCALE",
        "pkg.steps:step",
        "pkg.train:BATCH",
        "pkg.train:train",
    ]
    assert definitions["pkg.steps:SCALE"].source == "SCALE = 2"


# Pairs of modules `pkg.train`: the same program, written in two ways.
SAME = {
    "a local with another name": (
        "def train(data):\n    total = 0\n    for x in data:\n        total += x\n    return total",
        "def train(data):\n    sum_ = 0\n    for item in data:\n        sum_ += item\n    return sum_",
    ),
    "an argument passed by position": (
        "def f(x, y):\n    return x - y\ndef train(a):\n    return f(a, 1)",
        "def f(left, right):\n    return left - right\ndef train(b):\n    return f(b, 1)",
    ),
    "a function with another name": (
        "def f(x):\n    return x\ndef train(a):\n    return f(a)",
        "def g(x):\n    return x\ndef train(a):\n    return g(a)",
    ),
    "a class with another name": (
        "class A:\n    def run(self): return A\ndef train(a):\n    return A().run()",
        "class B:\n    def run(self): return B\ndef train(a):\n    return B().run()",
    ),
    "functions that call each other": (
        "def f(n): return g(n - 1)\ndef g(n): return f(n - 2)\ndef train(a): return f(a)",
        "def p(n): return q(n - 1)\ndef q(n): return p(n - 2)\ndef train(a): return p(a)",
    ),
    "the order of definitions": (
        "def f(x): return 1\ndef g(x): return 2\ndef train(a): return f(a) + g(a)",
        "def g(x): return 2\ndef train(a): return f(a) + g(a)\ndef f(x): return 1",
    ),
    "the order of methods": (
        "class A:\n    def f(self): return 1\n    def g(self): return 2\ndef train(a): return A().f() + A().g()",
        "class A:\n    def g(self): return 2\n    def f(self): return 1\ndef train(a): return A().f() + A().g()",
    ),
    "variables of a closure": (
        "def train(a):\n    n = 0\n    def f():\n        nonlocal n\n        n += a\n    f()\n    return n",
        "def train(a):\n    m = 0\n    def g():\n        nonlocal m\n        m += a\n    g()\n    return m",
    ),
    "variables of a comprehension": (
        "def train(a): return {k: v for k, v in a if k}",
        "def train(a): return {x: y for x, y in a if x}",
    ),
    "a name that is shadowed": (
        "x = 1\ndef train(a):\n    x = a\n    return x",
        "x = 2\ndef train(a):\n    y = a\n    return y",
    ),
    "the words of an error": (
        "def train(a):\n    if a: raise ValueError('no')\n    return a",
        "def train(a):\n    if a: raise ValueError(f'not {a}: ' + 'really {a}')\n    return a",
    ),
    "the words of an assertion": (
        "def train(a):\n    assert a, 'no'\n    return a",
        "def train(a):\n    assert a\n    return a",
    ),
    "what is printed": (
        "import sys\ndef train(a):\n    print('begin', a, file=sys.stderr)\n    return a",
        "def train(a):\n    return a",
    ),
    "annotations": (
        "def train(a: int) -> int:\n    b: int = a\n    c: str\n    return b",
        "def train(a):\n    b = a\n    return b",
    ),
    "docstrings, pass and dots": (
        "class A:\n    '''A.'''\ndef train(a):\n    '''T.'''\n    if a:\n        pass\n    return A",
        "class A: ...\ndef train(a):\n    if a: ...\n    return A",
    ),
    "a library under another name": (
        "import os.path\ndef train(a): return os.path.join(a)",
        "from os import path as p\ndef train(a): return p.join(a)",
    ),
    "a method that nobody calls": (
        "class A:\n    def f(self): return 1\n    def g(self): return 2\ndef train(a): return A().f()",
        "class A:\n    def f(self): return 1\ndef train(a): return A().f()",
    ),
    "a key of a model that nobody reads": (
        "import pydantic\nclass A(pydantic.BaseModel):\n    x: int = 1\n    y: int = 2\ndef train(a): return A().x",
        "import pydantic\nclass A(pydantic.BaseModel):\n    x: int = 1\ndef train(a): return A().x",
    ),
    "a match": (
        "def train(a):\n    match a:\n        case [x, *rest] | {'k': x, **rest}: return x, rest",
        "def train(a):\n    match a:\n        case [y, *more] | {'k': y, **more}: return y, more",
    ),
    "the caught error's name": (
        "def train(a):\n    try: return a()\n    except ValueError as e: return str(e)",
        "def train(a):\n    try: return a()\n    except ValueError as error: return str(error)",
    ),
    "for type checkers only": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from x import Y\ndef train(a): return a",
        "def train(a): return a",
    ),
}

# Pairs of modules `pkg.train` that do not do the same.
OTHER = {
    "arguments that change places": (
        "def f(x, y):\n    return x - y\ndef train(a):\n    return f(a, 1)",
        "def f(y, x):\n    return x - y\ndef train(a):\n    return f(a, 1)",
    ),
    "arguments passed by name that change places": (
        "def f(x, y):\n    return x - y\ndef train(a):\n    return f(x=a, y=1)",
        "def f(y, x):\n    return y - x\ndef train(a):\n    return f(x=a, y=1)",
    ),
    "an argument that can only be passed by name": (
        "def f(*, x, y):\n    return x - y\ndef train(a):\n    return f(**a)",
        "def f(*, y, x):\n    return y - x\ndef train(a):\n    return f(**a)",
    ),
    "a local that locals() tells": (
        "def train(a):\n    b = a\n    return locals()",
        "def train(a):\n    c = a\n    return locals()",
    ),
    "two locals exchanged": (
        "def train(a, b):\n    c = a\n    d = b\n    return c",
        "def train(a, b):\n    c = a\n    d = b\n    return d",
    ),
    "a local instead of a global": (
        "n = 0\ndef train(a):\n    global n\n    n = a\n    return n",
        "n = 0\ndef train(a):\n    n = a\n    return n",
    ),
    "nonlocal": (
        "def train(a):\n    n = 0\n    def f():\n        nonlocal n\n        n = a\n    f()\n    return n",
        "def train(a):\n    n = 0\n    def f():\n        n = a\n    f()\n    return n",
    ),
    "a default": ("def train(a=1): return a", "def train(a=2): return a"),
    "1, 1.0 and True": ("def train(): return 1", "def train(): return 1.0"),
    "True for 1": ("def train(): return 1", "def train(): return True"),
    "the last digit": ("def train(): return 0.1", "def train(): return 0.10000000000000002"),
    "text and bytes": ("def train(): return 'a'", "def train(): return b'a'"),
    "a decorator": (
        "def twice(f): return lambda x: f(f(x))\n@twice\ndef train(a): return a",
        "def twice(f): return lambda x: f(x)\n@twice\ndef train(a): return a",
    ),
    "an attribute of a class": (
        "class A:\n    n = 1\ndef train(a): return A.n",
        "class A:\n    n = 2\ndef train(a): return A.n",
    ),
    "an attribute of a class that is counted up": (
        "class A:\n    n = 1\ndef train(a):\n    a = A()\n    a.n += 1\n    return str(a)",
        "class A:\n    n = 2\ndef train(a):\n    a = A()\n    a.n += 1\n    return str(a)",
    ),
    "an attribute of a class, read by its name as text": (
        "class A:\n    n = 1\ndef train(a): return getattr(a, 'n')(A)",
        "class A:\n    n = 2\ndef train(a): return getattr(a, 'n')(A)",
    ),
    "an attribute of a class, read by a name made at run time": (
        "class A:\n    n = 1\ndef train(a): return getattr(A, a)",
        "class A:\n    n = 2\ndef train(a): return getattr(A, a)",
    ),
    "a special method": (
        "class A:\n    def __len__(self): return 1\ndef train(a): return len(A())",
        "class A:\n    def __len__(self): return 2\ndef train(a): return len(A())",
    ),
    "a method that a library calls": (
        "import torch\nclass A(torch.nn.Module):\n    def forward(self, x): return x\ndef train(a): return A()(a)",
        "import torch\nclass A(torch.nn.Module):\n    def forward(self, x): return -x\ndef train(a): return A()(a)",
    ),
    "a method of an inherited class": (
        "class B:\n    def f(self): return 1\nclass A(B): pass\ndef train(a): return A().f()",
        "class B:\n    def f(self): return 2\nclass A(B): pass\ndef train(a): return A().f()",
    ),
    "the order of a named tuple's fields": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n    x: int\n    y: int\ndef train(a): return A(*a).x",
        "from typing import NamedTuple\nclass A(NamedTuple):\n    y: int\n    x: int\ndef train(a): return A(*a).x",
    ),
    "the default of a data class's field": (
        "import dataclasses as d\n@d.dataclass\nclass A:\n    x: int = 1\ndef train(a): return vars(A())",
        "import dataclasses as d\n@d.dataclass\nclass A:\n    x: int = 2\ndef train(a): return vars(A())",
    ),
    "the type of a model's field": (
        "import pydantic\nclass A(pydantic.BaseModel):\n    x: int\ndef train(a): return A(x=a).x",
        "import pydantic\nclass A(pydantic.BaseModel):\n    x: float\ndef train(a): return A(x=a).x",
    ),
    "a validator of a model": (
        "from pydantic import *\nclass A(BaseModel):\n    x: int\n    @field_validator('x')\n"
        "    def check(cls, x): return x\ndef train(a): return A(x=a).x",
        "from pydantic import *\nclass A(BaseModel):\n    x: int\n    @field_validator('x')\n"
        "    def check(cls, x): return -x\ndef train(a): return A(x=a).x",
    ),
    "an implementation of a single dispatch": (
        "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 1\n"
        "def train(a): return f(a)",
        "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 2\n"
        "def train(a): return f(a)",
    ),
    "the type of a single dispatch": (
        "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 1\n"
        "def train(a): return f(a)",
        "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: str): return 1\n"
        "def train(a): return f(a)",
    ),
    "registration by a decorator": (
        "known = {}\ndef keep(f):\n    known[f.__name__] = f\n    return f\n@keep\ndef one(): return 1\n"
        "def train(a): return known[a]()",
        "known = {}\ndef keep(f):\n    known[f.__name__] = f\n    return f\n@keep\ndef one(): return 2\n"
        "def train(a): return known[a]()",
    ),
    "an attribute given to a class later": (
        "class A: pass\nA.f = lambda self: 1\ndef train(a): return A().f()",
        "class A: pass\nA.f = lambda self: 2\ndef train(a): return A().f()",
    ),
    "a definition under a condition": (
        "import sys\nif sys.platform == 'linux':\n    def f(): return 1\nelse:\n    def f(): return 2\n"
        "def train(a): return f()",
        "import sys\nif sys.platform == 'linux':\n    def f(): return 1\nelse:\n    def f(): return 3\n"
        "def train(a): return f()",
    ),
    "a definition for want of a library": (
        "try:\n    from fast import f\nexcept ImportError:\n    def f(): return 1\ndef train(a): return f()",
        "try:\n    from fast import f\nexcept ImportError:\n    def f(): return 2\ndef train(a): return f()",
    ),
    "names that the module's text is looked through for": (
        "def f(): return 1\ndef train(a): return globals()[a]()",
        "def f(): return 2\ndef train(a): return globals()[a]()",
    ),
    "names in a text that is run": (
        "def f(): return 1\ndef train(a): return eval(a)",
        "def f(): return 2\ndef train(a): return eval(a)",
    ),
    "which error is raised": ("def train(a): raise ValueError('no')", "def train(a): raise KeyError('no')"),
    "what is printed into a file": (
        "def train(a):\n    print(1, file=a)",
        "def train(a):\n    print(2, file=a)",
    ),
    "which library's function": (
        "from math import sin as f\ndef train(a): return f(a)",
        "from math import cos as f\ndef train(a): return f(a)",
    ),
    "a class inside a function": (
        "def train(a):\n    class A:\n        x = 1\n    return A.x",
        "def train(a):\n    class A:\n        x = 2\n    return A.x",
    ),
    "an f-string": ("def train(a): return f'{a:.3f}'", "def train(a): return f'{a:.4f}'"),
    "a function that is called instead": (
        "def f(x): return 1\ndef g(x): return 2\ndef train(a): return f(a) * f(a) + g(a)",
        "def f(x): return 1\ndef g(x): return 2\ndef train(a): return f(a) * g(a) + g(a)",
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_one_program_written_in_two_ways_has_one_fingerprint(package: Path, one: str, other: str) -> None:
    assert of(package, train=one) == of(package, train=other)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_two_programs_have_two_fingerprints(package: Path, one: str, other: str) -> None:
    assert of(package, train=one) != of(package, train=other)


def test_a_definition_may_move_to_another_module(package: Path) -> None:
    here = of(package, train="N = 3\ndef f(x): return x + N\ndef train(a): return f(a)")
    there = of(package, far="N = 3\ndef f(x): return x + N", train="from pkg.far import f\ndef train(a): return f(a)")
    through = of(package, mid="from pkg.far import f", train="import pkg.mid as m\ndef train(a): return m.f(a)")
    starred = of(package, mid="from pkg.far import *", train="from pkg.mid import *\ndef train(a): return f(a)")
    inside = of(package, train="def train(a):\n    from .mid import f as g\n    return g(a)")
    assert here == there == through == starred == inside
    assert of(package, far="N = 4\ndef f(x): return x + N") != here


def test_a_star_gives_what_all_names(package: Path) -> None:
    with_all = "__all__ = ['f']\ndef f(x): return {}\ndef g(x): return {}"
    train = "from pkg.far import *\ndef train(a): return f(a)"
    before = of(package, far=with_all.format(1, 1), train=train)
    assert of(package, far=with_all.format(1, 2)) == before
    assert of(package, far=with_all.format(2, 1)) != before


def test_a_module_that_is_imported_for_what_it_does_counts(package: Path) -> None:
    train = "import pkg.table\nimport pkg.far\ndef train(a): return pkg.table.known[a]"
    before = of(package, table="known = {}", far="from pkg.table import known\nknown['a'] = 1", train=train)
    assert of(package, far="from pkg.table import known\nknown['a'] = 2") != before


def test_a_module_that_is_imported_by_its_name_as_text_counts_whole(package: Path) -> None:
    train = "import importlib\ndef train(a): return getattr(importlib.import_module('pkg.far'), a)"
    before = of(package, far="x = 1", train=train)
    assert of(package, far="x = 2") != before


def test_a_module_whose_name_is_made_at_run_time_is_refused(package: Path) -> None:
    text = "import importlib\ndef train(a): return importlib.import_module(a)"
    with pytest.raises(UserError, match=r"train.py, line 2: imports a module whose name is made at run time"):
        of(package, train=text)
    root = Root(("pkg.train:train",), unfollowed={"pkg.train:train": "a reason"})
    before = fingerprint(root, sources=package)
    (package / "pkg/train.py").write_text(text + "[0]")
    project.cache_clear()
    assert fingerprint(root, sources=package) != before


@pytest.mark.parametrize(
    "text",
    [
        "from pathlib import Path\ndef train(a): return (Path(__file__).parent / 'table.csv').read_text()",
        "from pathlib import Path\nDATA = Path(__file__).parents[0]\ndef train(a): return open(DATA / 'table.csv')",
        "import os\ndef train(a): return open(os.path.join(os.path.dirname(__file__), 'table.csv')).read()",
        "from importlib.resources import files\ndef train(a): return files('pkg').joinpath('table.csv').read_text()",
        "def train(a): return open('{folder}/pkg/table.csv').read()",
        "from pathlib import Path\ndef train(a): return Path('{folder}/pkg/table.csv').read_text()",
    ],
)
def test_a_file_that_code_reads_counts(package: Path, text: str) -> None:
    (package / "pkg/table.csv").write_text("1")
    before = of(package, train=text.replace("{folder}", package.name))
    (package / "pkg/table.csv").write_text("2")
    assert of(package) != before
    (package / "pkg/table.csv").write_text("1")
    assert of(package) == before


LOUD = """
class Keeper:
    def tell(self, words): return {told}
    def keep(self, x):
        self.tell({words})
        return x
def show(x): return {told}
def train(a):
    show({words})
    return Keeper().keep(a)
"""


def test_what_is_left_out_may_change_with_the_calls_of_it(package: Path) -> None:
    root = Root(("pkg.train:train",), {"pkg.train:show": "for people", "pkg.train:Keeper.tell": "for people"})

    def left_out(text: str) -> str:
        (package / "pkg/train.py").write_text(text)
        project.cache_clear()
        return fingerprint(root, sources=package)

    quiet = LOUD.format(words="'one'", told="1")
    assert left_out(quiet) == left_out(LOUD.format(words="f'two {[i for i in a]}'", told="2"))
    assert left_out(quiet) != left_out(quiet.replace("return x", "return -x"))
    assert of(package, train=quiet) != of(package, train=LOUD.format(words="'one'", told="2"))


def test_a_folder_without_init_is_followed(tmp_path: Path) -> None:
    """Python imports modules from such a folder as from any package."""
    rooms = tmp_path / "house" / "room"
    rooms.mkdir(parents=True)
    (tmp_path / "house" / "__init__.py").write_text("")
    (tmp_path / "house" / "door.py").write_text("from house.room import chair\n\n\ndef sit():\n    return chair.LEGS\n")
    (rooms / "chair.py").write_text("LEGS = 4\n")
    project.cache_clear()
    four = fingerprint("house.door:sit", sources=tmp_path)
    (rooms / "chair.py").write_text("LEGS = 3\n")
    project.cache_clear()
    assert fingerprint("house.door:sit", sources=tmp_path) != four
