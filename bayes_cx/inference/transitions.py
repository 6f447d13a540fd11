r"""The posterior of transition probabilities: exact draws given what segments have in common.

With counts :math:`n_{gk}` from a state, the likelihood of the common mean m and the concentration
:math:`\kappa` is that of Dirichlet-multinomial counts,

.. math::
    \prod_g \frac{\Gamma(\kappa)}{\Gamma(\kappa + n_{g\cdot})}
    \prod_k \frac{\Gamma(\kappa m_k + n_{gk})}{\Gamma(\kappa m_k)},

and given both the probabilities of a segment are Dirichlet, :math:`\kappa m + n_g`. So only m and
:math:`\kappa` have to be sampled. A count counts as the number of its tables in a Chinese restaurant
[teh2006hierarchical]_: given these numbers m is Dirichlet, so proposals are drawn from there, and importance
weights make up for the numbers being replaced by their means.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, logsumexp

from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.psis import smooth_weights

__all__ = ["Common", "common_of", "dirichlet", "log_marginal"]

# Standard deviation of the logarithm of the concentration in the prior: a factor of 20 either way.
_SPREAD = 1.5
# Grid of the concentration, in standard deviations of its prior, and how often mean and tables are updated.
_NODES, _REACH, _ROUNDS = 61, 3.5, 30
# Proposals a draw that is kept, and how much flatter they are than what is proposed from.
_EACH, _FLATTER = 8, 0.6
_SMALLEST = 1e-300
# Weights of a larger Pareto k are improved: degrees of freedom and widening of a second proposal, and rounds.
_GOOD, _DEGREES, _WIDER, _AGAIN = 0.45, 10.0, 1.1, 2


@dataclass(frozen=True)
class Common:
    """Draws of what the segments have in common, of one state.

    Attributes
    ----------
    mean : numpy.ndarray, shape (draw, next)
    concentration : numpy.ndarray, shape (draw,)
    khat : float
        Pareto k of the importance weights.
    ess : float
        Effective number of independent draws before resampling.
    log_marginal : float
    """

    mean: np.ndarray
    concentration: np.ndarray
    khat: float
    ess: float
    log_marginal: float


def dirichlet(alpha: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from Dirichlet distributions over the last axis, also where their parameters are tiny.

    A gamma variable of a tiny shape is zero in floating point; its logarithm is not, since it has the law of
    that of shape + 1 times a power of a uniform.
    """
    log = np.log(rng.standard_gamma(alpha + 1)) + np.log(rng.random(alpha.shape)) / alpha
    relative: np.ndarray = log - np.asarray(logsumexp(log, axis=-1, keepdims=True))
    return np.exp(relative)


def log_marginal(counts: np.ndarray, a: float) -> float:
    """Return the log marginal likelihood of counts under one Dirichlet(a, ..., a) for each row.

    Parameters
    ----------
    counts : numpy.ndarray, shape (..., next)

    Examples
    --------
    >>> round(log_marginal(np.array([[1, 0]]), 1.0), 4)
    -0.6931
    """
    k = counts.shape[-1]
    each = gammaln(k * a) - gammaln(k * a + counts.sum(axis=-1)) + (gammaln(counts + a) - gammaln(a)).sum(-1)
    return float(each.sum())


def common_of(counts: np.ndarray, a: float, n: int, rng: np.random.Generator) -> Common:
    """Return `n` draws of the mean and concentration of the segments.

    Parameters
    ----------
    counts : numpy.ndarray, shape (segment, next)
        Transitions from one state.
    a : float
        Pseudo-counts of each next state in the prior of the mean.
    n : int
    rng : numpy.random.Generator
    """
    k = counts.shape[1]
    centre = np.log(k)
    grid = centre + _SPREAD * np.linspace(-_REACH, _REACH, _NODES)
    known = counts[counts.sum(axis=1) > 0]
    tables = np.array([_tables(known, a, np.exp(log_kappa)) for log_kappa in grid])
    # The density of the concentration, with the mean integrated out as if the tables were known.
    at_mean = (tables + a) / (tables + a).sum(axis=1, keepdims=True)
    height = _log_likelihood(known, at_mean, np.exp(grid)) + _log_prior(grid, centre)
    height += _log_dirichlet(at_mean, np.full(k, a)) - _log_dirichlet_at_mean(tables + a)
    weight = np.exp(_FLATTER * (height - np.max(height)))
    weight /= weight.sum()
    m = _EACH * n
    node = systematic(weight, m, rng)
    step = grid[1] - grid[0]
    log_kappa = grid[node] + step * (rng.random(m) - 0.5)
    alpha = _FLATTER * tables[node] + a
    mean = np.maximum(dirichlet(alpha, rng), _SMALLEST)
    log_weight = (
        _log_likelihood(known, mean, np.exp(log_kappa))
        + _log_prior(log_kappa, centre)
        + _log_dirichlet(mean, np.full(k, a))
        - np.log(weight[node] / step)
        - _log_dirichlet(mean, alpha)
    )
    smooth, khat = smooth_weights(log_weight)
    if khat >= _GOOD:  # where tables vary much: again from around the points that were found
        again = _again(known, a, centre, mean, log_kappa, smooth, rng)
        smooth_again, khat_again = smooth_weights(again[-1])
        if khat_again < khat:
            (mean, log_kappa, log_weight), smooth, khat = again, smooth_again, khat_again
    probability = np.exp(smooth)
    chosen = rng.permutation(systematic(probability, n, rng))
    return Common(
        mean[chosen],
        np.exp(log_kappa[chosen]),
        float(khat),
        float(1 / (probability**2).sum()),
        float(logsumexp(log_weight) - np.log(len(log_weight))),
    )


