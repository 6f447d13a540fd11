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
from bayes_cx.models.beta_geometric import buy_until_gone
from bayes_cx.models.quantities import named
from bayes_cx.numerics import (
    MOST_STAGES,
    beta_gamma_dert,
    count_if_leaving_after,
    discounted_flow,
    log_stay,
    phases,
    silence,
    stage_sums,
)

__all__ = ["BG_CNBD", "MBG_CNBD"]


def _stages(x, t_x, T, k, r, alpha):
    r"""Return what is believed of the stages of an active customer, k of which make a purchase.

    Their rate :math:`k \lambda` is Gamma(r, alpha / k), then Gamma(r + k x, alpha / k + t_x) at the last
    purchase; since then, for a time :math:`\tau`, fewer than k stages have been passed.
    """
    return k, r + k * x, alpha / k + T, pt.maximum(T - t_x, 0.0)


def _log_phases(x, t_x, T, k, r, alpha):
    r"""Return the logarithm of :math:`\sum_{j < k} \frac{(k \tau)^j}{j!} (r + k x)_j (\alpha + k T)^{-j}`."""
    k, s, beta, tau = _stages(x, t_x, T, k, r, alpha)
    return pt.log(phases(k, s, tau / beta))


def _log_gaps(x, t_x, regularity, k):
    """Return the logarithm of the product over gaps of gap^(k - 1) / Gamma(k)."""
    log_gaps = regularity + x * pt.log(pt.switch(pt.gt(x, 0), t_x, 1.0))
    return (k - 1.0) * log_gaps - x * pt.gammaln(k)


def _scale(weight, x, t_x, T, regularity):
    return beta_geometric.scale(weight, x, t_x, T)


def _observe(made, T):
    """Return what one sees of purchases in spans `T`, shape (customer,)."""
    seen = beta_geometric.observe(made, T)
    order = np.lexsort((made.time, made.customer))
    customer, time = made.customer[order], made.time[order]
    first = np.diff(customer, prepend=-1) > 0
    gaps = np.where(first, time, np.diff(time, prepend=0.0))
    last = seen["t_x"][customer]
    # Two purchases of a customer who buys all the time may fall together.
    log_shares = np.log(np.maximum(gaps, np.finfo(float).tiny) / last)
    return {**seen, "regularity": np.bincount(customer, log_shares, minlength=np.size(T))}


