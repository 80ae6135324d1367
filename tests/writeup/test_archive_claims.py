"""The conclusions, tested on the runs that are kept in the archive: what is pinned comes out; nothing is trained."""

from typing import Any

import pytest
from tests import synthetic

from rederive.layout import Layout
from rederive.proofs import verify
from rederive.records import read_json
from rederive.results.claim_file import load_claims
from rederive.results.claims import differing, test_claims
from rederive.results.collect import collect

ARCHIVE = synthetic.REPOSITORY / "archive"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A build of the kept runs of all experiments, up to the verdicts."""
    layout = Layout(tmp_path_factory.mktemp("kept"))
    kept = sorted(ARCHIVE.glob("*/seed_*.csv"))
    seeds = sorted({int(path.stem.removeprefix("seed_")) for path in kept})
    synthetic.study(seeds=seeds).save(layout.study)
    collect(layout, kept)
    proved = {test.proved for claim in load_claims(synthetic.CLAIMS).values() for test in claim.tests if test.proved}
    for name in proved:
        verify(name, layout.derivation(name), oracles=False, package="writeup.derivations")
    proofs = sorted(map(layout.derivation, proved))
    test_claims(layout, proofs, synthetic.CLAIMS, synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)
    return layout


def test_verdicts_on_the_kept_runs_are_those_that_are_pinned(layout: Layout) -> None:
    assert differing(layout.claims) == []
    assert any(claim["expected"] for claim in read_json(layout.claims).values())


def test_every_kept_seed_is_an_observation_or_said_not_to_be(layout: Layout) -> None:
    runs: dict[str, Any] = read_json(layout.run_index)
    for name, run in runs.items():
        kept = {int(path.stem.removeprefix("seed_")) for path in (ARCHIVE / name).glob("seed_*.csv")}
        assert set(run["seeds"]) == kept, name
    assert runs.keys() == {path.parent.name for path in ARCHIVE.glob("*/seed_*.csv")}
