r"""Pareto/GGG: regular buyers, each as regular as they are, who may leave at any time.

Platzer & Reutterer (2016), key ``platzer2016ticking``. Letters are those of the paper but one: regularity
:math:`k \sim` Gamma(c, gamma), where the paper has t for c, which is a horizon here.

Given k the rate :math:`\lambda` and the risk :math:`\mu` integrate out, and what is left are integrals of
positive terms over the wait for the next purchase: `given_k`. Over k it is a mixture: `mixed`. The paper
samples all three by MCMC. How many purchases a customer makes has no closed form but for whole k:
expectations come from `bayes_cx.predict_purchases`, as in the paper.
"""

import numpy as np
import pytensor.tensor as pt
from scipy import special

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model, Param, Prior, Trait
from bayes_cx.models import cnbd
from bayes_cx.models.mixed import mixed
from bayes_cx.models.pareto_nbd import PARETO_NBD
from bayes_cx.models.quantities import named
from bayes_cx.numerics import log_wait_integral
from bayes_cx.simulated import Purchases

__all__ = ["PARETO_GGG", "given_k"]

# Silence is at least this share of the time before it, so that its logarithm has a slope where there is none.
_INSTANT = 1e-30
# Regularity is sought between these, where the density of k has fallen by e^-30 or beyond.
_LEAST, _MOST, _FALLEN = 1e-3, 1e8, 30.0
# Gaps as equal as dates can tell.
_EQUAL = 1e-6
# So many values of regularity, equally likely among new customers, to choose from in a simulation.
_CHOICES = 128


def _log_wait(tau, t_x, k, alpha):
    """Return the logarithm of a wait `tau` since the last purchase, relative to what is known of the pace."""
    scale = alpha / k + t_x
    return pt.log(pt.maximum(tau / scale, _INSTANT))


def _log_gap_after(x, t_x, T, k, r, alpha):
    """Return the log chance that the purchase after the last one would come after T."""
    return log_wait_integral(k, r + k * x, _log_wait(T - t_x, t_x, k, alpha), None)


def _log_gone(x, t_x, T, k, r, alpha, s, beta):
    r"""Return :math:`\log \int_{t_x}^T f(y) [1 - ((\beta + t_x) / (\beta + y))^s] dy`, with f of the wait.

    A customer whose next purchase would have come by T has left before it: the chance to have left by then,
    relative to that of being there at the last purchase.
    """
    log_ratio, s_ = (pt.expand_dims(z, -1) for z in (pt.log((alpha / k + t_x) / (beta + t_x)), s))

    def leaves(v):
        share = pt.exp(pt.clip(v + log_ratio, -600.0, 600.0))
        return -pt.expm1(-s_ * pt.log1p(share))

    return log_wait_integral(k, r + k * x, None, _log_wait(T - t_x, t_x, k, alpha), leaves)


def _log_both(x, t_x, T, k, r, alpha, s, beta):
    """Return the log chance of no purchase in (t_x, T], given that the customer was there at t_x."""
    return pt.logaddexp(_log_gap_after(x, t_x, T, k, r, alpha), _log_gone(x, t_x, T, k, r, alpha, s, beta))


def _log_lik(x, t_x, T, regularity, k, r, alpha, s, beta):
    """Return the density of all purchase times, and of none since."""
    bought = (
        r * pt.log(alpha)
        - pt.gammaln(r)
        + pt.gammaln(r + k * x)
        + k * x * pt.log(k)
        - (r + k * x) * pt.log(alpha + k * t_x)
        + cnbd.log_gaps(x, t_x, regularity, k)
    )
    return bought - s * pt.log1p(t_x / beta) + _log_both(x, t_x, T, k, r, alpha, s, beta)


