r"""BG/CNBD-k and MBG/CNBD-k: regular buyers, who may leave after any (repeat) purchase.

Reutterer, Platzer & Schröder (2021), key ``reutterer2021leveraging``. Letters are those of the paper but one:
here :math:`\lambda \sim` Gamma(r, alpha) is the rate of purchases whatever k is, the mean time between them
:math:`1 / \lambda`, so alpha is k times that of the paper, where the rate of the stages is Gamma(r, alpha).
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model, Param
from bayes_cx.models import beta_geometric
from bayes_cx.models.beta_geometric import buy_until_gone, chance_to_leave
from bayes_cx.models.combine import at, log_likelihood, of, p_alive
from bayes_cx.models.quantities import Active, quantities
from bayes_cx.numerics import (
    MOST_STAGES,
    beta_gamma_dert,
    count_if_leaving_after,
    log_stay,
    phases,
    silence,
    stage_flow,
    stage_sums,
)

__all__ = ["BG_CNBD", "MBG_CNBD", "log_gaps", "observe", "scale"]

# In formulas `first` is 1 where a customer may leave after the first purchase too, and 0 where not.


def _log_odds_gone(x, t_x, T, k, r, alpha, a, b, first):
    """Return the log odds of having left at the last decision to stay or leave, if there was one."""
    decisions = x + first
    decided = pt.gt(decisions, 0)
    odds = pt.log(a) - pt.log(b + pt.switch(decided, decisions, 1.0) - 1.0)
    waiting = (r + k * x) * (pt.log(alpha + k * T) - pt.log(alpha + k * t_x))
    _, s, beta, tau, *_ = _believed(x, t_x, T, k, r, alpha, a, b, first)
    return pt.switch(decided, odds + waiting - pt.log(phases(k, s, tau / beta)), -np.inf)


def _log_active(x, t_x, T, regularity, k, r, alpha, a, b, first):
    """Return the log density of all purchase times of a customer who is still active.

    It is the density of the times themselves, so that values of k can be compared.
    """
    _, s, beta, tau, *_ = _believed(x, t_x, T, k, r, alpha, a, b, first)
    rates = pt.gammaln(r + k * x) - pt.gammaln(r) + r * pt.log(alpha) + k * x * pt.log(k)
    waits = pt.log(phases(k, s, tau / beta)) - (r + k * x) * pt.log(alpha + k * T)
    return rates + waits + log_stay(a, b, x + first) + log_gaps(x, t_x, regularity, k)


def log_gaps(x, t_x, regularity, k):
    """Return the logarithm of the product over gaps of gap^(k - 1) / Gamma(k)."""
    log_gaps = regularity + x * pt.log(pt.switch(pt.gt(x, 0), t_x, 1.0))
    return (k - 1.0) * log_gaps - x * pt.gammaln(k)


def _believed(x, t_x, T, k, r, alpha, a, b, first):
    r"""Return what is believed of an active customer, who has stayed after x (+ 1) purchases.

    The rate :math:`k \lambda` of the stages, k of which make a purchase, is Gamma(r, alpha / k), then
    Gamma(r + k x, alpha / k + t_x) at the last purchase; since then, for a time :math:`\tau`, fewer than k
    stages have been passed.
    """
    return k, r + k * x, alpha / k + T, pt.maximum(T - t_x, 0.0), a, b + x + first


def _lost(x, T, k, r, alpha, a, b, first):
    """Return what is believed of a customer who had left and is active again, as cautiously as in BG/NBD.

    A new gap begins now. The last of the decisions was to leave, and the silence lowers the rate.
    """
    return k, r + k * x, alpha / k + T, 0.0, a + 1.0, b + pt.maximum(x + first, 1.0) - 1.0


def _any(t, k, s, beta, tau, a, b):
    """Return the chance that of k stages the rest, fewer than k, is passed within t."""
    still = pt.log(phases(k, s, (tau + t) / (beta + t))) - pt.log(phases(k, s, tau / beta))
    return -pt.expm1(still - s * pt.log1p(t / beta))


def _exactly(count, t, k, s, beta, tau, a, b):
    sums = stage_sums(t, count, k, s, beta, tau, a, b, 0.0)
    return count_if_leaving_after(count, sums.exactly, sums.at_least, a, b)


def _mean(t, k, s, beta, tau, a, b, keep):
    return stage_sums(t, 0.0, k, s, beta, tau, a, b, keep).purchases


def _flow_with_less_dropout(t, discount, keep, k, s, beta, tau, a, b):
    return stage_flow(t, discount, k, s, beta, tau, a, b, keep)


def _flow(t, discount, k, s, beta, tau, a, b):
    return stage_flow(t, discount, k, s, beta, tau, a, b, 0.0)


_ACTIVE = Active(
    stays=lambda t, *believed: stage_sums(t, 0.0, *believed, 0.0).staying,
    any=_any,
    mean=lambda t, k, s, beta, tau, a, b: _mean(t, k, s, beta, tau, a, b, 0.0),
    exactly=_exactly,
    discounted=_flow,
    kept=lambda t, discount, k, s, beta, tau, *_: _flow_with_less_dropout(
        t, discount, 1.0, k, s, beta, tau, 1.0, 1.0
    ),
    less_dropout=_flow_with_less_dropout,
    endless=beta_gamma_dert,
)


def _silence_limit(x, t_x, k, r, alpha, a, b, first):
    return silence(lambda u: _log_odds_gone(x, t_x, t_x + u, k, r, alpha, a, b, first), alpha / k + t_x)


def _simulate(rng, T, k, r, alpha, a, b, first):
    """Let new customers buy for spans `T`, shape (customer,), with gaps ~ Gamma(k, k lambda)."""
    n = np.size(T)
    rate, p = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
    stays = (rng.random(n) >= p).nonzero()[0] if first else np.arange(n)
    return buy_until_gone(rng, k * rate, p.take, stays, np.asarray(T, float), k)


def _simulate_future(rng, t, p_alive, x, t_x, T, k, r, alpha, a, b, first):
    """Let customers with a history, who are somewhere in a gap, buy for a span `t` more."""
    alive = (rng.random(x.size) < p_alive).nonzero()[0]
    s, beta = r + k * x, alpha / k + T
    w = np.maximum(T - t_x, 0.0) / beta
    j = np.arange(MOST_STAGES)[:, None]
    weight = np.cumprod(np.where(j > 0, (s + j - 1) * w / np.maximum(j, 1), 1.0), axis=0) * (j < k)
    below = np.cumsum(weight, axis=0) / weight.sum(axis=0)
    passed = (rng.random(x.size) >= below).sum(axis=0)
    rate = rng.gamma(s + passed) / beta
    leaves = chance_to_leave(rng, a, b + x + first, x.size)
    return buy_until_gone(rng, rate, leaves, alive, np.broadcast_to(t, x.shape), k, passed)


def scale(weight, x, t_x, T, regularity):
    """Return the purchases per unit of time that the data show."""
    return beta_geometric.scale(weight, x, t_x, T)


def observe(made, T):
    """Return what one sees of purchases in spans `T`, shape (customer,)."""
    seen = beta_geometric.observe(made, T)
    order = np.lexsort((made.time, made.customer))
    customer, time = made.customer[order], made.time[order]
    first = np.diff(customer, prepend=-1) > 0
    gaps = np.where(first, time, np.diff(time, prepend=0.0))
    last = seen["t_x"][customer]
    # Two purchases of a very frequent buyer may have the same time in floating point.
    log_shares = np.log(np.maximum(gaps, np.finfo(float).tiny) / last)
    return {**seen, "regularity": np.bincount(customer, log_shares, minlength=np.size(T))}


def _cnbd(*, first: float, odds: str, **texts) -> Model:
    """Return the model in which a customer may leave after the first purchase too, or `first` = 0 may not."""
    log_odds_gone = at(_log_odds_gone, first=first)
    return Model(
        statistics=("x", "t_x", "T", "regularity"),
        params={
            "k": Param("", "regularity: 1 buys at random, larger is more regular"),
            **beta_geometric.PARAMS,
        },
        traits=beta_geometric.TRAITS,
        choices={"k": tuple(range(1, MOST_STAGES + 1))},
        priors=beta_geometric.PRIORS,
        scale=scale,
        letters=beta_geometric.letters,
        log_lik=log_likelihood(at(_log_active, first=first), log_odds_gone),
        simulate=at(_simulate, first=first),
        simulate_future=at(_simulate_future, first=first),
        observe=observe,
        quantities=quantities(
            PURCHASES,
            p_alive=p_alive(log_odds_gone),
            believed=at(_believed, first=first),
            active=_ACTIVE,
            won_back=of(_flow, at(_lost, first=first)),
            silence_limit=at(_silence_limit, first=first),
        ),
        formulas=(
            'lambda tilde.op "Gamma"(r, alpha), quad p tilde.op "Beta"(a, b), '
            'quad "gap" tilde.op "Gamma"(k, k lambda)',
            odds,
            'E[Y(t) | "active"] = sum_N P(N) sum_(i < floor((j + N) \\/ k)) E[(1 - p)^i], quad '
            'j "of" k "stages since the last purchase," N "more in" t',
        ),
        reference="reutterer2021leveraging",
        kind=PURCHASES,
        **texts,
    )


_LIMITS = (
    "All customers are equally regular: only the rate differs between them.",
    "Rates are constant: seasons, campaigns and changing habits are not in the model.",
    "Only the dates of purchases count: complaints, visits, prices and competitors are not in the model.",
)

BG_CNBD = _cnbd(
    first=0.0,
    name="BG/CNBD-k",
    key="bg_cnbd",
    story=(
        "While active, a customer buys at intervals that are more regular than random; the larger k, the "
        "more regular. After every repeat purchase the customer leaves for good with a fixed probability. "
        "Rate and probability differ between customers."
    ),
    odds=(
        'P("active" | x, t_x, T) = '
        "[1 + a / (b + x - 1) ((alpha + k T) / (alpha + k t_x))^(r + k x) / S]^(-1) quad (x > 0), "
        "quad S = sum_(j < k) (r + k x)_j / j! ((k (T - t_x)) / (alpha + k T))^j"
    ),
    limits=(
        "A customer can leave only right after a repeat purchase, so all who bought once count as active.",
        *_LIMITS,
    ),
    when="shops without contracts, where customers buy as they run out, at steady intervals",
)

MBG_CNBD = _cnbd(
    first=1.0,
    name="MBG/CNBD-k",
    key="mbg_cnbd",
    story=(
        "While active, a customer buys at intervals that are more regular than random; the larger k, the "
        "more regular. After every purchase, the first one included, the customer leaves for good with a "
        "fixed probability. Rate and probability differ between customers."
    ),
    odds=(
        'P("active" | x, t_x, T) = [1 + a / (b + x) ((alpha + k T) / (alpha + k t_x))^(r + k x) / S]^(-1), '
        "quad S = sum_(j < k) (r + k x)_j / j! ((k (T - t_x)) / (alpha + k T))^j"
    ),
    limits=(
        "A customer can leave only right after a purchase, not at any time between purchases.",
        *_LIMITS,
    ),
    when="shops without contracts, where many buy once and the others as they run out, at steady intervals",
)
