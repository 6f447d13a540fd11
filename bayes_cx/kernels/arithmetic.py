"""Functions that neither LLVM nor the C library has, as programs of plain arithmetic."""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from inspect import signature
from typing import Any

from bayes_cx.kernels.program import Loop, Program

__all__ = ["FUNCTIONS"]


class _Number:
    """A step of a program, on which more can be computed."""

    def __init__(self, program: Program, step: int) -> None:
        self.program, self.step = program, step

    def do(self, name: str, *others: "_Number | float", what: Any = None) -> "_Number":
        """Return the step of an operation on this number and others."""
        of = (self.step, *(self.of(other).step for other in others))
        return _Number(self.program, self.program.add(name, *of, what=what))

    def of(self, value: "_Number | float") -> "_Number":
        """Return a number of the same program."""
        if isinstance(value, _Number):
            return value
        return _Number(self.program, self.program.constant(float(value)))

    def __add__(self, other: "_Number | float") -> "_Number":
        return self.do("add", other)

    def __sub__(self, other: "_Number | float") -> "_Number":
        return self.do("sub", other)

    def __mul__(self, other: "_Number | float") -> "_Number":
        return self.do("mul", other)

    def __truediv__(self, other: "_Number | float") -> "_Number":
        return self.do("truediv", other)

    def __radd__(self, other: float) -> "_Number":
        return self.of(other) + self

    def __rsub__(self, other: float) -> "_Number":
        return self.of(other) - self

    def __rmul__(self, other: float) -> "_Number":
        return self.of(other) * self

    def __rtruediv__(self, other: float) -> "_Number":
        return self.of(other) / self

    def __neg__(self) -> "_Number":
        return self.do("neg")

    def __gt__(self, other: "_Number | float") -> "_Number":
        return self.do("gt", other)

    def __ge__(self, other: "_Number | float") -> "_Number":
        return self.do("ge", other)

    def __lt__(self, other: "_Number | float") -> "_Number":
        return self.do("lt", other)


def _where(condition: _Number, yes: _Number | float, no: _Number | float) -> _Number:
    return condition.do("switch", yes, no)


def _repeat(
    steps: _Number, start: Sequence[_Number], step: Callable[..., Sequence[_Number]]
) -> list[_Number]:
    """Return the last state of a loop."""
    program, names = steps.program, tuple(f"s{i}" for i in range(len(start)))
    inner = Program(names)
    found = step(*(_Number(inner, inner.add("input", what=name)) for name in names))
    inner.outputs = tuple(each.step for each in found)
    loop = steps.do("loop", *start, what=Loop(inner, len(start), until=False))
    return [_Number(program, program.add("take", loop.step, what=i)) for i in range(len(start))]