def _cnbd(*, first: float, **texts) -> Model:
    """Return the model in which a customer may leave after the first purchase too, or `first` = 0 may not."""

    def log_odds_gone(x, t_x, T, k, r, alpha, a, b):
        """Return the log odds of having left at the last decision to stay or leave, if there was one."""
        decisions = x + first
        decided = pt.gt(decisions, 0)
        odds = pt.log(a) - pt.log(b + pt.switch(decided, decisions, 1.0) - 1.0)
        waiting = (r + k * x) * (pt.log(alpha + k * T) - pt.log(alpha + k * t_x))
        return pt.switch(decided, odds + waiting - _log_phases(x, t_x, T, k, r, alpha), -np.inf)

    def log_lik(x, t_x, T, regularity, k, r, alpha, a, b):
        """Return the density of all purchase times, so that values of k compare with each other.

        Its two terms are written as that of the active customer times (1 + odds of having left).
        """
        active = (
            pt.gammaln(r + k * x)
            - pt.gammaln(r)
            + r * pt.log(alpha)
            + k * x * pt.log(k)
            - (r + k * x) * pt.log(alpha + k * T)
            + log_stay(a, b, x + first)
            + _log_phases(x, t_x, T, k, r, alpha)
        )
        decided = pt.gt(x + first, 0)
        # The unused branch stays finite, so that its gradient does too.
        some = pt.switch(decided, x, 1.0)
        log_odds = pt.switch(decided, log_odds_gone(some, t_x, T, k, r, alpha, a, b), 0.0)
        return active + pt.switch(decided, pt.softplus(log_odds), 0.0) + _log_gaps(x, t_x, regularity, k)

    def p_alive(x, t_x, T, k, r, alpha, a, b):
        return pt.sigmoid(-log_odds_gone(x, t_x, T, k, r, alpha, a, b))

    def within(t, x, t_x, T, k, r, alpha, a, b, count=0.0, keep=0.0):
        """Return what an active customer, who has stayed after x (+ 1) purchases, does within t."""
        return stage_sums(t, count, *_stages(x, t_x, T, k, r, alpha), a, b + x + first, keep)

    def begins(a, b):
        """Return the chance to stay after the first purchase."""
        return b / (a + b) if first else 1.0

    def count_if_active(count, t, x, t_x, T, k, r, alpha, a, b):
        sums = within(t, x, t_x, T, k, r, alpha, a, b, count)
        return count_if_leaving_after(count, sums.exactly, sums.at_least, a, b + x + first)

    def p_alive_at(t, x, t_x, T, k, r, alpha, a, b):
        stays = within(t, x, t_x, T, k, r, alpha, a, b).staying
        return p_alive(x, t_x, T, k, r, alpha, a, b) * stays

    def p_alive_new(t, k, r, alpha, a, b):
        return begins(a, b) * within(t, 0.0, 0.0, 0.0, k, r, alpha, a, b).staying

    def p_any_purchase(t, x, t_x, T, k, r, alpha, a, b):
        """Return the chance that of k stages the rest, fewer than k, is passed within t."""
        still = _log_phases(x, t_x, T + t, k, r, alpha) - _log_phases(x, t_x, T, k, r, alpha)
        due = -pt.expm1(still - (r + k * x) * pt.log1p(k * t / (alpha + k * T)))
        return p_alive(x, t_x, T, k, r, alpha, a, b) * due

    def p_purchases(count, t, x, t_x, T, k, r, alpha, a, b):
        alive = p_alive(x, t_x, T, k, r, alpha, a, b)
        chance = count_if_active(count, t, x, t_x, T, k, r, alpha, a, b)
        return alive * chance + (1.0 - alive) * pt.eq(count, 0)

    def p_purchases_new(count, t, k, r, alpha, a, b):
        stays = begins(a, b)
        chance = count_if_active(count, t, 0.0, 0.0, 0.0, k, r, alpha, a, b)
        return stays * chance + (1.0 - stays) * pt.eq(count, 0)

    def expected_if_active(t, x, t_x, T, k, r, alpha, a, b):
        return within(t, x, t_x, T, k, r, alpha, a, b).purchases

    def expected(t, x, t_x, T, k, r, alpha, a, b):
        mean = expected_if_active(t, x, t_x, T, k, r, alpha, a, b)
        return p_alive(x, t_x, T, k, r, alpha, a, b) * mean

    def expected_between(t1, t2, x, t_x, T, k, r, alpha, a, b):
        later, sooner = (expected_if_active(t, x, t_x, T, k, r, alpha, a, b) for t in (t2, t1))
        return p_alive(x, t_x, T, k, r, alpha, a, b) * (later - sooner)

    def expected_new(t, k, r, alpha, a, b):
        return begins(a, b) * expected_if_active(t, 0.0, 0.0, 0.0, k, r, alpha, a, b)

    def flow(t, discount, believed, a, b, keep=0.0):
        """Return the discounted purchases within t of an active customer of whose stages this is believed."""
        inner = tuple(pt.expand_dims(pt.as_tensor(value), -1) for value in (*believed, a, b, keep))
        _, _, beta, _ = believed
        return discounted_flow(lambda u: stage_sums(u, 0.0, *inner).purchases, t, discount, beta, nodes=16)

    def discounted_if_active(t, discount, x, t_x, T, k, r, alpha, a, b):
        return flow(t, discount, _stages(x, t_x, T, k, r, alpha), a, b + x + first)

    def discounted(t, discount, x, t_x, T, k, r, alpha, a, b):
        active = discounted_if_active(t, discount, x, t_x, T, k, r, alpha, a, b)
        return p_alive(x, t_x, T, k, r, alpha, a, b) * active

    def discounted_if_won_back(t, discount, x, T, k, r, alpha, a, b):
        """As cautiously as in BG/NBD, with a new gap that begins now.

        The last of the decisions was to leave, and the silence counts against the customer's pace.
        """
        return flow(t, discount, _stages(x, T, T, k, r, alpha), a + 1.0, b + pt.maximum(x + first, 1.0) - 1.0)

    def discounted_if_kept(t, discount, x, t_x, T, k, r, alpha):
        return flow(t, discount, _stages(x, t_x, T, k, r, alpha), 1.0, 1.0, keep=1.0)

    def discounted_if_less_dropout(t, discount, keep, x, t_x, T, k, r, alpha, a, b):
        return flow(t, discount, _stages(x, t_x, T, k, r, alpha), a, b + x + first, keep)

    def dert(discount, x, t_x, T, k, r, alpha, a, b):
        active = beta_gamma_dert(discount, *_stages(x, t_x, T, k, r, alpha), a, b + x + first)
        return p_alive(x, t_x, T, k, r, alpha, a, b) * active

    def dert_new(discount, k, r, alpha, a, b):
        stays = beta_gamma_dert(discount, *_stages(0.0, 0.0, 0.0, k, r, alpha), a, b + first)
        return begins(a, b) * stays

    def silence_limit(x, t_x, k, r, alpha, a, b):
        return silence(lambda u: log_odds_gone(x, t_x, t_x + u, k, r, alpha, a, b), alpha / k + t_x)

    def silence_limit_new(k, r, alpha, a, b):
        return silence_limit(0.0, 0.0, k, r, alpha, a, b)

    def simulate(rng, T, k, r, alpha, a, b):
        """Let new customers buy for spans `T`, shape (customer,), with gaps ~ Gamma(k, k lambda)."""
        n = np.size(T)
        rate, p = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
        stays = rng.random(n) >= p if first else np.ones(n, bool)
        return buy_until_gone(rng, k * rate, p, stays, np.asarray(T, float), k)

    def simulate_future(rng, t, p_alive, x, t_x, T, k, r, alpha, a, b):
        """Let customers with a history, who are somewhere in a gap, buy for a span `t` more."""
        alive = rng.random(x.size) < p_alive
        s, beta = r + k * x, alpha / k + T
        w = np.maximum(T - t_x, 0.0) / beta
        j = np.arange(MOST_STAGES)[:, None]
        weight = np.cumprod(np.where(j > 0, (s + j - 1) * w / np.maximum(j, 1), 1.0), axis=0) * (j < k)
        below = np.cumsum(weight, axis=0) / weight.sum(axis=0)
        passed = (rng.random(x.size) >= below).sum(axis=0)
        rate = rng.gamma(s + passed) / beta
        return buy_until_gone(
            rng, rate, rng.beta(a, b + x + first), alive, np.broadcast_to(t, x.shape), k, passed
        )

    return Model(
        statistics=("x", "t_x", "T", "regularity"),
        params={
            "k": Param("", "regularity: 1 buys at random, larger is more regular"),
            **beta_geometric.PARAMS,
        },
        choices={"k": tuple(range(1, MOST_STAGES + 1))},
        priors=beta_geometric.PRIORS,
        scale=_scale,
        natural=beta_geometric.natural,
        log_lik=log_lik,
        simulate=simulate,
        simulate_future=simulate_future,
        observe=_observe,
        quantities=named(
            "purchases",
            p_alive=p_alive,
            p_alive_at=p_alive_at,
            p_alive_new=p_alive_new,
            p_any_purchase=p_any_purchase,
            p_purchases=p_purchases,
            p_purchases_new=p_purchases_new,
            expected_purchases=expected,
            expected_purchases_between=expected_between,
            expected_purchases_if_active=expected_if_active,
            expected_purchases_new=expected_new,
            discounted_purchases=discounted,
            discounted_purchases_if_active=discounted_if_active,
            discounted_purchases_if_won_back=discounted_if_won_back,
            discounted_purchases_if_kept=discounted_if_kept,
            discounted_purchases_if_less_dropout=discounted_if_less_dropout,
            dert=dert,
            dert_new=dert_new,
            silence_limit=silence_limit,
            silence_limit_new=silence_limit_new,
        ),
        formulas=(
            'lambda tilde.op "Gamma"(r, alpha), quad p tilde.op "Beta"(a, b), '
            'quad "gap" tilde.op "Gamma"(k, k lambda)',
            texts.pop("odds"),
            'E[Y(t) | "active"] = sum_N P(N) sum_(i < floor((j + N) \\/ k)) E[(1 - p)^i], quad '
            'j "of" k "stages since the last purchase," N "more in" t',
        ),
        reference="reutterer2021leveraging",
        kind=PURCHASES,
        **texts,
    )


