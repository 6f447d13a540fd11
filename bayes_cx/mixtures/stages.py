"""Purchases that are due after every k stages of a random process, as regular buyers make them."""

from typing import NamedTuple

import numpy as np
import pytensor.scalar as ps

from bayes_cx.mixtures.loops import NEGLIGIBLE, Tensor, elementwise, repeat

__all__ = ["MOST_STAGES", "StageSums", "phases", "phases_at_rate", "stage_sums"]

MOST_STAGES = 6
_MOST_TERMS = 1_000_000
# Sums that start below the smallest double are kept in units of powers of this.
_UNIT = np.float64(2.0**500)


class StageSums(NamedTuple):
    """What an active customer does within a time t.

    Attributes
    ----------
    purchases : tensor
        Mean number of purchases.
    staying : tensor
        Chance to be still active.
    exactly, at_least : tensor
        Chance that n purchases, and that n or more, are due within t if the customer does not leave.
    """

    purchases: Tensor
    staying: Tensor
    exactly: Tensor
    at_least: Tensor


def phases_at_rate(k: Tensor, m: Tensor) -> Tensor:
    r"""Return :math:`\sum_{j < k} m^j / j!` for a whole number k of at most six; of scalars or tensors."""
    term, total = 1.0, 1.0
    for j in range(1, MOST_STAGES):
        term = term * m / j
        total = total + (k > j) * term
    return total


def phases(k: Tensor, s: Tensor, w: Tensor) -> Tensor:
    r"""Return :math:`\sum_{j < k} (s)_j w^j / j!` for a whole number k of at most six; of scalars or tensors.

    Its terms are in proportion to the chances that j of k stages have been passed since the last purchase.
    """
    term, total = 1.0, 1.0
    for j in range(1, MOST_STAGES):
        term = term * (s + (j - 1)) * w / j
        total = total + (k > j) * term
    return total


def stage_sums(
    t: Tensor, n: Tensor, k: Tensor, s: Tensor, beta: Tensor, tau: Tensor, *more: Tensor
) -> StageSums:
    r"""Sum over the stages that an active customer passes since the last purchase, until t from now.

    Stages are passed at a rate :math:`\kappa`; before it was known that fewer than k of them fell in the time
    :math:`\tau` since the last purchase, :math:`\kappa` was Gamma(s, beta - tau). Then the chance of S stages
    in :math:`\tau + t`, of which j in :math:`\tau`, is in proportion to

    .. math:: \frac{(s)_S}{S!} \binom{S}{j} v^j z^{S - j}, \qquad
              v = \frac{\tau}{\beta + t}, \quad z = \frac{t}{\beta + t},

    and S stages make S / k purchases, rounded down. After each the customer leaves with probability :math:`(1
    - \kappa) p`, p ~ Beta(a, b), where :math:`\kappa` is the share `keep`. The mean chance to stay through m
    of them, :math:`F_m = {}_2F_1(-m, a; a + b; 1 - \kappa)`, follows from the two before,

    .. math:: (a + b + m) F_{m + 1} = (m (1 + \kappa) + a \kappa + b) F_m - m \kappa F_{m - 1} .

    Parameters
    ----------
    t, n : tensor
        The time and the number of purchases asked for; both may be zero.
    k, s, beta, tau : tensor
        Stages to a purchase, at most six, and what is believed of their rate; ``tau`` may be zero.
    *more : tensor
        a, b and keep.

    Returns
    -------
    StageSums
        NaN, never wrong, where a million terms do not settle it: beyond some 20,000 expected stages, or t /
        beta.
    """
    return StageSums(*_stage_sums(t, n, k, s, beta, tau, *more))


@elementwise
def _stage_sums(t, n, k, s, beta, tau, a, b, keep):
    z, v = t / (beta + t), tau / (beta + t)

    def next_stage(stage, since, made, stays, stayed, mean, units, *rest):
        chances, totals = rest[:MOST_STAGES], rest[MOST_STAGES:-8]
        n, k, s, z, v, a, b, keep = rest[-8:]
        large = ps.gt(totals[-1], _UNIT)
        scale = ps.switch(large, 1.0 / _UNIT, 1.0)
        grows = (s + stage) / (stage + 1.0) * scale
        earlier = [0.0, *chances[:-1]]
        chances = [(k > j) * grows * (z * chances[j] + v * earlier[j]) for j in range(MOST_STAGES)]
        chance = sum(chances[1:], chances[0])

        stage, since = stage + 1.0, since + 1.0
        buys = ps.ge(since, k)
        next_stays = ((made * (1.0 + keep) + a * keep + b) * stays - made * keep * stayed) / (a + b + made)
        mean = mean + ps.switch(buys, stays, 0.0)
        stays, stayed = ps.switch(buys, next_stays, stays), ps.switch(buys, stays, stayed)
        made, since = made + ps.switch(buys, 1.0, 0.0), ps.switch(buys, 0.0, since)

        counted = [mean, stays, ps.eq(made, n), ps.ge(made, n), 1.0]
        totals = [total * scale + chance * each for total, each in zip(totals, counted, strict=True)]
        # The ratio of the terms is below one from here on, and none is of weight any more.
        falls = ps.and_(ps.lt((s + stage) * z, stage + 1.0 - k), ps.ge(stage, k * (n + 1.0)))
        small = ps.and_(ps.le(chance * mean, NEGLIGIBLE * totals[0]), ps.le(chance, NEGLIGIBLE * totals[3]))
        units = units + ps.switch(large, 1.0, 0.0)
        return stage, since, made, stays, stayed, mean, units, *chances, *totals, ps.and_(falls, small)

    none = ps.switch(ps.eq(n, 0.0), 1.0, 0.0)
    start = {"stage": 0.0, "since": 0.0, "made": 0.0, "stays": 1.0, "stayed": 0.0, "mean": 0.0, "units": 0.0}
    start |= {f"chance{j}": float(j == 0) for j in range(MOST_STAGES)}
    start |= {"purchases": 0.0, "staying": 1.0, "exactly": none, "at_least": none, "all": 1.0}
    given = {"n": n, "k": k, "s": s, "z": z, "v": v, "a": a, "b": b, "keep": keep}
    last = repeat(_MOST_TERMS, start, given, next_stage, settles=True)
    *totals, _, settled = last[-6:]
    size = ps.exp(last[6] * np.log(_UNIT) - s * ps.log1p(t / beta)) / phases(k, s, tau / beta)
    return tuple(ps.switch(settled, total * size, float("nan")) for total in totals)
