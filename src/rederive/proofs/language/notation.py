"""The names that the derivations share: sizes, indices and arrays.

n rows (examples) and m columns; d inputs, h hidden units and c classes of a network. p and q are the indices of the
entry that is differentiated by.
"""

from sympy import OneMatrix, Symbol

from rederive.proofs.prover.indices import array, indices, sizes
from rederive.proofs.prover.matrix_calculus import matrix

n, m, d, h, c = sizes("n m d h c")

i, p = indices("i p", n)
j, k, q = indices("j k q", m)
r, s = indices("r s", d)

G, X, Z, W, b = (array(name) for name in ("G", "X", "Z", "W", "b"))

x = Symbol("x")  # the variable of a function that is applied to every entry

# The same arrays as matrices of n rows and m columns
G_matrix, X_matrix, Y_matrix, Z_matrix = (matrix(name, n, m) for name in "GXYZ")
ones = OneMatrix(n, m)
