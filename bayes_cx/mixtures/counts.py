"""Counts at gamma rates: the negative binomial distribution and its tail."""

import pytensor.scalar as ps

from bayes_cx.mixtures.loops import NEGLIGIBLE, Scalar, elementwise, repeat

__all__ = ["log_negative_binomial", "negative_binomial_tail"]

_MOST_TERMS = 1_000_000


def _log_chance(n: Scalar, s: Scalar, t: Scalar, beta: Scalar) -> Scalar:
    powers = ps.switch(ps.gt(n, 0.0), n * (ps.log(t) - ps.log(beta + t)), 0.0)
    return ps.gammaln(s + n) - ps.gammaln(s) - ps.gammaln(n + 1.0) - s * ps.log1p(t / beta) + powers


@elementwise
def log_negative_binomial(n, s, t, beta):
    r"""Return the logarithm of the chance of n events in a time t at a rate :math:`\sim` Gamma(s, beta).

    Parameters
    ----------
    n, s, t, beta : tensor
        They broadcast. ``n`` is a whole number.
    """
    return _log_chance(n, s, t, beta)


@elementwise
def negative_binomial_tail(n, s, t, beta):
    r"""Return the chance of n or more events in a time t at a rate :math:`\sim` Gamma(s, beta).

    Terms are added from n upwards where they soon fall, and else from n - 1 downwards for the chance of
    fewer, which is then not nearly one.

    Parameters
    ----------
    n, s, t, beta : tensor
        They broadcast. ``n`` is a whole number; zero or less gives one.
    """
    z, rest = t / (beta + t), beta / (beta + t)
    upwards = ps.and_(ps.gt(n * rest, s * z), ps.ge(n * rest, 1.0))
    some = ps.ge(n, 1.0)
    n = ps.maximum(n, 1.0)
    start = ps.switch(upwards, n, n - 1.0)

    def next_count(m, term, total, s, z, upwards):
        up, down = (s + m) * z / (m + 1.0), ps.switch(ps.gt(m, 0.0), m / ((s + m - 1.0) * z), 0.0)
        term = term * ps.switch(upwards, up, down)
        total = total + term
        return m + ps.switch(upwards, 1.0, -1.0), term, total, ps.le(term, NEGLIGIBLE * total)

    *_, total, settled = repeat(
        ps.switch(some, _MOST_TERMS, 0),
        {"m": start, "term": 1.0, "total": 1.0},
        {"s": s, "z": z, "upwards": ps.cast(upwards, "float64")},
        next_count,
        settles=True,
    )
    part = ps.exp(_log_chance(start, s, t, beta)) * total
    tail = ps.switch(upwards, part, 1.0 - part)
    return ps.switch(some, ps.switch(settled, tail, float("nan")), 1.0)
