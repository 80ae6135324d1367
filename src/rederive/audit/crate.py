"""What a pack says of itself to archives: an RO-Crate of the Workflow Run Crate profile, and the forms of Zenodo.

Everything follows from the pack's other files, so that an audit can make it again: the time of the run is that of its
trainings, by their records.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from rederive.config import Study

METADATA = "ro-crate-metadata.json"
ZENODO = ".zenodo.json"
WORKFLOW = "Snakefile"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
FORMATS = {
    ".html": "text/html", ".pdf": "application/pdf", ".md": "text/markdown", ".tex": "application/x-tex",
    ".json": "application/json", ".csv": "text/csv", ".svg": "image/svg+xml", ".py": "text/x-python",
    ".yaml": "application/yaml", ".yml": "application/yaml", ".cff": "application/yaml", ".gz": "application/gzip",
    ".png": "image/png", ".toml": "application/toml", ".zip": "application/zip",
}  # fmt: skip
MADE = "# Made by `rederive pack` for a study that has none.\n"
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
VERSION = "1.1"  # the profiles above extend this one
NEVER = "1970-01-01T00:00:00+00:00"


def metadata(
    names: Collection[str], contents: Mapping[str, bytes], study: Study, project: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the crate's metadata for the files of these names."""
    from rocrate.model import ComputerLanguage, ContextEntity, SoftwareApplication
    from rocrate.rocrate import ROCrate

    began, ended = _times(contents)
    crate = ROCrate(version=VERSION)
    crate.name = study.report.title
    crate.description = str(project.get("abstract") or f"{study.report.title}: report, runs, proofs, text and code")
    crate.license = _licence(project)
    crate.datePublished = ended
    people = [_person(crate, person) for person in project.get("authors", [])]
    crate.root_dataset["author"] = _one_or_all(people)
    crate.root_dataset["conformsTo"] = [
        crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "version": address[-3:]}))
        for address, name in PROFILES.items()
    ]
    names = sorted({*names, WORKFLOW})
    files = {name: crate.add_file(dest_path=name, properties=_about(name)) for name in names}
    main = files[WORKFLOW]
    language = ComputerLanguage(
        crate, "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
        {"name": "Snakemake", "identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
         "url": {"@id": "https://snakemake.readthedocs.io"}},
    )  # fmt: skip
    main["programmingLanguage"] = crate.add(language)
    crate.root_dataset["mainEntity"] = main
    engine = SoftwareApplication(
        crate,
        "#rederive",
        {"name": "rederive", "softwareVersion": _tool()},
    )
    crate.add(engine)
    action = crate.add(
        ContextEntity(
            crate,
            "#build",
            {
                "@type": "CreateAction",
                "name": f"Build of {study.report.title}",
                "startTime": began,
                "endTime": ended,
                "description": "Trainings, proofs, tests of the claims, figures and the report, from the configuration",
                "actionStatus": "http://schema.org/CompletedActionStatus",
            },
        )
    )
    action["instrument"] = main
    action["object"] = [entity for name, entity in files.items() if _is_input(name)]
    action["result"] = [entity for name, entity in files.items() if name.startswith("results/report/")]
    action["agent"] = _one_or_all(people) or engine
    crate.root_dataset["mentions"] = action
    told: dict[str, Any] = crate.metadata.generate()
    told["@graph"] = sorted(told["@graph"], key=lambda entity: str(entity["@id"]))
    return told


def _one_or_all(entities: list[Any]) -> Any:
    """Return a single entity by itself, as the specification would have it."""
    return entities[0] if len(entities) == 1 else entities


def _is_input(name: str) -> bool:
    return not name.startswith("results/") and (name.endswith((".yaml", ".yml", ".csv", ".j2", ".bib")))


def _about(name: str) -> dict[str, Any]:
    suffix = f".{name.rpartition('.')[2]}"
    if name == WORKFLOW:
        return {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": "The build of the report",
            "encodingFormat": "text/plain",
            "version": _tool(),
            "conformsTo": {"@id": BIOSCHEMAS},
        }
    about = {"about": {"@id": "./"}} if name == "README.md" else {}
    return about | {"name": name, "encodingFormat": FORMATS.get(suffix, "text/plain")}


def _times(contents: Mapping[str, bytes]) -> tuple[str, str]:
    """Return when the first training began and the last one ended, by their records."""
    began, ended = [], []
    for name, content in contents.items():
        if name.startswith("results/runs/") and name.endswith(".json"):
            try:
                seeds = json.loads(content)["seeds"].values()
                began += [str(seed["started"]) for seed in seeds]
                ended += [str(seed["ended"]) for seed in seeds]
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # told where runs are read
    return _zoned(min(began, default=NEVER)), _zoned(max(ended, default=NEVER))


def _zoned(time: str) -> str:
    return time if time.endswith("Z") or "+" in time else f"{time}+00:00"


def _licence(project: Mapping[str, Any]) -> str:
    return f"https://spdx.org/licenses/{project['license']}" if project.get("license") else "not stated"


def _person(crate: Any, person: Mapping[str, Any]) -> Any:
    from rocrate.model import ContextEntity, Person

    name = _name(person)
    identifier = str(person.get("orcid") or f"#{name.replace(' ', '-')}")
    if not {"orcid", "family-names"} & person.keys():
        return crate.add(ContextEntity(crate, identifier, {"@type": "Organization", "name": name, "url": identifier}))
    about = {"name": name} | ({"affiliation": person["affiliation"]} if "affiliation" in person else {})
    return crate.add(Person(crate, identifier, about))


def _name(person: Mapping[str, Any]) -> str:
    return str(person.get("name") or f"{person.get('given-names', '')} {person.get('family-names', '')}".strip())


def _tool() -> str:
    from rederive import __version__

    return __version__


def zenodo(study: Study, project: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a deposit at Zenodo (https://developers.zenodo.org, .zenodo.json)."""
    creators = []
    for person in project.get("authors", []):
        family, given = person.get("family-names"), person.get("given-names")
        creator = {"name": f"{family}, {given}" if family and given else _name(person)}
        if "orcid" in person:
            creator["orcid"] = str(person["orcid"]).rpartition("/")[2]
        if "affiliation" in person:
            creator["affiliation"] = str(person["affiliation"])
        creators.append(creator)
    told = {
        "title": study.report.title,
        "upload_type": "dataset",
        "description": str(project.get("abstract") or study.report.title),
        "creators": creators or [{"name": name} for name in study.report.authors],
        "keywords": [str(word) for word in project.get("keywords", [])],
        "version": str(project.get("version", "")),
        "license": str(project.get("license", "")).lower(),
    }
    return {key: value for key, value in told.items() if value}


def citation(study: Study) -> str:
    """Return a CITATION.cff for a study that has none."""
    people = "".join(
        f"  - name: {json.dumps(name, ensure_ascii=False)}\n" for name in study.report.authors or ["Unknown"]
    )
    title = json.dumps(study.report.title, ensure_ascii=False)
    about = f"message: Please cite this report.\ntype: dataset\ntitle: {title}\n"
    return f"{MADE}cff-version: 1.2.0\n{about}authors:\n{people}"
