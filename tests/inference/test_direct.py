"""The density by kernels: its derivatives where there are no formulas of them."""

import numpy as np
import pytest

from bayes_cx.inference.direct import by_differences


def test_differences_are_derivatives():
    def f(letters, n):
        a, b = letters["a"], letters["b"]
        assert a.shape == (n,)
        return np.log(a) * b**2 + np.exp(-a) + letters["k"]

    at = {"a": np.array([0.3]), "b": np.array([250.0]), "k": np.array([2.0])}
    height, by_a, by_b = by_differences(f, at, ("a", "b"))
    assert height == pytest.approx(np.log(0.3) * 250**2 + np.exp(-0.3) + 2, rel=1e-14)
    assert by_a == pytest.approx(250**2 / 0.3 - np.exp(-0.3), rel=1e-10)
    assert by_b == pytest.approx(500 * np.log(0.3), rel=1e-10)