def _p_alive(x, t_x, T, k, r, alpha, s, beta):
    silence = pt.maximum(T - t_x, 0.0)
    still = _log_gap_after(x, t_x, T, k, r, alpha) - s * pt.log1p(silence / (beta + t_x))
    return pt.exp(still - _log_both(x, t_x, T, k, r, alpha, s, beta))


def _p_alive_at(t, x, t_x, T, k, r, alpha, s, beta):
    """Given that one is active, mu ~ Gamma(s, beta + T) whatever has been bought."""
    return _p_alive(x, t_x, T, k, r, alpha, s, beta) * pt.exp(-s * pt.log1p(t / (beta + T)))


def _p_alive_new(t, s, beta):
    return pt.exp(-s * pt.log1p(t / beta))


def _p_any_purchase(t, x, t_x, T, k, r, alpha, s, beta):
    """Return the chance that the next purchase is due within t, and the customer there until then."""
    b, s_, scale = (pt.expand_dims(z, -1) for z in (beta + t_x, s, alpha / k + t_x))

    def stays(v):
        return pt.exp(-s_ * pt.log1p(scale * pt.exp(pt.minimum(v, 600.0)) / b))

    now, then = (_log_wait(end - t_x, t_x, k, alpha) for end in (T, T + t))
    due = log_wait_integral(k, r + k * x, now, then, stays)
    # The two integrals have nodes of their own; of k far below .3 they agree to four digits only.
    return pt.minimum(pt.exp(due - _log_both(x, t_x, T, k, r, alpha, s, beta)), 1.0)


def _simulate_given_k(rng, T, k, r, alpha, s, beta):
    """Let new customers buy for spans `T`, shape (customer,), with gaps ~ Gamma(k, k lambda)."""
    n = np.size(T)
    rate = np.broadcast_to(k, n) * rng.gamma(r, 1.0 / alpha, n)
    with np.errstate(divide="ignore", over="ignore"):  # who is very slow or loyal never buys or leaves
        wait = rng.standard_gamma(np.broadcast_to(k, n)) / rate
    return _buy(rng, wait, k, rate, _present(rng, T, s, beta))


def _simulate_future_given_k(rng, t, p_alive, x, t_x, T, k, r, alpha, s, beta):
    """Let customers with a history buy for a span `t` more.

    The gap that is open is drawn from those longer than the silence, then the rate given that gap.
    """
    alive, a = rng.random(x.size) < p_alive, r + k * x
    seen = alpha + k * t_x
    longer = rng.random(x.size) * special.betainc(a, k, seen / (alpha + k * np.maximum(T, t_x)))
    with np.errstate(divide="ignore"):
        end = seen / special.betaincinv(a, k, longer)  # alpha + k times the time of the next purchase
    wait = np.where(alive, np.maximum((end - alpha) / k - T, 0.0), np.inf)
    rate = k * rng.gamma(a + k) / end
    return _buy(rng, wait, k, rate, _present(rng, np.broadcast_to(t, x.shape), s, beta + T))


