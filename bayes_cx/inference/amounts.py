r"""The mean amount of those who pay, by arm: log-normal or gamma, with a shape that the arms have in common.

Both are drawn exactly, or from a fine grid of their one shape. With N amounts z, :math:`l = \log z`, the
geometric mean of all amounts as the unit of money, and W the sum of squares of l within arms,

.. math::
    l \sim \text{Normal}(\mu_a, \sigma^2), \quad
    \sigma^2 \sim \text{InvGamma}(\nu, \nu), \quad
    \mu_a \mid \sigma^2 \sim \text{Normal}(0, \sigma^2 / \kappa);

    z \sim \text{Gamma}(k, \theta_a), \quad \log k \sim \text{Normal}(0, 1), \quad
    \theta_a \mid k \sim \text{Gamma}(\kappa k, \kappa k),

so that each prior is worth :math:`\kappa` amounts like those of all arms, in whatever unit of money.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

__all__ = ["Amounts", "amounts_of"]

_KAPPA = 1.0
_NU = 1.0
_GRID = 400


@dataclass(frozen=True)
class Amounts:
    """Draws of the mean amount of each arm.

    Attributes
    ----------
    mean : numpy.ndarray, shape (draw, arm)
    family : {"log-normal", "gamma"}
    log_marginal : dict of str to float
        Of each family, in the unit of the data.
    """

    mean: np.ndarray
    family: str
    log_marginal: dict[str, float]


def amounts_of(
    n: np.ndarray,
    total: np.ndarray,
    logs: np.ndarray,
    log_squares: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> Amounts:
    """Return draws of the mean amount of each arm, by the family that the data prefer.

    Parameters
    ----------
    n, total, logs, log_squares : numpy.ndarray, shape (arm,)
        Number of amounts, their sum, the sum of their logarithms and that of the squares of these.
    draws : int
    rng : numpy.random.Generator
    """
    centre = float(logs.sum() / n.sum())
    unit = np.exp(centre)
    # In units of the geometric mean; a change of unit adds the same to both marginal likelihoods.
    l1 = logs - n * centre
    l2 = log_squares - 2 * centre * logs + n * centre**2
    normal, by_normal = _log_normal(n, l1, l2, draws, rng)
    gamma, by_gamma = _gamma(n, total / unit, l1, draws, rng)
    found = {"log-normal": by_normal - float(logs.sum()), "gamma": by_gamma - float(logs.sum())}
    family = max(found, key=lambda name: found[name])
    return Amounts(unit * (normal if family == "log-normal" else gamma), family, found)


def _log_normal(
    n: np.ndarray, l1: np.ndarray, l2: np.ndarray, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return draws of the means and the log marginal likelihood of the logarithms."""
    k = n + _KAPPA
    shape = _NU + n.sum() / 2
    rate = _NU + np.maximum(l2 - l1**2 / k, 0.0).sum() / 2
    log_marginal = (
        gammaln(shape) - gammaln(_NU) + _NU * np.log(_NU) - shape * np.log(rate)
        + 0.5 * np.log(_KAPPA / k).sum() - n.sum() / 2 * np.log(2 * np.pi)
    )  # fmt: skip
    variance = rate / rng.gamma(shape, size=(draws, 1))
    mu = l1 / k + np.sqrt(variance / k) * rng.standard_normal((draws, n.size))
    return np.exp(mu + variance / 2), float(log_marginal)


def _gamma(
    n: np.ndarray, total: np.ndarray, l1: np.ndarray, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return draws of the means and the log marginal likelihood, over a grid of the shape."""
    log_k = np.linspace(-5.0, 7.0, _GRID)
    found = _gamma_marginal(np.exp(log_k), n, total, l1)
    # A second grid where the first one has its mass.
    mass = np.flatnonzero(found > found.max() - 30)
    low, high = log_k[max(mass[0] - 1, 0)], log_k[min(mass[-1] + 1, _GRID - 1)]
    log_k = np.linspace(low, high, _GRID)
    found = _gamma_marginal(np.exp(log_k), n, total, l1)
    step = log_k[1] - log_k[0]
    chosen = rng.choice(_GRID, draws, p=np.exp(found - logsumexp(found)))
    k = np.exp(log_k[chosen] + step * (rng.random(draws) - 0.5))[:, None]
    theta = rng.gamma((_KAPPA + n) * k) / (_KAPPA * k + total)
    return k / theta, float(logsumexp(found) + np.log(step))


def _gamma_marginal(k: np.ndarray, n: np.ndarray, total: np.ndarray, l1: np.ndarray) -> np.ndarray:
    """Return the log of prior density of log k times the likelihood, the rates integrated out."""
    c = _KAPPA * k[:, None]
    shape = c + n * k[:, None]
    each = (
        c * np.log(c) - gammaln(c) + gammaln(shape) - shape * np.log(c + total)
        + k[:, None] * l1 - n * gammaln(k[:, None])
    )  # fmt: skip
    return each.sum(axis=1) - np.log(k) ** 2 / 2 - 0.5 * np.log(2 * np.pi)
