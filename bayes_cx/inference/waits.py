r"""Waiting times: four families, the posterior of their two parameters, and which one the data prefer.

With a scale c and a shape k, :math:`z = w / c`:

- exponential: :math:`S(w) = e^{-z}`
- Weibull: :math:`S(w) = e^{-z^k}`
- gamma: :math:`S(w) = Q(k, z)`, the upper regularised incomplete gamma function
- log-normal: :math:`S(w) = \Phi(-k \log z)`, so that 1/k is the standard deviation of log w

A stay that goes on counts by S, all others by the density. The logarithm of the scale is normal around that
of the mean waiting time of all states, so that no unit matters, with standard deviation 2; that of the shape
is normal around 0 with standard deviation .75.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincc, gammainccinv, gammaln, log_ndtr, ndtri

from bayes_cx.errors import FitError
from bayes_cx.inference.density import Density, find_mode
from bayes_cx.inference.laplace import weigh

__all__ = ["FAMILIES", "Family", "Waits", "waits_of"]

_SCALE_SD, _SHAPE_SD = 2.0, 0.75
_DEGREES, _STEP = 8.0, 1e-5
_TINY = 1e-300
_LAGUERRE = 32


@dataclass(frozen=True)
class Family:
    """A family of distributions of waiting times, with a scale of one.

    Attributes
    ----------
    name : str
    log_density, log_survival : callable
        ``(log z, shape)`` with z the waiting time over its scale.
    mean : callable
        ``shape -> mean``.
    inverse : callable
        ``(survival, shape) -> z``.
    has_shape : bool
    """

    name: str
    log_density: Callable[[np.ndarray, np.ndarray], np.ndarray]
    log_survival: Callable[[np.ndarray, np.ndarray], np.ndarray]
    mean: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray, np.ndarray], np.ndarray]
    has_shape: bool = True


def _gamma_survival(log_z: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(gammaincc(k, np.exp(log_z)), _TINY))


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "exponential",
            lambda log_z, _: log_z - np.exp(log_z),
            lambda log_z, _: -np.exp(log_z),
            np.ones_like,
            lambda level, _: -np.log(level),
            has_shape=False,
        ),
        Family(
            "Weibull",
            lambda log_z, k: np.log(k) + k * log_z - np.exp(k * log_z),
            lambda log_z, k: -np.exp(k * log_z),
            lambda k: np.exp(gammaln(1 + 1 / k)),
            lambda level, k: (-np.log(level)) ** (1 / k),
        ),
        Family(
            "gamma",
            lambda log_z, k: k * log_z - np.exp(log_z) - gammaln(k),
            _gamma_survival,
            lambda k: k,
            lambda level, k: gammainccinv(k, level),
        ),
        Family(
            "log-normal",
            lambda log_z, k: np.log(k) - 0.5 * (k * log_z) ** 2 - 0.5 * np.log(2 * np.pi),
            lambda log_z, k: log_ndtr(-k * log_z),
            lambda k: np.exp(0.5 / k**2),
            lambda level, k: np.exp(-ndtri(level) / k),
        ),
    )
}
"""By name. Densities are those of log z, so the density of the waiting time is them divided by it."""


@dataclass(frozen=True)
class Waits:
    """Draws of the distribution of waiting times in one state.

    Attributes
    ----------
    family : str
    scale, shape : numpy.ndarray, shape (draw,)
    probability : dict of str to float
        Posterior probability of each family, all being equally likely before.
    khat, ess : float
        Of the importance weights.
    """

    family: str
    scale: np.ndarray
    shape: np.ndarray
    probability: dict[str, float]
    khat: float
    ess: float

    def survival(self, wait: np.ndarray) -> np.ndarray:
        """Return P(longer than `wait`), which broadcasts with the draws."""
        with np.errstate(divide="ignore"):
            log_z = np.log(wait) - np.log(self.scale)
        return np.exp(FAMILIES[self.family].log_survival(log_z, self.shape))

    def thinned(self, keep: np.ndarray) -> "Waits":
        """Return some of the draws, of shape (draw, 1), so that waiting times broadcast with them."""
        return replace(self, scale=self.scale[keep, None], shape=self.shape[keep, None])

    @property
    def mean(self) -> np.ndarray:
        """The mean waiting time, of the shape of the draws."""
        return self.scale * FAMILIES[self.family].mean(self.shape)

    def rest(self, wait: np.ndarray) -> np.ndarray:
        r"""Return the mean time that a stay of some length still lasts; the draws have shape (draw, 1).

        With S the survival function it is :math:`\int_0^\infty S^{-1}(S(w) e^{-x}) e^{-x} dx - w`.
        """
        x, weight = np.polynomial.laguerre.laggauss(_LAGUERRE)
        level = self.survival(wait)[..., None] * np.exp(-x)
        later = FAMILIES[self.family].inverse(np.maximum(level, _TINY), self.shape[..., None])
        return np.maximum(self.scale * (later @ weight) - wait, 0.0)

    def draw(self, rng: np.random.Generator, longer_than: np.ndarray | float = 0.0) -> np.ndarray:
        """Draw a waiting time for each draw, given that it is longer than some span, by inversion."""
        level = self.survival(np.asarray(longer_than, float)) * rng.random(self.scale.shape)
        drawn = self.scale * FAMILIES[self.family].inverse(np.maximum(level, _TINY), self.shape)
        # Where nearly nobody waits that long, rounding must not bring a time before it.
        return np.maximum(drawn, longer_than)


def waits_of(
    wait: np.ndarray, ended: np.ndarray, weight: np.ndarray, centre: float, n: int, rng: np.random.Generator
) -> Waits:
    """Return `n` draws of the waiting times in a state, of the family with the largest marginal likelihood.

    Parameters
    ----------
    wait, ended, weight : numpy.ndarray, shape (row,)
        How long each stay was, or has been; whether it has ended; how many there are of it.
    centre : float
        Mean waiting time of all states.
    n : int
    rng : numpy.random.Generator
    """
    rows = _Rows(np.log(wait / centre), ended, weight)
    found = {}
    for family in FAMILIES.values():
        density = _density(family, rows)
        try:
            found[family.name] = weigh(density, find_mode(density), n, _DEGREES, rng)
        except FitError:  # one family may have no maximum where another has
            continue
    log_marginal = np.array([weighed.log_marginal for weighed in found.values()])
    probability = np.exp(log_marginal - log_marginal.max())
    probability /= probability.sum()
    best = list(found)[int(np.argmax(probability))]
    weighed = found[best]
    shape = np.exp(weighed.u[:, 1]) if FAMILIES[best].has_shape else np.ones(n)
    return Waits(
        best,
        centre * np.exp(weighed.u[:, 0]),
        shape,
        dict(zip(found, probability.tolist(), strict=True)),
        weighed.khat,
        weighed.ess,
    )


@dataclass(frozen=True)
class _Rows:
    log_wait: np.ndarray
    ended: np.ndarray
    weight: np.ndarray


def _density(family: Family, rows: _Rows) -> Density:
    """Return the log posterior density of the logarithms of scale and, where there is one, shape."""
    size = 2 if family.has_shape else 1
    sd = np.array([_SCALE_SD, _SHAPE_SD])[:size]
    ended, going_on = rows.ended, ~rows.ended

    def heights(points: np.ndarray) -> np.ndarray:
        log_scale = points[:, :1]
        shape = np.exp(points[:, 1:2]) if size == 2 else np.ones_like(log_scale)
        log_z = rows.log_wait - log_scale
        with np.errstate(over="ignore"):
            log_lik = family.log_density(log_z[:, ended], shape) @ rows.weight[ended]
            if going_on.any():
                log_lik = log_lik + family.log_survival(log_z[:, going_on], shape) @ rows.weight[going_on]
        prior = -0.5 * ((points / sd) ** 2).sum(axis=1) - np.log(sd * np.sqrt(2 * np.pi)).sum()
        return np.where(np.isfinite(log_lik), log_lik, -np.inf) + prior

    steps = _STEP * np.concatenate([np.zeros((1, size)), np.eye(size), -np.eye(size)])

    def value_and_gradient(u: np.ndarray) -> tuple[float, np.ndarray]:
        found = heights(u + steps)
        if not np.all(np.isfinite(found)):
            raise FitError(
                "waiting times that are all but equal",
                "some that differ",
                "measure times more finely, if that is possible",
            )
        return float(found[0]), (found[1 : size + 1] - found[size + 1 :]) / (2 * _STEP)

    names = ("scale", "shape")[:size]
    return Density(
        value_and_gradient=value_and_gradient,
        heights=heights,
        named=lambda points: list(np.exp(points).T),
        names=names,
        dims=dict.fromkeys(names, ()),
        coords={},
        start=np.zeros(size),
        elements=names,
    )
