"""Who wrote a report, of which date and version, and how to cite it: from the project's CITATION.cff.

    front_matter(title, authors, citation_cff) -> dict          for report.md
    page_head(front, commit) -> dict[str, str]                  parts of the HTML page, by name

The date is `date-released`: the day of a training would make equal numbers two reports.
"""

import html
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rederive.errors import UserError
from rederive.report.markdown import slug
from rederive.yaml_files import read_yaml

LICENCES = "https://spdx.org/licenses/"
DOIS = "https://doi.org/"


def front_matter(title: str, authors: Sequence[str], citation_cff: Path) -> dict[str, Any]:
    """Return what stands above the text. The config's authors go before those of CITATION.cff; facts may be missing."""
    project = read_yaml(citation_cff) if citation_cff.exists() else {}
    people = [_person(entry) for entry in project.get("authors", [])]
    known = {person["name"]: person for person in people}
    chosen = [known.get(name, {"name": name}) for name in authors] if authors else people
    facts = {
        "title": title,
        "author": [person["name"] for person in chosen],
        "orcid": {person["name"]: person["orcid"] for person in chosen if "orcid" in person},
        "affiliation": {person["name"]: person["affiliation"] for person in chosen if "affiliation" in person},
        "date": str(project["date-released"]) if "date-released" in project else None,
        "version": project.get("version"),
        "license": project.get("license"),
        "repository": project.get("repository-code"),
        "doi": _doi(project),
    }
    return {name: value for name, value in facts.items() if value or name in ("title", "author")}


def _person(entry: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(entry, Mapping):
        raise UserError(
            f"CITATION.cff: authors: found {entry!r}, expected a mapping with name, or given-names and family-names"
        )
    name = entry.get("name") or f"{entry.get('given-names', '')} {entry.get('family-names', '')}".strip()
    return {"name": name} | {key: entry[key] for key in ("orcid", "affiliation") if key in entry}


def _doi(project: Mapping[str, Any]) -> str | None:
    if "doi" not in project:
        return None
    found = project["doi"]
    if not re.fullmatch(r"10\.\d{4,9}/\S+", str(found)):
        raise UserError(
            f"CITATION.cff: doi: found {found!r}, expected a DOI without an address, such as 10.5281/zenodo.1234567"
        )
    return str(found)


SET_AT = "Set at commit <code>"


def commit_of(page: str) -> str:
    """Return the commit that a page says it was set at; nothing where it says none."""
    return html.unescape(page.partition(SET_AT)[2].partition("</code>")[0])


def commit(folder: Path) -> str:
    """Return the commit that a folder is at, with a plus where files differ from it; nothing without Git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""

    found = git("rev-parse", "--short=12", "HEAD")
    return found + ("+" if found and git("status", "--porcelain", "--untracked-files=no") else "")


def page_head(front: Mapping[str, Any], commit: str = "") -> dict[str, str]:
    """Return the page's byline, citation and metadata, as HTML that may stand as it is."""
    return {
        "title": html.escape(front["title"]),
        "byline": _byline(front, commit),
        "bibtex": html.escape(bibtex(front)),
        "citation-meta": "\n".join(
            f'<meta name="{name}" content="{html.escape(value, quote=True)}">' for name, value in _meta(front)
        ),
        "json-ld": json.dumps(_json_ld(front), ensure_ascii=False, indent=1).replace("<", "\\u003c"),
    }


def _byline(front: Mapping[str, Any], commit: str) -> str:
    people = []
    for name in front["author"]:
        shown = html.escape(name)
        if orcid := front.get("orcid", {}).get(name):
            shown += f' (<a href="{html.escape(orcid, quote=True)}">ORCID</a>)'
        if affiliation := front.get("affiliation", {}).get(name):
            shown += f", {html.escape(affiliation)}"
        people.append(shown)
    facts = [f'<span class="author">{"; ".join(people)}</span>'] if people else []
    if version := front.get("version"):
        released = f' of <time datetime="{date}">{date}</time>' if (date := front.get("date")) else ""
        facts.append(f"Version {html.escape(str(version))}{released}")
    if doi := front.get("doi"):
        facts.append(f'<a href="{DOIS}{html.escape(doi, quote=True)}">doi:{html.escape(doi)}</a>')
    if commit:
        facts.append(f"{SET_AT}{html.escape(commit)}</code>")
    if licence := front.get("license"):
        facts.append(f'<a href="{LICENCES}{html.escape(licence, quote=True)}.html">{html.escape(licence)} licence</a>')
    return " · ".join(facts)


def bibtex(front: Mapping[str, Any]) -> str:
    """Return the report as a BibTeX entry."""
    fields = {
        "title": "{" + _tex(front["title"]) + "}",
        "author": " and ".join("{" + _tex(name) + "}" for name in front["author"]),
        "year": str(front.get("date", ""))[:4],
        "version": str(front.get("version", "")),
        "doi": front.get("doi", ""),
        "url": front.get("repository", ""),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@misc{{{slug(front['title'])},\n{lines}}}"


def _tex(text: str) -> str:
    """Return text without what would end a field of BibTeX or begin a command."""
    for character in "\\{}":
        text = text.replace(character, "")
    return "".join(f"\\{character}" if character in "&%$#_" else character for character in text)


def _meta(front: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield "citation_title", front["title"]
    for name in front["author"]:
        yield "citation_author", name
        if affiliation := front.get("affiliation", {}).get(name):
            yield "citation_author_institution", affiliation
        if orcid := front.get("orcid", {}).get(name):
            yield "citation_author_orcid", orcid
    if date := front.get("date"):
        yield "citation_publication_date", str(date).replace("-", "/")
    if doi := front.get("doi"):
        yield "citation_doi", doi
    yield "citation_language", "en"
    yield "citation_pdf_url", "report.pdf"


def _json_ld(front: Mapping[str, Any]) -> dict[str, Any]:
    authors = []
    for name in front["author"]:
        author = {"@type": "Person" if name in front.get("orcid", {}) else "Organization", "name": name}
        if orcid := front.get("orcid", {}).get(name):
            author["@id"] = orcid
        if affiliation := front.get("affiliation", {}).get(name):
            author["affiliation"] = affiliation
        authors.append(author)
    facts = {
        "@context": "https://schema.org",
        "@type": "Report",
        "headline": front["title"],
        "author": authors,
        "datePublished": str(front.get("date", "")),
        "version": str(front.get("version", "")),
        "license": f"{LICENCES}{front['license']}.html" if "license" in front else "",
        "inLanguage": "en",
        "identifier": f"{DOIS}{front['doi']}" if "doi" in front else "",
        "url": front.get("repository", ""),
    }
    return {name: value for name, value in facts.items() if value}