def _again(
    counts: np.ndarray,
    a: float,
    centre: float,
    mean: np.ndarray,
    log_kappa: np.ndarray,
    log_weight: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points and log weights from a t around weighted points, in logs of ratios to the largest mean.

    Parameters
    ----------
    counts, a, centre
        As in `common_of`.
    mean, log_kappa, log_weight : numpy.ndarray
        Points that were found before, with normalised weights.
    rng : numpy.random.Generator
    """
    base = int(np.argmax(mean.mean(axis=0)))
    others = np.delete(np.arange(counts.shape[1]), base)
    size = len(log_kappa)
    for _ in range(_AGAIN):
        log_mean = np.log(np.maximum(mean, _SMALLEST))
        u = np.column_stack([log_mean[:, others] - log_mean[:, [base]], log_kappa])
        weight = np.exp(log_weight - logsumexp(log_weight))
        middle = weight @ u
        cov = (u - middle).T @ ((u - middle) * weight[:, None]) + 1e-9 * np.eye(u.shape[1])
        root = _WIDER * np.linalg.cholesky(cov)
        normal = rng.standard_normal((size, u.shape[1]))
        chi = rng.chisquare(_DEGREES, size) / _DEGREES
        u = middle + (normal / np.sqrt(chi)[:, None]) @ root.T
        ratios = np.column_stack([u[:, :-1], np.zeros(size)])
        logs = ratios - np.asarray(logsumexp(ratios, axis=1, keepdims=True))
        mean = np.empty((size, counts.shape[1]))
        mean[:, others], mean[:, base] = np.exp(logs[:, :-1]), np.exp(logs[:, -1])
        mean, log_kappa = np.maximum(mean, _SMALLEST), u[:, -1]
        d, squared = u.shape[1], (normal**2).sum(axis=1) / chi
        log_t = (
            gammaln((_DEGREES + d) / 2)
            - gammaln(_DEGREES / 2)
            - 0.5 * d * np.log(_DEGREES * np.pi)
            - np.log(np.diag(root)).sum()
            - 0.5 * (_DEGREES + d) * np.log1p(squared / _DEGREES)
        )
        # The volume of the ratios is that of the means over their product.
        log_weight = (
            _log_likelihood(counts, mean, np.exp(log_kappa))
            + _log_prior(log_kappa, centre)
            + _log_dirichlet(mean, np.full(counts.shape[1], a))
            + np.log(mean).sum(axis=1)
            - log_t
        )
    return mean, log_kappa, log_weight


def _tables(counts: np.ndarray, a: float, kappa: float) -> np.ndarray:
    """Return the expected number of tables of each next state over the segments, shape (next,).

    Found together with the mean that they imply.
    """
    tables = (counts > 0).sum(axis=0).astype(float)
    for _ in range(_ROUNDS):
        theta = kappa * (tables + a) / (tables + a).sum()
        tables = (theta * (digamma(theta + counts) - digamma(theta))).sum(axis=0)
    return tables


def _log_likelihood(counts: np.ndarray, mean: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """Return the log-likelihood at points, shape (point,); one segment at a time, to keep memory small."""
    theta = kappa[:, None] * mean
    total = np.zeros(len(kappa))
    different, times = np.unique(counts, axis=0, return_counts=True)
    at_zero = gammaln(theta)
    for row, n in zip(different, times, strict=True):
        some = np.flatnonzero(row)
        cells = (gammaln(theta[:, some] + row[some]) - at_zero[:, some]).sum(axis=1)
        total += n * (cells + gammaln(kappa) - gammaln(kappa + row.sum()))
    return total


def _log_prior(log_kappa: np.ndarray, centre: float) -> np.ndarray:
    return -0.5 * ((log_kappa - centre) / _SPREAD) ** 2 - np.log(_SPREAD * np.sqrt(2 * np.pi))


def _log_dirichlet(p: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return the log density of Dirichlet distributions over the last axis."""
    constant = gammaln(alpha.sum(axis=-1)) - gammaln(alpha).sum(axis=-1)
    return constant + ((alpha - 1) * np.log(np.maximum(p, _SMALLEST))).sum(axis=-1)


def _log_dirichlet_at_mean(alpha: np.ndarray) -> np.ndarray:
    return _log_dirichlet(alpha / alpha.sum(axis=-1, keepdims=True), alpha)