_LIMITS = (
    "Everybody is equally regular: how steadily one buys differs between customers only by the pace.",
    "Rates are steady: seasons, campaigns and a growing or shrinking appetite are not seen.",
    "Only the dates of purchases count: complaints, visits, prices and competitors are not seen.",
)

BG_CNBD = _cnbd(
    first=0.0,
    name="BG/CNBD-k",
    key="bg_cnbd",
    story=(
        "While active, a customer buys at intervals that vary less than at random, the less the larger k is. "
        "After every repeat purchase the customer leaves for good with a fixed probability. Pace and "
        "probability differ between customers."
    ),
    odds=(
        'P("active" | x, t_x, T) = '
        "[1 + a / (b + x - 1) ((alpha + k T) / (alpha + k t_x))^(r + k x) / S]^(-1) quad (x > 0), "
        "quad S = sum_(j < k) (r + k x)_j / j! ((k (T - t_x)) / (alpha + k T))^j"
    ),
    limits=(
        "A customer can leave only right after a repeat purchase, so who bought once counts as active.",
        *_LIMITS,
    ),
    when="shops without contracts, where customers buy as they run out, at steady intervals",
)

MBG_CNBD = _cnbd(
    first=1.0,
    name="MBG/CNBD-k",
    key="mbg_cnbd",
    story=(
        "While active, a customer buys at intervals that vary less than at random, the less the larger k is. "
        "After every purchase, the first one included, the customer leaves for good with a fixed "
        "probability. Pace and probability differ between customers."
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
