"""The greatest entry of every window."""

from typing import Any

from rederive.autograd.pooling import Take
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Input,
    Line,
    array,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, X, i, m, n, p, q

K = array("K", below=m)
Y = Definition("Y", (i,), X[i, K[i]])


def program(xp: Any, X: Any, K: Any) -> Any:
    """Return the chosen entry of every row with any array library."""
    return xp.sum(xp.where(xp.arange(X.shape[1]) == K[:, None], X, 0 * X), axis=1)


DERIVATION = Derivation(
    title="The greatest entry of a window",
    order=111,
    inputs=(Input("X", (n, m)), Input("K", (n,), below=m)),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i] * delta(i, p) * delta(q, K[i]), i),
                "$Y$ is the entry at $K$; near a point without ties $K$ does not change",
            ),
            Line(G[p] * delta(q, K[p]), "a sum over a Kronecker delta has one term: all goes to the chosen entry"),
        ),
    ),
    program=program,
    code=lambda X, K: Take.apply(X, places=K.value),
    ops=(Take,),
    conventions=(
        "A row of $X$ is a window, and $K$ is the place of its greatest entry. Where several are equal there is no "
        "derivative; $K$ is then the first of them, row by row, and takes the whole gradient, as in PyTorch. The proof "
        "holds for any $K$.",
    ),
    equivalents={
        r"marked\(context\.xp, places, «x»\)": "Only the shape, the dtype or the device is asked for.",
    },
)
