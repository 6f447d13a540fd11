"""Formulas of scalars as functions of tensors, compiled or as they are written."""

import pickle

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
import pytest

from bayes_cx.compiling import AS_WRITTEN
from bayes_cx.numerics.loops import elementwise, repeat, with_slopes


@elementwise
def powers(n, x):
    """Return x^n and how many steps it took; the second loop stands in the first."""

    def add(i, total, size):
        return i + 1.0, total + size

    def multiply(i, total, x):
        _, total = repeat(x, {"j": 0.0, "sum": 0.0}, {"size": total}, add)
        return i + 1.0, total

    steps, total = repeat(n, {"i": 0.0, "total": 1.0}, {"x": x}, multiply)
    return total, steps


@elementwise
def halvings(x, most):
    """Return how often x is halved until it is one or less, and whether that is so."""

    def halve(i, x):
        return i + 1.0, x / 2.0, ps.le(x, 2.0)

    i, _, settled = repeat(ps.switch(ps.gt(x, 1.0), most, 0), {"i": 0.0, "x": x}, {}, halve, settles=True)
    return i, ps.cast(settled, "float64")


@pytest.mark.parametrize("mode", [None, AS_WRITTEN], ids=["compiled", "as written"])
def test_loops(mode):
    n, x = pt.dvector("n"), pt.drow("x")
    total, steps = powers(n[:, None], x)
    f = pytensor.function([n, x], [total, steps, *halvings(x, 3)], mode=mode)
    total, steps, i, settled = f(np.array([0.0, 3.0]), np.array([[2.0, 5.0, 40.0, 1.0]]))
    np.testing.assert_array_equal(total, [[1, 1, 1, 1], [8, 125, 64_000, 1]])
    np.testing.assert_array_equal(steps, [[0.0], [3.0]] * np.ones(4))
    np.testing.assert_array_equal(i, [[1, 3, 3, 0]])
    np.testing.assert_array_equal(settled, [[1, 1, 0, 1]])


def test_derivatives_are_derived_or_stated():
    derived, stated = (
        elementwise(lambda x, y: ps.exp(x) * y),
        with_slopes(lambda n, x: (x**n, n * x ** (n - 1))),
    )
    x, y = pt.dvectors("x", "y")
    n = pt.dscalar("n")
    by = [*pytensor.grad(derived(x, y).sum(), [x, y]), pytensor.grad(stated(n, x).sum(), x)]
    at = np.array([0.5, 2.0])
    by_x, by_y, power = pytensor.function([n, x, y], by)(3.0, at, 2 * at)
    np.testing.assert_allclose([by_x, by_y, power], [np.exp(at) * 2 * at, np.exp(at), 3 * at**2])
    with pytest.raises(pytensor.gradient.DisconnectedInputError):
        pytensor.grad(stated(n, x).sum(), n)


def test_a_scalar_times_itself_has_no_derivative_and_its_square_has():
    """PyTensor derives 2 from u * u within formulas of scalars."""
    x = pt.dscalar("x")
    with pytest.raises(ValueError, match=r"ps\.sqr"):
        pytensor.grad(elementwise(lambda x: x * x)(x), x)
    slope = pytensor.grad(elementwise(lambda x: ps.sqr(1.0 / x))(x), x)
    assert pytensor.function([x], slope, mode=AS_WRITTEN)(2.0) == pytest.approx(-0.25)


def test_a_formula_that_ran_in_python_can_still_be_pickled():
    """PyTensor's C linker pickles ops into the keys of its cache."""
    n, x = pt.dscalars("n", "x")
    total, _ = powers(n, x)
    assert pytensor.function([n, x], total, mode=AS_WRITTEN)(3.0, 2.0) == 8.0
    op = total.owner.op
    assert pickle.loads(pickle.dumps(op)) == op