def _present(rng, t, s, beta):
    """Return how long customers are there within spans `t`, shape (customer,)."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.minimum(rng.standard_exponential(np.size(t)) / rng.gamma(s, 1.0 / beta, np.size(t)), t)


def _buy(rng, wait, k, rate, span) -> Purchases:
    """Let customers buy first after `wait`, then at gaps ~ Gamma(k, rate), until `span`."""
    k = np.broadcast_to(k, np.shape(wait))
    customer = np.flatnonzero(wait <= span)
    time = wait[customer]
    customers, times = [np.empty(0, int)], [np.empty(0)]
    while customer.size:
        customers.append(customer)
        times.append(time)
        with np.errstate(divide="ignore", over="ignore"):
            time = time + rng.standard_gamma(k[customer]) / rate[customer]
        bought = time <= span[customer]
        customer, time = customer[bought], time[bought]
    return Purchases(np.concatenate(customers), np.concatenate(times))


def _simulate(rng, T, r, alpha, s, beta, c, gamma):
    """Let new customers, each of their own regularity, buy for spans `T`, shape (customer,)."""
    k = np.clip(rng.gamma(c, 1.0 / gamma, np.size(T)), _LEAST, _MOST)
    return _simulate_given_k(rng, np.asarray(T, float), k, r, alpha, s, beta)


def _simulate_future(rng, t, p_alive, x, t_x, T, regularity, r, alpha, s, beta, c, gamma):
    """Let customers with a history buy for a span `t` more, with regularity as believed of who is active."""
    known = (x, t_x, T, regularity, r, alpha, c, gamma)
    rows, which = np.unique(
        np.column_stack([np.broadcast_to(z, x.shape) for z in known]), axis=0, return_inverse=True
    )
    x_, t_x_, T_, regularity_, r_, alpha_, c_, gamma_ = rows.T[:, :, None]
    k = np.clip(special.gammaincinv(c_, (np.arange(_CHOICES) + 0.5) / _CHOICES) / gamma_, _LEAST, _MOST)
    a, seen = r_ + k * x_, alpha_ + k * t_x_
    log_gaps = (k - 1) * (regularity_ + x_ * np.log(np.where(x_ > 0, t_x_, 1))) - x_ * special.gammaln(k)
    with np.errstate(divide="ignore"):
        waits = np.log(special.betainc(a, k, seen / (alpha_ + k * np.maximum(T_, t_x_))))
    weight = special.gammaln(a) + k * x_ * np.log(k) - a * np.log(seen) + log_gaps
    weight = weight + np.maximum(waits, -700.0)
    below = np.cumsum(np.exp(weight - weight.max(axis=1, keepdims=True)), axis=1)
    below /= below[:, -1:]
    chosen = np.minimum((rng.random(x.size)[:, None] >= below[which]).sum(axis=1), _CHOICES - 1)
    own = special.gammaincinv(c, (chosen + rng.random(x.size)) / _CHOICES) / gamma
    return _simulate_future_given_k(
        rng, t, p_alive, x, t_x, T, np.clip(own, _LEAST, _MOST), r, alpha, s, beta
    )


def _regularities(nodes, x, regularity, c, gamma):
    r"""Return values of k that cover what is believed of each customer, and the logarithms of their weights.

    In log k the density of k ~ Gamma(c, gamma) times the likelihood of the gaps has one top. There the
    trapezoidal rule is as good as exact while a step is no longer than a standard deviation, so the nodes lie
    where the belief does. It is nearly Gamma(c + m, gamma + m / k'), with k' the maximum-likelihood shape of
    the gaps alone, in closed form to 1.5 % [minka2002gamma]_, and m what x - 1 gaps tell of log k.
    """
    gaps = pt.maximum(x, 1.0)
    # Log of the mean gap less mean of the log gaps: 0 if all are equal.
    spread = pt.maximum(-pt.log(gaps) - regularity / gaps, _EQUAL)
    own = (3.0 - spread + pt.sqrt((spread - 3.0) ** 2 + 24.0 * spread)) / (12.0 * spread)
    known = pt.maximum(x - 1.0, 0.0) * (own / 2.0 + 1.0 / 3.0) / (own + 1.0 / 3.0)
    shape = c + known
    top = pt.log(shape) - pt.log(gamma + known / own)
    fall = _FALLEN / shape
    near = pt.sqrt(2.0 * fall) + fall
    ends = top - (fall + 1.0 - pt.exp(-near)), top + pt.log1p(near)
    low, high = (pt.expand_dims(pt.clip(end, np.log(_LEAST), np.log(_MOST)), -1) for end in ends)
    log_k = low + (high - low) * np.linspace(0.0, 1.0, nodes)
    c, gamma = pt.expand_dims(c, -1), pt.expand_dims(gamma, -1)
    height = c * (log_k + pt.log(gamma)) - gamma * pt.exp(log_k) - pt.gammaln(c)
    return pt.exp(log_k), height + pt.log((high - low) / (nodes - 1.0))


def _letters(scale, purchase_rate, rate_cv, half_life, dropout_cv, regularity, regularity_cv):
    c = regularity_cv**-2
    pareto = PARETO_NBD.letters(scale, purchase_rate, rate_cv, half_life, dropout_cv)
    return {**pareto, "c": c, "gamma": c / regularity}


def given_k() -> Model:
    """Return the model in which all customers are equally regular; with k = 1 it is Pareto/NBD."""
    return Model(
        name="Pareto/GGG given k",
        key="pareto_gg",
        statistics=("x", "t_x", "T", "regularity"),
        params={**PARETO_NBD.params, "k": Param("", "regularity: 1 buys at random, larger is more regular")},
        priors=PARETO_NBD.priors,
        scale=cnbd.scale,
        letters=PARETO_NBD.letters,
        log_lik=_log_lik,
        simulate=_simulate_given_k,
        simulate_future=_simulate_future_given_k,
        observe=cnbd.observe,
        quantities=named(
            PURCHASES,
            p_alive=_p_alive,
            p_alive_at=_p_alive_at,
            p_alive_new=_p_alive_new,
            p_any_purchase=_p_any_purchase,
        ),
        story=(
            "While active, a customer buys at intervals that vary more or less than at random, some "
            "customers less than others. The customer stays for an unseen lifetime and leaves for good at a "
            "steady risk, at any time. Pace, regularity and risk differ between customers."
        ),
        formulas=(
            'lambda tilde.op "Gamma"(r, alpha), quad mu tilde.op "Gamma"(s, beta), quad '
            'k tilde.op "Gamma"(c, gamma), quad "gap" tilde.op "Gamma"(k, k lambda)',
            'P("active" | k) = I_T ((beta + t_x) / (beta + T))^s [I_T + integral_(t_x)^T f(y) '
            "(1 - ((beta + t_x) / (beta + y))^s) dif y]^(-1), quad I_T = integral_T^infinity f(y) dif y",
            'f(y) "of the next purchase": quad (k (y - t_x)) / (alpha + k t_x) tilde.op '
            '"BetaPrime"(k, r + k x)',
        ),
        limits=(
            "Purchases to come have no formula here: they are simulated, and customers are not valued.",
            "Pace and regularity are steady: seasons, campaigns and a changing appetite are not seen.",
            "The risk to leave is steady and has nothing to do with purchases or with how often one buys.",
            "Only the dates of purchases count: complaints, visits, prices and competitors are not seen.",
        ),
        when="shops without contracts, where some customers come at a rhythm and some do not",
        reference="platzer2016ticking",
        kind=PURCHASES,
    )


PARETO_GGG = mixed(
    given_k(),
    over="k",
    by=_regularities,
    params={
        "c": Param("", "shape of the regularities: the smaller, the more customers differ in rhythm"),
        "gamma": Param("", "scale of the regularities: the mean k is c / gamma, and 1 is buying at random"),
    },
    traits={
        **PARETO_NBD.traits,
        "regularity": Trait("Gamma", ("c", "gamma"), "regularity k: 1 buys at random, larger more regularly"),
    },
    name="Pareto/GGG",
    key="pareto_ggg",
    priors={
        **PARETO_NBD.priors,
        "regularity": Prior(
            "LogNormal",
            {"mu": 0.4, "sigma": 0.6},
            "mean regularity k of customers",
            "from bursts with long breaks (0.46) to a steady rhythm (4.8), with buying at random well inside",
        ),
        "regularity_cv": Prior(
            "LogNormal",
            {"mu": -0.7, "sigma": 0.5},
            "coefficient of variation of the regularity between customers",
            "from customers who are nearly equally regular (0.19) to very different ones (1.3)",
        ),
    },
    letters=_letters,
    simulate=_simulate,
    simulate_future=_simulate_future,
)
