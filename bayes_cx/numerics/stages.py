"""Purchases after every k stages of a Poisson process, as regular buyers make them."""

from typing import NamedTuple

import numpy as np
import pytensor.scalar as ps

from bayes_cx.numerics.loops import NEGLIGIBLE, UNIT, Tensor, elementwise, repeat

__all__ = ["MOST_STAGES", "MOST_SUMMED", "StageSums", "phases", "phases_at_rate", "stage_sums"]

MOST_STAGES = 6
# Some 100 purchases a week for 30 years; with more stages the result is NaN.
MOST_SUMMED = 200_000


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

    and S stages make S / k purchases, rounded down. After each the customer leaves with probability
    :math:`(1 - \epsilon) p`, p ~ Beta(a, b), where :math:`\epsilon` is the share `keep`. The mean chance to
    stay through m of them, :math:`F_m = {}_2F_1(-m, a; a + b; 1 - \epsilon)`, follows from the two before,

    .. math:: (a + b + m) F_{m + 1} = (m (1 + \epsilon) + a \epsilon + b) F_m - m \epsilon F_{m - 1} .

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
        NaN, never wrong, where it would take more than 200,000 stages.
    """
    return StageSums(*_stage_sums(t, n, k, s, beta, tau, *more))


@elementwise
def _stage_sums(t, n, k, s, beta, tau, a, b, keep):
    z, v = t / (beta + t), tau / (beta + t)
    within = {f"v{j}": v * (k > j) for j in range(1, MOST_STAGES)}
    first = {f"chance{j}": float(j == 0) for j in range(MOST_STAGES)}

    def next_stage(stage, chance, *rest):
        chances, (s, z, *vs) = rest[:MOST_STAGES], rest[MOST_STAGES:]
        chance = chance + sum(chances[1:], chances[0])
        grows = (s + stage) / (stage + 1.0)
        moved = [z * chances[0]]
        moved += [z * own + v * before for own, before, v in zip(chances[1:], chances, vs, strict=False)]
        return stage + 1.0, chance, *(grows * each for each in moved)

    def next_purchase(made, stays, stayed, mean, units, stage, *rest):
        chances, totals, given = rest[:MOST_STAGES], rest[MOST_STAGES:-12], rest[-12:]
        n, k, a, b, keep, s, z, *vs = given
        start = {"stage": stage, "chance": 0.0, **dict(zip(first, chances, strict=True))}
        stages = {"s": s, "z": z, **dict(zip(within, vs, strict=True))}
        stage, chance, *chances = repeat(k, start, stages, next_stage)

        counted = [mean, stays, ps.eq(made, n), ps.ge(made, n), 1.0]
        totals = [total + chance * each for total, each in zip(totals, counted, strict=True)]
        # From here on the ratio of terms is below one, and they are negligible.
        falls = ps.and_(ps.lt((s + stage) * z, stage + 1.0 - k), ps.ge(made, ps.maximum(n, 1.0)))
        small = ps.and_(ps.le(chance * mean, NEGLIGIBLE * totals[0]), ps.le(chance, NEGLIGIBLE * totals[3]))

        mean = mean + stays
        next_stays = ((made * (1.0 + keep) + a * keep + b) * stays - made * keep * stayed) / (a + b + made)
        large = ps.gt(totals[-1], UNIT)
        scale = ps.switch(large, 1.0 / UNIT, 1.0)
        scaled = [scale * each for each in (*chances, *totals)]
        units = units + ps.switch(large, 1.0, 0.0)
        return made + 1.0, next_stays, stays, mean, units, stage, *scaled, ps.and_(falls, small)

    start = {"made": 0.0, "stays": 1.0, "stayed": 0.0, "mean": 0.0, "units": 0.0, "stage": 0.0, **first}
    start |= dict.fromkeys((*StageSums._fields, "all"), 0.0)
    given = {"n": n, "k": k, "a": a, "b": b, "keep": keep, "s": s, "z": z, **within}
    # All but 1e-16 of the stages are fewer than this.
    few = ps.le(t / beta * (s + 12.0 * ps.sqrt(s) + 40.0), MOST_SUMMED)
    last = repeat(ps.switch(few, MOST_SUMMED, 0), start, given, next_purchase, settles=True)
    *totals, _, settled = last[-6:]
    size = ps.exp(last[4] * np.log(UNIT) - s * ps.log1p(t / beta)) / phases(k, s, tau / beta)
    return tuple(ps.switch(ps.and_(few, settled), total * size, float("nan")) for total in totals)
