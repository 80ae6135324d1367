"""The code in docs/engine.md runs, and the op that it adds is checked like the built-in ones."""

import re
from pathlib import Path
from typing import Any

import pytest

from rederive.autograd import Op, all_ops

from .test_ops import check_against_torch

BLOCKS = re.findall(
    r"^```python\n(.*?)^```", (Path(__file__).parents[2] / "docs/engine.md").read_text(), re.DOTALL | re.MULTILINE
)


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the code blocks define, run one after the other."""
    monkeypatch.setattr(Op, "_defined", list(Op._defined))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, block in enumerate(BLOCKS):
        path = tmp_path / f"block_{number}.py"
        path.write_text(block)
        exec(compile(block, path, "exec"), names)  # from a file: whoever proves an op reads its source
    return names


def test_the_examples_run_and_draw(documented: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert documented["loss"].value > 0
    assert Path("add.svg").exists()


def test_a_new_op_takes_ten_lines_and_is_registered(documented: dict[str, Any]) -> None:
    (block,) = [block for block in BLOCKS if "class Softplus" in block]
    body = block[block.index("    examples") :]
    assert len([line for line in body.splitlines() if line.strip()]) <= 10
    assert all_ops()[-1] is documented["Softplus"]


def test_a_new_op_is_checked_numerically_and_proved(documented: dict[str, Any]) -> None:
    from rederive.proofs.prover.code import prove_op

    softplus = documented["Softplus"]
    for example in softplus.examples:
        check_against_torch(softplus, example)
    assert all(proof.proved for proof in prove_op(softplus))


def test_a_new_op_with_a_wrong_gradient_is_caught_by_both(
    documented: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rederive.proofs.prover.code import prove_op

    softplus = documented["Softplus"]

    def wrong(context: Any, cotangent: Any) -> Any:
        (x,) = context.saved
        return cotangent / (1 + context.xp.exp(x))

    monkeypatch.setattr(softplus, "backward", staticmethod(wrong))
    with pytest.raises(AssertionError, match="gradient 0"):
        check_against_torch(softplus, softplus.examples[0])
    assert not all(proof.proved for proof in prove_op(softplus))
