from typing import Any

import pytest


def pytest_collection_modifyitems(items: Any) -> None:
    for item in items:
        if "tests/proofs" in item.path.as_posix():
            item.add_marker(pytest.mark.derivations)
