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
from scipy.special import expit, log_expit, logsumexp

from bayes_cx.errors import FitError
from bayes_cx.inference.density import Mode
from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.noise import Noise
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import draw_t, log_t
from bayes_cx.inference.scale_draws import OfScales, draw_scales

__all__ = ["Regression", "Shrunk", "draw_shrunk"]

# Matrices factorised together, and draws whose likelihood is computed together.
_TOGETHER = 64
# Log-likelihoods that differ by less are equal: the quadratic form is exact.
_EXACT = 1e-6
_STEPS, _CLOSE = 50, 1e-8
# How often the quadratic form is made anew at the most probable scales.
_ROUNDS = 3
# Standard deviations are proposed from so many standard errors around where they are most probable.
_AROUND = 1.3
# For each vector of scales so many pairs of coefficients are proposed, wider by this divided by the root of
# their number.
_PAIRS, _WIDER = 2, 0.5
# No search goes below this part of a prior's scale, where the density of its logarithm is a straight line.
_LEAST = np.log(1e-3)


@dataclass(frozen=True)
class Regression:
    """Rows of a regression, with the prior of its coefficients.

    What is learnt besides coefficients are logarithms of scales and, of amounts, of standard deviations. The
    latter are counted from a guess, in standard errors of it.

    Attributes
    ----------
    x : numpy.ndarray, shape (row, coefficient)
    outcome, weight : numpy.ndarray, shape (row,)
        What happened, and to how many.
    family : {"bernoulli", "normal"}
    scale : numpy.ndarray of int, shape (coefficient,)
        Which scale is the coefficient's standard deviation; -1 for those with a fixed one.
    fixed : float
        The standard deviation of the latter, around `centre`.
    centre : numpy.ndarray, shape (coefficient,)
        The prior mean of each coefficient; zero where it has a scale.
    sizes : numpy.ndarray, shape (scale,)
        Scales of the half-normal priors.
    noise : Noise or None
        What amounts differ by beyond the coefficients; None for yes or no.
    """

    x: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    family: Literal["bernoulli", "normal"]
    scale: np.ndarray
    fixed: float
    centre: np.ndarray
    sizes: np.ndarray
    noise: Noise | None = None

    def log_lik(self, b: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of yes or no at points of shape (point, coefficient)."""
        found = np.empty(len(b))
        for start in range(0, len(b), _TOGETHER):
            eta = b[start : start + _TOGETHER] @ self.x.T
            terms = self.outcome * log_expit(eta) + (1 - self.outcome) * log_expit(-eta)
            found[start : start + _TOGETHER] = terms @ self.weight
        return found

    def expanded(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and negative Hessian of the log-likelihood of yes or no at one point."""
        p = expit(self.x @ b)
        slope, bend = self.weight * (self.outcome - p), self.weight * p * (1 - p)
        return self.x.T @ slope, (self.x * bend[:, None]).T @ self.x

    def precision(self, theta: np.ndarray) -> np.ndarray:
        """Return the prior precision of each coefficient, shape (point, coefficient), of log scales."""
        scales = theta[:, : self.sizes.size]
        own = np.append(np.exp(-2 * scales), np.full((len(theta), 1), self.fixed**-2), axis=1)
        return own[:, self.scale]

    def log_prior(self, theta: np.ndarray) -> np.ndarray:
        """Return the log prior density of log scales, shape (point,)."""
        scales = theta[:, : self.sizes.size]
        constant = np.log(2 / self.sizes) - 0.5 * np.log(2 * np.pi)
        return (constant - 0.5 * np.exp(2 * (scales - np.log(self.sizes))) + scales).sum(axis=1)

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
    noise : numpy.ndarray, shape (draw, group)
        Standard deviations of amounts beyond the coefficients; no groups for yes or no.
    khat, ess : float
        The worse of the Pareto k-hats of the weights of scales and of coefficients, and the smaller effective
        number of draws.
    log_marginal : float
        Logarithm of the marginal likelihood.
    """

    coefficients: np.ndarray
    scales: np.ndarray
    noise: np.ndarray
    khat: float
    ess: float
    log_marginal: float


@dataclass(frozen=True)
class _Quadratic:
    """The log-likelihood as ``height + slope @ (b - at) - (b - at) @ bend @ (b - at) / 2``.

    Of amounts it is a sum over groups, each divided by its variance, and exact.
    """

    of: Regression
    at: np.ndarray
    height: np.ndarray
    slope: np.ndarray
    bend: np.ndarray

    @classmethod
    def around(cls, of: Regression, b: np.ndarray) -> "_Quadratic":
        if of.noise is not None:
            return cls(of, b, *of.noise.sums(of.x, of.outcome - of.x @ b, of.weight))
        slope, bend = of.expanded(b)
        return cls(of, b, of.log_lik(b[None]), slope[None], bend[None])

    def log_lik(self, b: np.ndarray) -> np.ndarray:
        """Return it for yes or no."""
        away = b - self.at
        return self.height[0] + away @ self.slope[0] - 0.5 * ((away @ self.bend[0]) * away).sum(axis=1)

    def given(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return means of coefficients given log scales, roots of their precision, density of the scales.

        The density is a logarithm, without the prior. The roots are lower triangles L with precision L L'.
        """
        noise, k = self.of.noise, self.of.sizes.size
        share, constant = np.ones((len(theta), 1)), np.zeros(len(theta))
        if noise is not None:
            share, constant = noise.precision(theta[:, k:])
        height, slope = constant + share @ self.height, share @ self.slope
        bend = np.tensordot(share, self.bend, axes=1)
        prior = self.of.precision(theta)
        root = np.linalg.cholesky(bend + prior[:, :, None] * np.eye(self.at.size))
        # With the prior's mean c and z = b - c: precision of z is bend + prior.
        from_centre = self.at - self.of.centre
        bent = bend @ from_centre
        h = slope + bent
        half = np.array([solve_triangular(*pair, lower=True) for pair in zip(root, h, strict=True)])
        mean = np.array([solve_triangular(one.T, v) for one, v in zip(root, half, strict=True)])
        at_centre = height - slope @ from_centre - 0.5 * bent @ from_centre
        log_density = at_centre + 0.5 * (half**2).sum(axis=1) + 0.5 * np.log(prior).sum(axis=1)
        log_density -= np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        return self.of.centre + mean, root, log_density

    def heights(self, theta: np.ndarray) -> np.ndarray:
        """Return the log posterior density of what is learnt besides coefficients, shape (point,)."""
        k, middle = self.of.sizes.size, np.log(self.of.sizes)
        # Scales of next to nothing, and beyond all sense, need no matrix.
        sound = np.append(np.clip(theta[:, :k], middle - 12, middle + 4), theta[:, k:], axis=1)
        found = [self.given(sound[start : start + _TOGETHER])[2] for start in range(0, len(theta), _TOGETHER)]
        log_prior = self.of.log_prior(theta)
        if self.of.noise is not None:
            log_prior = log_prior + self.of.noise.log_prior(theta[:, k:])
        return np.concatenate(found) + log_prior


def draw_shrunk(of: Regression, n: int, degrees: float, rng: np.random.Generator) -> Shrunk:
    """Return `n` draws from the posterior of a regression with learnt scales.

    Raises
    ------
    FitError
        If no most probable coefficients are found.
    """
    k, noise = of.sizes.size, of.noise
    groups = 0 if noise is None else noise.guess.size
    theta = np.append(np.log(of.sizes / 2), np.zeros(groups))
    least = np.append(np.log(of.sizes) + _LEAST, np.full(groups, -np.inf))
    quadratic = _Quadratic.around(of, of.centre)
    if noise is None:
        b, precision = of.centre.copy(), np.eye(k)
        for _ in range(_ROUNDS):
            b = _most_probable(of, b, theta)
            theta, precision = _peak(_Quadratic.around(of, b).heights, theta, least)
        quadratic = _Quadratic.around(of, _most_probable(of, b, theta))
    else:
        theta, precision = _peak(quadratic.heights, theta, least)
    known = _known(of, quadratic, theta, degrees)
    of_scales = draw_scales(known, Mode(theta, 0.0, precision, 0.0), n, degrees, rng, proposed=2 * n)
    drawn, log_weight = _coefficients(quadratic, of_scales.points, rng)
    khat, ess, chosen = of_scales.khat, of_scales.ess, np.arange(n)
    if np.ptp(log_weight) > _EXACT:
        smooth, own = smooth_weights(log_weight)
        weight = np.exp(smooth)
        khat, ess = max(khat, float(own)), min(ess, float(1 / (weight**2).sum()))
        chosen = rng.permutation(systematic(weight, n, rng))
    top = log_weight.max()
    evidence = of_scales.log_integral + top + float(np.log(np.mean(np.exp(log_weight - top))))
    points = of_scales.points[chosen]
    sd = np.empty((n, 0)) if noise is None else noise.sd(points[:, k:])
    return Shrunk(drawn[chosen], np.exp(points[:, :k]), sd, khat, ess, evidence)


def _known(of: Regression, quadratic: _Quadratic, theta: np.ndarray, degrees: float) -> OfScales:
    """Return what is known of scales and standard deviations.

    The prior of the latter is too wide to propose from: with the scales from theirs, standard deviations come
    from around where they are most probable.
    """
    k, size = of.sizes.size, theta.size

    def proposed(n: int, rng: np.random.Generator) -> np.ndarray:
        found = of.sample_scales(n, rng)
        if size == k:
            return found
        return np.append(found, theta[k:] + _AROUND * draw_t(n, size - k, degrees, rng), axis=1)

    def log_proposed(points: np.ndarray) -> np.ndarray:
        found = of.log_prior(points)
        if size == k:
            return found
        away = (((points[:, k:] - theta[k:]) / _AROUND) ** 2).sum(axis=1)
        return found + log_t(away, size - k, degrees) - (size - k) * np.log(_AROUND)

    return OfScales(quadratic.heights, proposed, log_proposed, np.arange(size) < k)


def _coefficients(
    quadratic: _Quadratic, points: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients drawn given scales, and log weights.

    Where the quadratic form is not exact several candidates are drawn for each vector of scales, a little
    wider, so that no tail is longer than theirs, and in opposite pairs, so that what is skew cancels out. The
    weight is the mean of theirs, and one of them is drawn by its share of that.
    """
    of, (n, p) = quadratic.of, (len(points), quadratic.at.size)
    exact = of.noise is not None
    wide, pairs = (1.0, 1) if exact else (1 + _WIDER / np.sqrt(p), _PAIRS)
    drawn, log_weight = np.empty((n, p)), np.zeros(n)
    for start in range(0, n, _TOGETHER):
        some = slice(start, min(start + _TOGETHER, n))
        mean, root, _ = quadratic.given(points[some])
        z = wide * rng.standard_normal((pairs, *mean.shape))
        columns = z.transpose(1, 2, 0)
        off = np.array([solve_triangular(one.T, own) for one, own in zip(root, columns, strict=True)])
        off = np.moveaxis(off, 2, 0)
        if exact:
            drawn[some] = mean + off[0]
            continue
        candidates = np.concatenate([mean + off, mean - off])
        logs = np.array([of.log_lik(each) - quadratic.log_lik(each) for each in candidates])
        logs += p * np.log(wide) - 0.5 * (1 - wide**-2) * np.tile((z**2).sum(axis=2), (2, 1))
        log_weight[some] = logsumexp(logs, axis=0) - np.log(2 * pairs)
        # The largest of sums with Gumbel noise is a draw by shares.
        best = np.argmax(logs + rng.gumbel(size=logs.shape), axis=0)
        drawn[some] = candidates[best, np.arange(best.size)]
    return drawn, log_weight


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
