"""The logarithm of the softmax of every row."""

from sympy import exp, log

from rederive.autograd.ops import LogSoftmax
from rederive.proofs.language.derivation import (
    Chain,
    Definition,
    Derivation,
    Input,
    Line,
    array,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, X, i, j, k, m, n, p, q

P = Definition("P", (i, j), exp(X[i, j]) / sum_over(exp(X[i, k]), k))
Y = Definition("Y", (i, j), X[i, j] - log(sum_over(exp(X[i, k]), k)))

a = array("a")

DERIVATION = Derivation(
    title="Log-softmax",
    order=80,
    inputs=(Input("X", (n, m)),),
    output=Y,
    definitions=(P,),
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * (delta(i, p) * delta(j, q) - delta(i, p) * P[i, q]), i, j),
                "the derivative of the logarithm of a sum of exponentials is the softmax",
            ),
            Line(G[p, q] - P[p, q] * sum_over(G[p, j], j), "a sum over a Kronecker delta has one term"),
        ),
        Chain(
            X[i, j] + a[i] - log(sum_over(exp(X[i, k] + a[i]), k)),
            (
                Line(X[i, j] + a[i] - log(exp(a[i]) * sum_over(exp(X[i, k]), k)), "a common factor of a sum"),
                Line(
                    Y[i, j],
                    "the logarithm of a product: a shift of a row changes nothing, so the row's maximum, "
                    "which the code subtracts, needs no gradient",
                ),
            ),
        ),
    ),
    program=lambda xp, X: X - xp.log(xp.sum(xp.exp(X), axis=1, keepdims=True)),
    code=LogSoftmax.apply,
    ops=(LogSoftmax,),
    equivalents={
        r"log_softmax: shifted = ": "A softmax does not change with what is subtracted from all entries of a row."
    },
)
