"""The meaning of code, as a hash: what a result depends on, and nothing else. See docs/fingerprints.md.

A rule of the workflow takes the fingerprint of the function that it runs as a parameter. It is a hash of every
definition of the project that the function can reach, each in a canonical form. Names are followed as Python resolves
them, from the text alone, without importing anything. Nothing here needs more than Python's own library.
"""

from pathlib import Path

from rederive.errors import UserError
from rederive.fingerprint import kept
from rederive.fingerprint.form import Class, Reference, Symbol
from rederive.fingerprint.modules import Project, project
from rederive.fingerprint.reach import Definition, Reach
from rederive.fingerprint.roots import ROOTS, Root, derivation, generating, plotting, preparing, training

__all__ = [
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

SOURCES = Path(__file__).parents[2]


def fingerprint(*roots: Root | str, sources: Path = SOURCES) -> str:
    """Return 16 hexadecimal digits for the meaning of the code that `roots` reach; see `reach`."""
    if sources != SOURCES:
        return reach(*roots, sources=sources).digest()[:16]
    key = repr([root if isinstance(root, str) else _told(root) for root in roots])
    if (known := kept.lookup(sources, key)) is None:
        found = reach(*roots, sources=sources)
        known = found.digest()[:16]
        if all(path.is_relative_to(sources) for path in found.data_files()):
            kept.keep(sources, key, known)
    return known


def _told(root: Root) -> list[list[str]]:
    """Return what of a root makes the fingerprint: the definitions, without the reasons."""
    return [list(root.entries), sorted(root.left_out), sorted(root.unfollowed)]


def reach(*roots: Root | str, sources: Path = SOURCES) -> Reach:
    """Return all that a rule's function can reach, or that some roots together can.

    A string is the name of a rule, or a definition as `package.module:function`; `sources` is the folder that holds the
    package. Raises UserError where a definition that a root names does not exist, and for code that cannot be followed.
    """
    if sources == SOURCES:
        kept.state(sources)  # before any of them is read
    found = project(sources)
    all_roots = [root if isinstance(root, Root) else ROOTS.get(root) or Root((root,)) for root in roots]
    entries = [_symbol(found, entry) for root in all_roots for entry in root.entries]
    left_out = {address for root in all_roots for address in root.left_out}
    unfollowed = {address for root in all_roots for address in root.unfollowed}
    for address in left_out | unfollowed:
        _symbol(found, address)
    return Reach(found, entries, left_out, unfollowed)


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