def _series(y: _Number, *coefficients: float) -> _Number:
    """Return the polynomial with these coefficients, the constant first.

    Neighbours are paired (Estrin): a processor computes pairs at the same time, where in Horner's rule each
    term waits for the one before.
    """
    terms = [y.of(each) for each in coefficients]
    while len(terms) > 1:
        pairs = [low + high * y for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs if len(terms) % 2 == 0 else [*pairs, terms[-1]]
        y = y * y
    return terms[0]


def _maximum(a: _Number, b: _Number) -> _Number:
    """Return the larger, or NaN if either is none."""
    return _where(a > b, a, _where(b >= a, b, math.nan))


def _minimum(a: _Number, b: _Number) -> _Number:
    """Return the smaller, or NaN if either is none."""
    return _where(a < b, a, _where(b >= a, a, _where(b < a, b, math.nan)))


def _clip(a: _Number, low: _Number, high: _Number) -> _Number:
    return _minimum(_maximum(a, low), high)


def _sign(a: _Number) -> _Number:
    """Return -1, 0 or 1."""
    return _where(a > 0.0, 1.0, _where(a < 0.0, -1.0, a))


# log(2) as a number so short that its multiples are exact, and the rest.
_LN2 = 0.6931471803691238, 1.9082149292705877e-10
_TAYLOR = [1 / math.factorial(n) for n in range(2, 14)]
_ODD = [2 / (2 * n + 1) for n in range(1, 12)]


def _reduced(x: _Number) -> tuple[_Number, _Number]:
    """Return k and exp(x 2^-k) - 1, with k the nearest whole number to x / log(2)."""
    k = (x * (1 / math.log(2)) + 0.5).do("floor")
    high, low = x - k * _LN2[0], k * _LN2[1]
    r = high - low
    return k, high - (low - r * r * _series(r, *_TAYLOR))


def _exp(x: _Number) -> _Number:
    k, rest = _reduced(_clip(x, x.of(-746.0), x.of(710.0)))
    half = (k * 0.5).do("floor")  # 2^k itself may be no double
    return (1.0 + rest) * half.do("two_to") * (k - half).do("two_to")


def _expm1(x: _Number) -> _Number:
    """Return exp(x) - 1, to the last digits where it is small."""
    k, rest = _reduced(_clip(x, x.of(-100.0), x.of(710.0)))
    half = (k * 0.5).do("floor")
    one, two = half.do("two_to"), (k - half).do("two_to")
    found = _where(k < 1000.0, rest * one * two + (one * two - 1.0), (1.0 + rest) * one * two)
    return _where(x.do("eq", 0.0), x, found)


def _log(x: _Number) -> _Number:
    """Return the logarithm as k log(2) + log(1 + f), with 1 + f between the roots of 1/2 and 2."""
    tiny = x < 2.0**-1022
    scaled = _where(tiny, x * 2.0**54, x)
    m = scaled.do("mantissa")
    large = m > math.sqrt(2)
    k = scaled.do("exponent") + _where(large, 1.0, 0.0) - _where(tiny, 54.0, 0.0)
    f = _where(large, 0.5 * m, m) - 1.0
    # log(1 + f) = 2 artanh(s), written so that the rounding of s hardly counts
    s, half = f / (2.0 + f), 0.5 * f * f
    z = s * s
    found = k * _LN2[0] - ((half - (s * (half + z * _series(z, *_ODD)) + k * _LN2[1])) - f)
    found = _where(x < math.inf, found, x)
    return _where(x > 0.0, found, _where(x.do("eq", 0.0), -math.inf, math.nan))


def _log1p(x: _Number) -> _Number:
    """Return log(1 + x), with what is lost in the sum put back."""
    u = 1.0 + x
    inside = _where(u > 0.0, _where(u < math.inf, (x - (u - 1.0)) / u, 0.0), 0.0)
    return u.do("log") + inside


def _softplus(a: _Number) -> _Number:
    """Return log(1 + exp(a)) as max(a, 0) + log(1 + y), where y is at most 1."""
    y = (-a.do("abs")).do("exp")
    # Of 1 + y, or of half of it, the logarithm is 2 artanh(s), with s at most .172.
    large = y > math.sqrt(2) - 1
    s = _where(large, y - 1.0, y) / (_where(large, 3.0, 2.0) + y)
    z = s * s
    log = _where(large, math.log(2), 0.0) + s * (2.0 + z * _series(z, *_ODD))
    return _where(a > 0.0, a, 0.0) + log


def _sigmoid(a: _Number) -> _Number:
    """Return 1 / (1 + exp(-a))."""
    return 1.0 / (1.0 + (-a).do("exp"))


_FAR = 10.0  # from here on the asymptotic series of log gamma's derivatives hold to the last digit


def _steps_to(x: _Number) -> _Number:
    return _where(x < _FAR, (_FAR - x).do("ceil"), 0.0)


def _psi(x: _Number) -> _Number:
    """Return the derivative of log gamma: by the recurrence to large arguments, then by its series."""
    above = x > 0.0
    at = _where(above, x, 1.0 - x)
    total, at = _repeat(_steps_to(at), (x.of(0.0), at), lambda total, at: (total - 1.0 / at, at + 1.0))
    y = 1.0 / (at * at)
    # Bernoulli numbers over 2 n.
    series = y * _series(y, 1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
    found = total + at.do("log") - 0.5 / at - series
    reflected = found - math.pi / (math.pi * x).do("tan")
    return _where(above, found, _where(x.do("eq", x.do("floor")), math.nan, reflected))


def _trigamma(x: _Number) -> _Number:
    """Return the second derivative of log gamma of a positive number."""
    start = (x.of(0.0), x)
    total, at = _repeat(_steps_to(x), start, lambda total, at: (total + 1.0 / (at * at), at + 1.0))
    y = 1.0 / (at * at)
    series = _series(y, 1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    return total + (1.0 + 0.5 / at + y * series) / at


@cache
def _program(formula: Callable[..., _Number]) -> Program:
    names = tuple(signature(formula).parameters)
    program = Program(names)
    found = formula(*(_Number(program, program.add("input", what=name)) for name in names))
    program.outputs = (found.step,)
    return program


FUNCTIONS: dict[str, Callable[[], Program]] = {
    formula.__name__[1:]: partial(_program, formula)
    for formula in (
        _maximum,
        _minimum,
        _clip,
        _sign,
        _exp,
        _expm1,
        _log,
        _log1p,
        _softplus,
        _sigmoid,
        _psi,
        _trigamma,
    )
}
"""Their programs by name, each with one output."""
