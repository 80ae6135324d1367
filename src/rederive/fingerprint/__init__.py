"""The meaning of code, as a hash: what a result depends on, and nothing else. See docs/fingerprints.md.

A rule of the workflow takes the fingerprint of the function that it runs as a parameter. It is a hash of every
definition of the project that the function can reach, each in a canonical form. Names are followed as Python resolves
them, from the text alone, without importing anything. Nothing here needs more than Python's own library.
"""

from collections.abc import Iterable
from pathlib import Path

from rederive import imports
from rederive.errors import UserError
from rederive.fingerprint import kept
from rederive.fingerprint.form import Class, Reference, Symbol
from rederive.fingerprint.modules import Project, project
from rederive.fingerprint.reach import Definition, Reach
from rederive.fingerprint.roots import (
    ASKED,
    CERTIFIED,
    ROOTS,
    Root,
    derivation,
    generating,
    plotting,
    preparing,
    training,
)

__all__ = [
    "ASKED",
    "CERTIFIED",
    "ROOTS",
    "Definition",
    "Reach",
    "Root",
    "derivation",
    "fingerprint",
    "generating",
    "plotting",
    "preparing",
    "reach",
    "training",
]

TOOL = Path(__file__).parents[1]


def fingerprint(*roots: Root | str, sources: Path | None = None) -> str:
    """Return 16 hexadecimal digits for the meaning of the code that `roots` reach; see `reach`."""
    if sources is not None:
        return reach(*roots, sources=sources).digest()[:16]
    all_roots = _roots(roots)
    places, key = _places(all_roots), repr(list(map(_told, all_roots)))
    if (known := kept.lookup(places, key)) is None:
        found = reach(*all_roots)
        known = found.digest()[:16]
        if all(any(path.is_relative_to(place) for place in places) for path in found.data_files()):
            kept.keep(places, key, known)
    return known


def _told(root: Root) -> list[list[str]]:
    """Return what of a root makes the fingerprint: the definitions, without the reasons."""
    stated = [f"{name}: {text}" for name, text in root.stated.items()]
    return [list(root.entries), sorted(root.left_out), sorted(root.unfollowed), stated]


def reach(*roots: Root | str, sources: Path | None = None) -> Reach:
    """Return all that a rule's function can reach, or that some roots together can.

    A string is the name of a rule, or a definition as `package.module:function`; `sources` is the folder that holds the
    packages. Without it they are looked for in the tool, in the folders of the studies that were read, and among what
    is installed: of that the packages that a root names, and no others. Raises UserError where a definition that a root
    names does not exist, and for code that cannot be followed.
    """
    all_roots = _roots(roots)
    if sources is not None:
        found = project(sources)
    else:
        places = _places(all_roots)
        kept.state(places)  # before any of them is read
        found = project(*places)
    entries = [_symbol(found, entry) for root in all_roots for entry in root.entries]
    left_out = {address for root in all_roots for address in root.left_out}
    unfollowed = {address for root in all_roots for address in root.unfollowed}
    for address in left_out | unfollowed:
        _symbol(found, address)
    stated = {name: text for root in all_roots for name, text in root.stated.items()}
    return Reach(found, entries, left_out, unfollowed, stated)


def _roots(roots: Iterable[Root | str]) -> list[Root]:
    return [root if isinstance(root, Root) else ROOTS.get(root) or Root((root,)) for root in roots]


def _places(roots: Iterable[Root]) -> tuple[Path, ...]:
    """Return where the code of some roots is: the tool, the studies' folders, and packages of neither."""
    places = [TOOL, *imports.code_folders()]
    known = project(*places).packages
    packages = dict.fromkeys(entry.partition(":")[0].split(".")[0] for root in roots for entry in root.entries)
    installed = (imports.installed_package(package) for package in packages if package not in known)
    return (*places, *filter(None, installed))


def _symbol(found: Project, address: str) -> Symbol:
    """Return the definition of an address; where it is imported from elsewhere, the original."""
    place, _, member = address.partition(":")[2].partition(".")
    module = found.module(address.partition(":")[0])
    if module is None or (place and place not in module.names.defined and place not in module.names.imported):
        raise UserError(f"{address}: no such definition; expected package.module:function")
    if not place:
        return Symbol(module.name, "")
    target, _ = found.resolve(Reference(Symbol(module.name, place)))
    if not isinstance(target, Symbol):
        raise UserError(f"{address}: is {target}, which is not a definition of the project")
    if member:
        unit = module.unit(place)
        # A member, or an attribute of its objects that holds a function.
        names = {known.name for known in unit.members} if isinstance(unit, Class) else set()
        if member not in names and f"self.{member} = " not in module.source(module.names.defined[place]):
            raise UserError(f"{address}: {place} has no member {member}")
    return target
