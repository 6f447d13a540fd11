"""Coefficients that are shrunk to zero by learnt scales: draws without chains.

Given the scales, coefficients are nearly normal; the scales are integrated over. A quadratic log-likelihood
gives the density of the scales in closed form, `scale_draws` draws them, coefficients are drawn given each,
and importance weights make up for what is not quadratic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from bayes_cx.errors import FitError
from bayes_cx.inference.density import Mode
from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.scale_draws import OfScales, draw_scales

__all__ = ["Regression", "Shrunk", "draw_shrunk"]

# Matrices factorised together, and draws whose likelihood is computed together.
_TOGETHER = 64
# Log-likelihoods that differ by less are equal: the quadratic form is exact.
_EXACT = 1e-6
_STEPS, _CLOSE = 50, 1e-8
# How often the quadratic form is made anew at the most probable scales.
_ROUNDS = 3
# No search goes below this part of a prior's scale, where the density of its logarithm is a straight line.
_LEAST = np.log(1e-3)


@dataclass(frozen=True)
class Regression:
    """Rows of a regression, with the prior of its coefficients.

    Attributes
    ----------
    x : numpy.ndarray, shape (row, coefficient)
    outcome, weight : numpy.ndarray, shape (row,)
        What happened, and to how many.
    family : {"bernoulli", "normal"}
    variance : numpy.ndarray, shape (row,)
        Of normal outcomes.
    scale : numpy.ndarray of int, shape (coefficient,)
        Which scale is the coefficient's standard deviation; -1 for those with a fixed one.
    fixed : float
        The standard deviation of the latter, around `centre`.
    centre : numpy.ndarray, shape (coefficient,)
        The prior mean of each coefficient; zero where it has a scale.
    sizes : numpy.ndarray, shape (scale,)
        Scales of the half-normal priors.
    """

    x: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    family: Literal["bernoulli", "normal"]
    variance: np.ndarray
    scale: np.ndarray
    fixed: float
    centre: np.ndarray
    sizes: np.ndarray

    def log_lik(self, b: np.ndarray) -> np.ndarray:
        """Return the log-likelihood at points of shape (point, coefficient)."""
        found = np.empty(len(b))
        for start in range(0, len(b), _TOGETHER):
            eta = b[start : start + _TOGETHER] @ self.x.T
            if self.family == "bernoulli":
                terms = self.outcome * log_expit(eta) + (1 - self.outcome) * log_expit(-eta)
            else:
                terms = -0.5 * (self.outcome - eta) ** 2 / self.variance
            found[start : start + _TOGETHER] = terms @ self.weight
        return found

    def expanded(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and negative Hessian of the log-likelihood at one point."""
        eta = self.x @ b
        if self.family == "bernoulli":
            p = expit(eta)
            slope, bend = self.weight * (self.outcome - p), self.weight * p * (1 - p)
        else:
            slope, bend = self.weight * (self.outcome - eta) / self.variance, self.weight / self.variance
        return self.x.T @ slope, (self.x * bend[:, None]).T @ self.x

    def precision(self, theta: np.ndarray) -> np.ndarray:
        """Return the prior precision of each coefficient, shape (point, coefficient), of log scales."""
        own = np.append(np.exp(-2 * theta), np.full((len(theta), 1), self.fixed**-2), axis=1)
        return own[:, self.scale]

    def log_prior(self, theta: np.ndarray) -> np.ndarray:
        """Return the log prior density of log scales, shape (point,)."""
        constant = np.log(2 / self.sizes) - 0.5 * np.log(2 * np.pi)
        return (constant - 0.5 * np.exp(2 * (theta - np.log(self.sizes))) + theta).sum(axis=1)

    def sample_scales(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws of log scales from their prior, shape (draw, scale)."""
        return np.log(np.abs(rng.standard_normal((n, self.sizes.size))) * self.sizes)


@dataclass(frozen=True)
class Shrunk:
    """Draws of equal weight.

    Attributes
    ----------
    coefficients : numpy.ndarray, shape (draw, coefficient)
    scales : numpy.ndarray, shape (draw, scale)
    khat, ess : float
        The worse of the Pareto k-hats of the weights of scales and of coefficients, and the smaller effective
        number of draws.
    log_marginal : float
        Logarithm of the marginal likelihood.
    """

    coefficients: np.ndarray
    scales: np.ndarray
    khat: float
    ess: float
    log_marginal: float


@dataclass(frozen=True)
class _Quadratic:
    """The log-likelihood as ``height + slope @ (b - at) - (b - at) @ bend @ (b - at) / 2``."""

    of: Regression
    at: np.ndarray
    height: float
    slope: np.ndarray
    bend: np.ndarray

    @classmethod
    def around(cls, of: Regression, b: np.ndarray) -> "_Quadratic":
        return cls(of, b, float(of.log_lik(b[None])[0]), *of.expanded(b))

    def log_lik(self, b: np.ndarray) -> np.ndarray:
        away = b - self.at
        return self.height + away @ self.slope - 0.5 * ((away @ self.bend) * away).sum(axis=1)

    def given(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return means of coefficients given log scales, roots of their precision, density of the scales.

        The density is a logarithm, without the prior. The roots are lower triangles L with precision L L'.
        """
        prior = self.of.precision(theta)
        root = np.linalg.cholesky(self.bend + prior[:, :, None] * np.eye(self.at.size))
        # With the prior's mean c and z = b - c: precision of z is bend + prior.
        from_centre = self.at - self.of.centre
        h = self.slope + self.bend @ from_centre
        half = np.array([solve_triangular(one, h, lower=True) for one in root])
        mean = np.array([solve_triangular(one.T, v) for one, v in zip(root, half, strict=True)])
        at_centre = self.height - from_centre @ self.slope - 0.5 * from_centre @ self.bend @ from_centre
        log_density = at_centre + 0.5 * (half**2).sum(axis=1) + 0.5 * np.log(prior).sum(axis=1)
        log_density -= np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        return self.of.centre + mean, root, log_density

    def heights(self, theta: np.ndarray) -> np.ndarray:
        """Return the log posterior density of log scales, shape (point,)."""
        parts = [theta[start : start + _TOGETHER] for start in range(0, len(theta), _TOGETHER)]
        # Scales of next to nothing, and beyond all sense, need no matrix.
        found = [
            self.given(np.clip(part, np.log(self.of.sizes) - 12, np.log(self.of.sizes) + 4))[2]
            for part in parts
        ]
        return np.concatenate(found) + self.of.log_prior(theta)


def draw_shrunk(of: Regression, n: int, degrees: float, rng: np.random.Generator) -> Shrunk:
    """Return `n` draws from the posterior of a regression with learnt scales.

    Raises
    ------
    FitError
        If no most probable coefficients are found.
    """
    theta = np.log(of.sizes / 2)
    b = of.centre.copy()
    for _ in range(_ROUNDS):
        b = _most_probable(of, b, theta)
        quadratic = _Quadratic.around(of, b)
        theta, precision = _peak(quadratic.heights, theta, np.log(of.sizes) + _LEAST)
        if of.family == "normal":
            break
    quadratic = _Quadratic.around(of, _most_probable(of, b, theta))
    known = OfScales(quadratic.heights, of.sample_scales, of.log_prior, np.ones(theta.size, bool))
    of_scales = draw_scales(known, Mode(theta, 0.0, precision, 0.0), n, degrees, rng, proposed=2 * n)
    drawn = np.empty((n, b.size))
    for start in range(0, n, _TOGETHER):
        some = slice(start, min(start + _TOGETHER, n))
        mean, root, _ = quadratic.given(of_scales.points[some])
        z = rng.standard_normal(mean.shape)
        drawn[some] = mean + np.array([solve_triangular(one.T, v) for one, v in zip(root, z, strict=True)])
    log_weight = of.log_lik(drawn) - quadratic.log_lik(drawn)
    khat, ess, chosen = of_scales.khat, of_scales.ess, np.arange(n)
    if np.ptp(log_weight) > _EXACT:
        smooth, own = smooth_weights(log_weight)
        weight = np.exp(smooth)
        khat, ess = max(khat, float(own)), min(ess, float(1 / (weight**2).sum()))
        chosen = rng.permutation(systematic(weight, n, rng))
    top = log_weight.max()
    evidence = of_scales.log_integral + top + float(np.log(np.mean(np.exp(log_weight - top))))
    return Shrunk(drawn[chosen], np.exp(of_scales.points[chosen]), khat, ess, evidence)


def _most_probable(of: Regression, b: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return the most probable coefficients given log scales, by Newton steps that never go down."""
    prior = of.precision(theta[None])[0]

    def height(b: np.ndarray) -> float:
        return float(of.log_lik(b[None])[0] - 0.5 * (prior * (b - of.centre) ** 2).sum())

    now = height(b)
    for _ in range(_STEPS):
        slope, bend = of.expanded(b)
        slope = slope - prior * (b - of.centre)
        step = np.linalg.solve(bend + np.diag(prior), slope)
        length, then = 1.0, height(b + step)
        while not then >= now - _CLOSE and length > _CLOSE:
            length /= 2
            then = height(b + length * step)
        b, now = b + length * step, then
        if slope @ step < _CLOSE:
            return b
    raise FitError(
        "no most probable coefficients", "a search that ends", "use fewer features, or check the data"
    )


def _peak(
    heights: Callable[[np.ndarray], np.ndarray], start: np.ndarray, least: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the density of log scales is highest, and the precision there."""
    found = minimize(
        lambda u: -heights(u[None])[0],
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-2, "fatol": 1e-2, "maxiter": 400},
    )
    u, h = np.maximum(found.x, least), 0.1
    k = u.size
    step = h * np.eye(k)
    pairs = [(i, j) for i in range(k) for j in range(i + 1)]
    points = [u + s * step[i] + t * step[j] for i, j in pairs for s in (1, -1) for t in (1, -1)]
    values = heights(np.array(points)).reshape(-1, 4)
    precision = np.empty((k, k))
    for (i, j), (pp, pm, mp, mm) in zip(pairs, values, strict=True):
        precision[i, j] = precision[j, i] = -(pp - pm - mp + mm) / (4 * h * h)
    values_, vectors = np.linalg.eigh(precision)
    return u, (vectors * np.maximum(values_, 0.25)) @ vectors.T
