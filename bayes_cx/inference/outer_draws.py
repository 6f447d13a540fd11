"""Draws of the outer effects of a design with groups, in coordinates in which their density is standard."""

from dataclasses import dataclass, replace

import numpy as np

from bayes_cx.inference.laplace import rounded, times
from bayes_cx.inference.quadratic import draw_t, log_t

__all__ = ["OuterDraws"]

# Two halves of a normal distribution have a skewness of .995 at most; more than this counts as this. It is
# shrunk as if so many points without any had been seen.
_MOST_SKEW, _NO_SKEW = 0.9, 50
# In more coordinates than these long tails take most points away from where the density is.
_FEW = 50
# To so many parts of one the scales of halves are rounded.
_PARTS = 64
_ROOT = float(np.sqrt(2 / np.pi))


@dataclass(frozen=True)
class OuterDraws:
    """How outer effects are drawn: as z, which is standard normal where the log-likelihood is quadratic.

    Attributes
    ----------
    size, few : int
        Number of coordinates of z, and of the last ones among them, which have long tails.
    degrees : float
        Of freedom of these tails.
    mean, root : numpy.ndarray, shape (size,) and (size, size), or None
        Where the log-likelihood is not quadratic: mean of z, and lower triangular root of its scale matrix.
    halves : numpy.ndarray, shape (2, size), or None
        Where it is skew as well: the scales to the left and to the right of the top, along the axes of the
        root. Each half is one of a symmetric distribution [geweke1989bayesian]_.
    """

    size: int
    few: int
    degrees: float
    mean: np.ndarray | None = None
    root: np.ndarray | None = None
    halves: np.ndarray | None = None

    def moved(self, z: np.ndarray, weight: np.ndarray, *, skew: bool = False) -> "OuterDraws":
        """Return draws with the mean and covariance of weighed points; few coordinates all have long tails.

        Parameters
        ----------
        z : numpy.ndarray, shape (point, size)
        weight : numpy.ndarray, shape (point,)
            They sum to one.
        skew : bool
            Whether the draws are as skew along each axis as the points.
        """
        mean, known = weight @ z, 1 / (weight**2).sum()
        off = z - mean
        # A covariance has as many numbers as the size squared: of few points it is mostly that of chance.
        share = known / (known + self.size**2)
        covariance = share * (off * weight[:, None]).T @ off + (1 - share) * np.eye(self.size)
        mean, root = rounded(mean, np.linalg.cholesky(covariance))
        halves = None
        if skew:
            white = np.linalg.solve(root, (z - mean).T).T
            # Rounded as the rest is, so that last bits of sums change nothing.
            halves = _halves(known / (known + _NO_SKEW) * (weight @ white**3))
            halves = np.round(halves * _PARTS) / _PARTS
        few = self.size if self.size <= _FEW else self.few
        return replace(self, few=few, mean=mean, root=root, halves=halves)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return `n` points z, shape (n, size), and their log density, shape (n,)."""
        near = self.size - self.few
        z = rng.standard_normal((n, self.size))
        z[:, near:] = draw_t(n, self.few, self.degrees, rng)
        own = -0.5 * (z[:, :near] ** 2).sum(axis=1) - 0.5 * near * np.log(2 * np.pi)
        own += log_t((z[:, near:] ** 2).sum(axis=1), self.few, self.degrees)
        if self.mean is None or self.root is None:
            return z, own
        own -= np.log(np.diagonal(self.root)).sum()
        if self.halves is not None:
            left, right = self.halves
            # A side is as probable as it is wide, so that the density is whole at the top.
            to_right = rng.random(z.shape) < right / (left + right)
            z = np.abs(z) * np.where(to_right, right, -left) - _ROOT * (right - left)
            own -= np.log((left + right) / 2).sum()
        return self.mean + times(z, self.root), own


def _halves(skewness: np.ndarray) -> np.ndarray:
    """Return the scales of two halves of normal distributions with variance 1 and some skewness.

    With d the difference of the scales and p their product the variance is (1 - 2/pi) d^2 + p, and the third
    moment sqrt(2/pi) d ((4/pi - 1) d^2 + p).

    Examples
    --------
    >>> left, right = _halves(np.array([0.0, 0.5]))
    >>> left.round(2).tolist(), right.round(2).tolist()
    ([1.0, 0.65], [1.0, 1.3])
    """
    grid = np.linspace(-1.6, 1.6, 3201)
    product = 1 - (1 - 2 / np.pi) * grid**2
    third = _ROOT * grid * ((4 / np.pi - 1) * grid**2 + product)
    apart = np.interp(np.clip(skewness, -_MOST_SKEW, _MOST_SKEW), third, grid)
    right = (apart + np.sqrt(apart**2 + 4 * (1 - (1 - 2 / np.pi) * apart**2))) / 2
    return np.array([right - apart, right])
