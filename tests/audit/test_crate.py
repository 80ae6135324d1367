"""A pack is a valid RO-Crate of the Workflow Run Crate profile, as the profiles' own validator has it, offline."""

import io
import json
import zipfile
from pathlib import Path

import pytest

validator = pytest.importorskip("rocrate_validator", reason="roc-validator is not installed")

import requests  # noqa: E402
import requests_cache  # noqa: E402
import urllib3  # noqa: E402
from rocrate import vocabs  # noqa: E402
from rocrate_validator import models, services  # noqa: E402

PROFILE = "workflow-run-crate-0.5"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# rocrate ships the context of RO-Crate 1.3. That of 1.1, which the profile is of, has the same addresses for every term
# of a pack but this one.
TERMS = vocabs.RO_CRATE["@context"] | {"ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's own cache of the network, which holds the one answer that it needs."""
    path = tmp_path_factory.mktemp("cache") / "http"
    body = json.dumps({"@context": TERMS}).encode()
    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 200, CONTEXT, body
    answer.headers["Content-Type"] = "application/ld+json"
    answer.request = requests.Request("GET", CONTEXT).prepare()
    answer.raw = urllib3.HTTPResponse(io.BytesIO(body), answer.headers, 200, preload_content=False, request_url=CONTEXT)
    session = requests_cache.CachedSession(str(path), backend="sqlite", expire_after=-1)
    session.cache.save_response(answer)
    session.close()
    return path


def problems(crate: Path, cache: Path) -> list[str]:
    settings = models.ValidationSettings(
        rocrate_uri=crate,
        profile_identifier=PROFILE,
        requirement_severity=models.Severity.REQUIRED,
        offline=True,
        cache_path=cache,
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]


@pytest.fixture
def crate(packed: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def test_a_pack_is_valid(crate: Path, cache: Path) -> None:
    assert problems(crate, cache) == []


def test_a_crate_without_its_run_is_not(crate: Path, cache: Path) -> None:
    path = crate / "ro-crate-metadata.json"
    told = json.loads(path.read_bytes())
    for entity in told["@graph"]:
        if entity["@id"] == "#build":
            del entity["instrument"]
    path.write_text(json.dumps(told))
    assert any("instrument" in problem for problem in problems(crate, cache))


def test_a_crate_that_names_a_file_which_is_not_there_is_not(crate: Path, cache: Path) -> None:
    (crate / "results/report/report.pdf").unlink()
    assert any("report.pdf" in problem for problem in problems(crate, cache))
