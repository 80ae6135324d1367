"""The three functions that SymPy does not have in the form the proofs need."""

from sympy import Expr, Function, S, cosh, exp, sinh, tanh


class Step(Function):
    """1 where the argument is positive, 0 where it is not.

    So Step(-x) is not 1 - Step(x): at 0 both steps are 0. SymPy's Heaviside has the value 1/2 at 0 and a delta
    distribution as its derivative. Neither belongs to a network.
    """

    is_real = True

    @classmethod
    def eval(cls, argument: Expr) -> Expr | None:
        """Step(2 x) = Step(x); a number is decided."""
        if argument.is_positive:
            return S.One
        if argument.is_nonpositive:
            return S.Zero
        factor, rest = argument.as_coeff_Mul()
        return cls(rest) if factor != 1 and factor.is_positive else None

    def fdiff(self, argindex: int = 1) -> Expr:
        """Constant on either side of 0."""
        return S.Zero

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_Integer and exponent.is_positive else None


class AnyFunction(Function):
    """An element-wise function f of which nothing is known but that it has a derivative f'."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> Expr:
        """f'."""
        return AnyDerivative(self.args[0])


class AnyDerivative(Function):
    """The derivative f' of `AnyFunction`."""

    is_real = True


def example(expression: Expr) -> Expr:
    """Put f(x) = x^3 + x^2 + 2 x, neither even nor odd, in the place of any f: where numbers are needed."""
    with_f = expression.replace(AnyFunction, lambda x: x**3 + x**2 + 2 * x)
    return with_f.replace(AnyDerivative, lambda x: 3 * x**2 + 2 * x + 2)


def in_exponentials(expression: Expr) -> Expr:
    """Write hyperbolic functions in exponentials, so that two forms of the sigmoid have one normal form."""
    for function in (tanh, sinh, cosh):
        if expression.has(function):
            expression = expression.replace(function, lambda x, f=function: f(x).rewrite(exp, deep=False))
    return expression
