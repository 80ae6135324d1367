from typing import Any

from rederive.report.claims import otherwise


def verdict(said: Any, *tests: Any) -> dict[str, Any]:
    return {"verdict": said, "tests": list(tests)}


def test_the_verdict_by_another_rule() -> None:
    random = {"seeds": [0, 1], "verdict": "undecided", "bootstrap": {"verdict": "holds"}, "images": None}
    proof = {"seeds": [], "verdict": "holds", "bootstrap": None, "images": None}
    found = verdict("undecided", proof, random)
    assert otherwise(found, "bootstrap") == "holds"
    assert otherwise(found, "images") == "not known"
    assert otherwise(verdict("holds", proof), "bootstrap") == "–"
    same = random | {"bootstrap": {"verdict": "undecided"}}
    assert otherwise(verdict("undecided", proof, same), "bootstrap") == "same"
