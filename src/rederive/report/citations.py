"""Citations and the list of references, from BibTeX, in plain Markdown that needs no further tool."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from rederive.errors import UserError
from rederive.report.markdown import anchor, escape, link


class References:
    """The entries of a BibTeX file, and which of them are cited."""

    def __init__(self, path: Path):
        try:
            entries = _read(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; expected the references in BibTeX") from None
        except RuntimeError as error:
            raise UserError(f"{path}: not readable as BibTeX: {error}") from None
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in entries}
        self.cited: set[str] = set()

    def cite(self, key: str) -> str:
        """Return `Author (year)` as a link to the reference. Raises UserError for a key that is not in the file."""
        entry = self._cited(key)
        return link(f"{_short_authors(entry)} ({_year(entry)})", f"ref-{key}")

    def citep(self, *keys: str) -> str:
        """Return `(Author, year; Author, year)`, each a link, for a citation that is no part of the sentence."""
        links = [link(f"{_short_authors(self._cited(key))}, {_year(self._cited(key))}", f"ref-{key}") for key in keys]
        return f"({'; '.join(links)})"

    def _cited(self, key: str) -> dict[str, Any]:
        if key not in self._entries:
            raise UserError(f"{self._path}: found no entry {key!r}; it has {', '.join(sorted(self._entries))}")
        self.cited.add(key)
        return self._entries[key]

    def bibliography(self) -> str:
        """Return the cited entries as a list, by author and year."""
        entries = sorted(
            (self._entries[key] for key in self.cited), key=lambda e: (_short_authors(e), _year(e), e["id"])
        )
        return "\n".join(f"- {anchor(_long(entry), 'ref-' + entry['id'])}" for entry in entries)


@cache
def _read(bibtex: str) -> list[dict[str, Any]]:
    """Return the entries of a BibTeX text; of one that was read before, what it was."""
    import pypandoc

    return json.loads(pypandoc.convert_text(bibtex, "csljson", format="bibtex"))  # type: ignore[no-any-return]


def _names(entry: dict[str, Any]) -> list[dict[str, str]]:
    return entry.get("author") or [{"literal": entry.get("publisher", "Anonymous")}]


def _others(name: dict[str, str]) -> bool:
    """Say whether this is no name, but BibTeX's `and others`."""
    return name.get("literal") == "others"


def _short_authors(entry: dict[str, Any]) -> str:
    names = _names(entry)
    first, *more = [escape(name.get("family") or name["literal"]) for name in names]
    if len(more) > 1 or any(map(_others, names)):
        return f"{first} et al."
    return " and ".join([first, *more])


def _year(entry: dict[str, Any]) -> str:
    return str(entry.get("issued", {}).get("date-parts", [["n.d."]])[0][0])


def _long(entry: dict[str, Any]) -> str:
    names = [
        "et al."
        if _others(name)
        else escape(name.get("literal") or f"{name['family']}, {name.get('given', '')}".rstrip(", "))
        for name in _names(entry)
    ]
    if len(names) > 6:
        names = [*names[:5], "et al."]
    parts = [f"{'; '.join(names)} ({_year(entry)}).", f"{escape(entry['title'])}."]
    if container := entry.get("container-title") or entry.get("collection-title"):
        where = f"*{escape(container)}*"
        if volume := entry.get("volume"):
            where += f" {escape(str(volume))}"
        if page := entry.get("page"):
            where += f", {escape(page)}"
        parts.append(f"{where}.")
    elif entry.get("publisher") and entry.get("author"):
        parts.append(f"{escape(entry['publisher'])}.")
    if doi := entry.get("DOI"):
        parts.append(f"[doi:{escape(doi)}](https://doi.org/{doi})")
    elif url := entry.get("URL"):
        parts.append(f"<{url}>")
    return " ".join(parts)
