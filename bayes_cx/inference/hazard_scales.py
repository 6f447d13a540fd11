"""How strong the effects of each family are: scales that are integrated over, given a quadratic likelihood.

Around its highest point the log-likelihood is nearly quadratic. Given the scales the effects are then normal,
and the marginal likelihood of the scales has a closed form.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from bayes_cx.inference.density import Mode
from bayes_cx.inference.scale_draws import OfScales

__all__ = ["GivenScales", "mode_of"]

# Points of scales at once.
_TOGETHER = 128
# Scales below this, in logarithms, are as good as none; they are kept from running off.
_LOWEST = -9.0


@dataclass(frozen=True)
class GivenScales:
    """A quadratic log-likelihood ``b'x - x'Hx / 2``, and normal priors whose scales are to be found.

    Attributes
    ----------
    curve : numpy.ndarray, shape (effect, effect)
        H.
    tilt : numpy.ndarray, shape (effect,)
        b.
    family : numpy.ndarray of int, shape (effect,)
        The position of the scale of each effect; -1 where the prior is known.
    centre, precision : numpy.ndarray, shape (effect,)
        Of the priors that are known.
    scale : float
        Of the half-normal prior of scales.
    size : int
        Number of scales.
    """

    curve: np.ndarray
    tilt: np.ndarray
    family: np.ndarray
    centre: np.ndarray
    precision: np.ndarray
    scale: float
    size: int

    def precisions(self, log_scale: np.ndarray) -> np.ndarray:
        """Return the prior precision of each effect, shape (..., effect), at logarithms of scales."""
        found = np.exp(-2 * log_scale)[..., np.maximum(self.family, 0)] if self.size else 1.0
        return np.where(self.family >= 0, found, self.precision)

    def log_prior(self, log_scale: np.ndarray) -> np.ndarray:
        """Return the log density of the prior of logarithms of scales, shape (...)."""
        ratio = np.exp(log_scale) / self.scale
        each = 0.5 * np.log(2 / np.pi) - 0.5 * ratio**2 + log_scale - np.log(self.scale)
        return each.sum(axis=-1)

    def from_prior(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws of logarithms of scales from their prior, shape (n, scale)."""
        return np.log(np.abs(rng.standard_normal((n, self.size))) * self.scale + 1e-300)

    def log_integral(self, log_scale: np.ndarray) -> np.ndarray:
        """Return the log marginal likelihood of scales, up to a constant, of shape (point,)."""
        found = np.empty(len(log_scale))
        for start in range(0, len(log_scale), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            d = self.precisions(np.maximum(log_scale[some], _LOWEST))
            pull = d * self.centre
            matrix = np.broadcast_to(self.curve, (len(d), *self.curve.shape)).copy()
            index = np.arange(self.tilt.size)
            matrix[:, index, index] += d
            root = np.linalg.cholesky(matrix)
            half = np.stack([_solved(*pair) for pair in zip(root, self.tilt + pull, strict=True)])
            log_det = np.log(root[:, index, index]).sum(axis=1)
            found[some] = 0.5 * np.log(d).sum(axis=1) - log_det + 0.5 * (half**2).sum(axis=1)
            found[some] -= 0.5 * (pull * self.centre).sum(axis=1)
        return found

    def heights(self, log_scale: np.ndarray) -> np.ndarray:
        """Return the log density of logarithms of scales, up to a constant, of shape (point,)."""
        return self.log_integral(log_scale) + self.log_prior(log_scale)

    @property
    def of_scales(self) -> OfScales:
        """What `draw_scales` needs."""
        return OfScales(self.heights, self.from_prior, self.log_prior, np.ones(self.size, bool))

    def best(self, log_scale: np.ndarray) -> np.ndarray:
        """Return the most probable effects at logarithms of scales, shape (effect,)."""
        d = self.precisions(np.maximum(log_scale, _LOWEST))
        return cho_solve(cho_factor(self.curve + np.diag(d), lower=True), self.tilt + d * self.centre)

    def effects(self, log_scale: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the effects at standard normal z, shape (point, effect), given logarithms of scales."""
        found = np.empty_like(z)
        for place, one in enumerate(log_scale):
            d = self.precisions(np.maximum(one, _LOWEST))
            root = np.linalg.cholesky(self.curve + np.diag(d))
            half = _solved(root, self.tilt + d * self.centre) + z[place]
            found[place] = _solved(root, half, transposed=True)
        return found


def _solved(root: np.ndarray, right: np.ndarray, transposed: bool = False) -> np.ndarray:
    """Return the solution for a lower triangular matrix, or for its transpose."""
    return solve_triangular(root, right, lower=True, trans=1 if transposed else 0, check_finite=False)


def mode_of(given: GivenScales, begin: np.ndarray) -> Mode:
    """Return the most probable logarithms of scales, and how the density bends there."""

    def depth(u: np.ndarray) -> float:
        return -float(given.heights(u[None])[0])

    found = minimize(depth, begin, method="L-BFGS-B", bounds=[(_LOWEST + 2, 3.0)] * begin.size)
    u = np.asarray(found.x)
    step = 0.05
    size = u.size
    offsets = step * np.eye(size)
    points = [u + a + b for i, a in enumerate(offsets) for b in offsets[i:]]
    points += [u + a - b for i, a in enumerate(offsets) for b in offsets[i:]]
    points += [u - a + b for i, a in enumerate(offsets) for b in offsets[i:]]
    points += [u - a - b for i, a in enumerate(offsets) for b in offsets[i:]]
    up, left, right, down = np.split(given.heights(np.array(points)), 4)
    pairs = np.triu_indices(size)
    bend = np.zeros((size, size))
    bend[pairs] = -(up - left - right + down) / (4 * step**2)
    bend = bend + bend.T - np.diag(np.diagonal(bend))
    values, vectors = np.linalg.eigh(bend)
    # A scale of which little is known has a flat density; it is looked for within a few units.
    precision = (vectors * np.maximum(values, 0.1)) @ vectors.T
    return Mode(u, -float(found.fun), precision, 0.0)
