r"""Distributions of waiting times: four families, and mixtures of a short and a long kind.

With a scale c and a shape k, :math:`z = w / c`:

- exponential: :math:`S(w) = e^{-z}`
- Weibull: :math:`S(w) = e^{-z^k}`
- gamma: :math:`S(w) = Q(k, z)`, the upper regularised incomplete gamma function
- log-normal: :math:`S(w) = \Phi(-k \log z)`, so that 1/k is the standard deviation of log w

Of two kinds, such as minutes within a visit and weeks between visits, a share p is of the short one,

.. math::
    S(w) = p\, S_1(w) + (1 - p)\, S_2(w), \quad c_1 < c_2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc, gammainccinv, gammaln, log_ndtr, ndtri

__all__ = ["FAMILIES", "TWO_KINDS", "Family", "Part", "log_density", "log_survival"]

_TINY = 1e-300


@dataclass(frozen=True)
class Family:
    """A family of distributions of waiting times, with a scale of one.

    Attributes
    ----------
    name : str
    log_density, log_survival : callable
        ``(log z, shape)`` with z the waiting time over its scale.
    log_beyond : callable
        ``(log z, shape)``: logarithm of the mean of what is longer than z, counting the rest as nothing.
    mean : callable
        ``shape -> mean``.
    inverse : callable
        ``(survival, shape) -> z``.
    has_shape : bool
    """

    name: str
    log_density: Callable[[np.ndarray, np.ndarray], np.ndarray]
    log_survival: Callable[[np.ndarray, np.ndarray], np.ndarray]
    log_beyond: Callable[[np.ndarray, np.ndarray], np.ndarray]
    mean: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray, np.ndarray], np.ndarray]
    has_shape: bool = True


def _log_upper(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the logarithm of the upper regularised incomplete gamma function."""
    return np.log(np.maximum(gammaincc(a, x), _TINY))


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "exponential",
            lambda log_z, _: log_z - np.exp(log_z),
            lambda log_z, _: -np.exp(log_z),
            lambda log_z, _: np.log1p(np.exp(log_z)) - np.exp(log_z),
            np.ones_like,
            lambda level, _: -np.log(level),
            has_shape=False,
        ),
        Family(
            "Weibull",
            lambda log_z, k: np.log(k) + k * log_z - np.exp(k * log_z),
            lambda log_z, k: -np.exp(k * log_z),
            lambda log_z, k: gammaln(1 + 1 / k) + _log_upper(1 + 1 / k, np.exp(k * log_z)),
            lambda k: np.exp(gammaln(1 + 1 / k)),
            lambda level, k: (-np.log(level)) ** (1 / k),
        ),
        Family(
            "gamma",
            lambda log_z, k: k * log_z - np.exp(log_z) - gammaln(k),
            lambda log_z, k: _log_upper(k, np.exp(log_z)),
            lambda log_z, k: np.log(k) + _log_upper(k + 1, np.exp(log_z)),
            lambda k: k,
            lambda level, k: gammainccinv(k, level),
        ),
        Family(
            "log-normal",
            lambda log_z, k: np.log(k) - 0.5 * (k * log_z) ** 2 - 0.5 * np.log(2 * np.pi),
            lambda log_z, k: log_ndtr(-k * log_z),
            lambda log_z, k: 0.5 / k**2 + log_ndtr(1 / k - k * log_z),
            lambda k: np.exp(0.5 / k**2),
            lambda level, k: np.exp(-ndtri(level) / k),
        ),
    )
}
"""By name. Densities are those of log z, so the density of the waiting time is them divided by it."""

TWO_KINDS = {
    "two log-normals": (FAMILIES["log-normal"], FAMILIES["log-normal"]),
    "log-normal and Weibull": (FAMILIES["log-normal"], FAMILIES["Weibull"]),
}
"""By name the family of the short waiting times, and that of the long ones."""


@dataclass(frozen=True)
class Part:
    """One kind of waiting times.

    Attributes
    ----------
    family : Family
    log_share : numpy.ndarray
        Logarithm of its share of all stays.
    scale, shape : numpy.ndarray
    """

    family: Family
    log_share: np.ndarray
    scale: np.ndarray
    shape: np.ndarray

    def log_survival(self, log_wait: np.ndarray) -> np.ndarray:
        """Return log P(of this kind, and longer than a waiting time)."""
        return self.log_share + self.family.log_survival(log_wait - np.log(self.scale), self.shape)

    def log_density(self, log_wait: np.ndarray) -> np.ndarray:
        """Return the log density of the log waiting time, times the share of this kind."""
        return self.log_share + self.family.log_density(log_wait - np.log(self.scale), self.shape)

    def log_beyond(self, log_wait: np.ndarray) -> np.ndarray:
        """Return the logarithm of the mean of what is of this kind and longer; the rest counts as nothing."""
        log_scale = np.log(self.scale)
        return self.log_share + log_scale + self.family.log_beyond(log_wait - log_scale, self.shape)

    def inverse(self, level: np.ndarray) -> np.ndarray:
        """Return the time that a stay of this kind exceeds with a probability."""
        return self.scale * self.family.inverse(np.maximum(level, _TINY), self.shape)


def log_survival(parts: Sequence[Part], log_wait: np.ndarray) -> np.ndarray:
    """Return log P(longer than a waiting time) of all kinds together."""
    return _added([part.log_survival(log_wait) for part in parts])


def log_density(parts: Sequence[Part], log_wait: np.ndarray) -> np.ndarray:
    """Return the log density of the log waiting time of all kinds together."""
    return _added([part.log_density(log_wait) for part in parts])


def _added(logs: Sequence[np.ndarray]) -> np.ndarray:
    first, *others = logs
    for other in others:
        first = np.logaddexp(first, other)
    return first
